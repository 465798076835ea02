# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels of an .mdx's enumerations; what is read of the file besides has its tests with the reader."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.xms import mdx
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import (
    LABELS,
    mdx_bytes,
)


def test_labels_are_read_by_policy_name(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(mdx_bytes(LABELS))
    assert mdx.enum_labels(str(path)) == LABELS


names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)


@given(st.dictionaries(names, st.dictionaries(names, names, min_size=1)))
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, labels: dict[str, dict[str, str]]) -> None:
    path = tmp_path_factory.mktemp("mdx") / "app.mdx"
    path.write_bytes(mdx_bytes(labels))
    assert mdx.enum_labels(str(path)) == labels


def test_a_file_that_is_none_is_one_clear_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(b"no zip at all")
    for wrong in (path, tmp_path, tmp_path / "none.mdx"):
        with pytest.raises(UnexpectedState) as caught:
            mdx.enum_labels(str(wrong))
        assert str(wrong) in caught.value.what and caught.value.remedy


def test_a_label_of_two_ids_is_not_guessed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(mdx_bytes({"PnRegion": {"EMEA": "euw1", "EMEA ": "euw2"}}))
    with pytest.raises(UnexpectedState, match="'EMEA' of PnRegion to two ids"):
        mdx.enum_labels(str(path))


def test_labels_that_stand_in_a_language_file_alone_are_passed_over(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(mdx_bytes({"PnRegion": {"": "euw1", " ": "euw2", "APAC": "aps1"}, "NetAccess": {"": "x"}}))
    assert mdx.enum_labels(str(path)) == {"PnRegion": {"APAC": "aps1"}}
