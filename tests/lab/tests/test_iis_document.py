# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML edits that keep every other byte: formatting, comments, line ends, byte order mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail_lab.exchange.iis.document import Document, NotWellFormed

MARK = b"\xef\xbb\xbf"
SAMPLE = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<!-- <a x="1"/> -->\r\n<configuration>\r\n'
    b"  <a\r\n     x='1'   y=\"2 > 1\"\t/>\r\n  <!-- kept -->\r\n  <b></b>\r\n</configuration>\r\n"
)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from("\t\r\n&<>\"'"))


@pytest.mark.parametrize("mark", [b"", MARK])
def test_an_attribute_changes_its_value_only(mark: bytes) -> None:
    document = Document(mark + SAMPLE)
    a = document.root.child("a")
    assert a is not None and a.attributes == {"x": "1", "y": "2 > 1"}
    assert document.with_attribute(a, "x", "1") is document
    assert document.with_attribute(a, "x", "it's").data == mark + SAMPLE.replace(b"'1'", b"'it&apos;s'")
    assert document.with_attribute(a, "z", "3").data == mark + SAMPLE.replace(b'"2 > 1"', b'"2 > 1" z="3"')
    assert document.without_attribute(a, "x").data == mark + SAMPLE.replace(b"\r\n     x='1'", b"")


def test_a_child_takes_the_line_end_and_indentation_of_its_siblings() -> None:
    document = Document(SAMPLE)
    assert document.with_child(document.root, "<c />").data == SAMPLE.replace(b"</b>", b"</b>\r\n  <c />")
    b = document.root.child("b")
    assert b is not None
    assert document.with_child(b, "<c />").data == SAMPLE.replace(b"<b></b>", b"<b>\r\n    <c />\r\n  </b>")
    a = document.root.child("a")
    assert a is not None
    assert b'y="2 > 1">\r\n    <c />\r\n  </a>\r\n' in document.with_child(a, "<c />").data


def test_a_child_goes_behind_a_last_comment() -> None:
    document = Document(b"<r>\n\t<a />\n\t<!-- end -->\n</r>")
    assert document.with_child(document.root, "<b />").data == b"<r>\n\t<a />\n\t<!-- end -->\n\t<b />\n</r>"


@given(VALUES)
def test_any_value_is_read_back(value: str) -> None:
    document = Document(SAMPLE)
    for name in ("x", "z"):
        a = document.root.child("a")
        assert a is not None
        document = document.with_attribute(a, name, value)
        a = document.root.child("a")
        assert a is not None and a.attributes[name] == value


@given(st.lists(st.sampled_from("abc"), max_size=6), VALUES, st.sampled_from([b"", MARK]))
def test_what_is_added_and_removed_leaves_no_trace(names: list[str], value: str, mark: bytes) -> None:
    before = mark + SAMPLE
    document = Document(before)
    document = document.with_child(document.root, "<group />")
    group = len(document.root.children) - 1
    for name in names:
        document = document.with_child(document.root.children[group], f"<{name} />")
        document = document.with_attribute(document.root.children[group].children[-1], "v", value)
    assert [child.name for child in document.root.children[group].children] == names
    assert document.without(document.root.children[group]).data == before


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a></b>", b"<a x='1' x='2'/>", b"\xff\xfe<\x00a\x00/\x00>\x00", b"<a>\xe9</a>"]
)
def test_other_bytes_are_not_well_formed(data: bytes) -> None:
    with pytest.raises(NotWellFormed):
        Document(data)
