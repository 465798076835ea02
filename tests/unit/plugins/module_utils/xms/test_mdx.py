# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The .mdx: labels of its enumerations, and one clear error for every file that is none."""

from __future__ import annotations

import io
import pathlib
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.xms import mdx
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import LABELS, mdx_bytes

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PolicyMetadata>&b;</PolicyMetadata>'


def _zip(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


def _encrypted() -> bytes:
    content = bytearray(mdx_bytes(LABELS))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def _damaged() -> bytes:
    content = bytearray(_zip(mdx.METADATA, b"<PolicyMetadata/>" * 50))
    content[50:60] = b"\xff" * 10
    return bytes(content)


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


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no zip at all", id="no-zip"),
        pytest.param(_zip("manifest.xml", b"<a/>"), id="no-metadata"),
        pytest.param(_encrypted(), id="encrypted"),
        pytest.param(_damaged(), id="damaged"),
        pytest.param(mdx_bytes({}, b"<PolicyMetadata>"), id="cut-off"),
        pytest.param(mdx_bytes({}, b""), id="empty-metadata"),
        pytest.param(mdx_bytes({}, b"\xff\xfe\x00"), id="garbage"),
        pytest.param(mdx_bytes({}, b'<?xml version="1.0" encoding="unheard"?><a/>'), id="unknown-encoding"),
        pytest.param(mdx_bytes({}, BOMB.encode()), id="entities"),
        pytest.param(mdx_bytes({}, BOMB.encode("utf-16")), id="entities-in-utf-16"),
    ],
)
def test_anything_else_is_one_clear_error(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(content)
    with pytest.raises(UnexpectedState) as caught:
        mdx.enum_labels(str(path))
    assert str(path) in caught.value.what and caught.value.remedy


def test_a_zip_bomb_is_not_unpacked(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(_zip(mdx.METADATA, b"<a/>" + b" " * mdx.MAX_METADATA_BYTES))
    with pytest.raises(UnexpectedState, match="larger than any real one"):
        mdx.enum_labels(str(path))


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UnexpectedState, match="There is no file"):
        mdx.enum_labels(str(tmp_path / "app.mdx"))
    with pytest.raises(UnexpectedState):
        mdx.enum_labels(str(tmp_path))


def test_a_label_of_two_ids_is_not_guessed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(mdx_bytes({"PnRegion": {"EMEA": "euw1", "EMEA ": "euw2"}}))
    with pytest.raises(UnexpectedState, match="'EMEA' of PnRegion to two ids"):
        mdx.enum_labels(str(path))


def test_labels_that_stand_in_a_language_file_alone_are_passed_over(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(mdx_bytes({"PnRegion": {"": "euw1", " ": "euw2", "APAC": "aps1"}, "NetAccess": {"": "x"}}))
    assert mdx.enum_labels(str(path)) == {"PnRegion": {"APAC": "aps1"}}
