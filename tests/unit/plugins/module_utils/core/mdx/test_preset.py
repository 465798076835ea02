# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other defaults in an .mdx: what was asked for is in it, and nothing else differs."""

from __future__ import annotations

import io
import pathlib
import typing as t
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.errors import UnreadablePackage
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.package import opened, read_package
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.policies import METADATA, read_policies
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.preset import preset_policies
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx import packages
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx.packages import mdx, written

GOOD = mdx()
ASKED = {
    "Push notifications": True,
    "Push notifications region": "EMEA",
    "PnCustomer": "contoso-7Q2M4 & <co>",
    "Ticket expiration": 24,
}
SET = {"Pn": "true", "PnRegion": "euw1", "PnCustomer": "contoso-7Q2M4 & <co>", "Ticket": "24"}


def _defaults(path: str) -> dict[str, str]:
    with opened(path) as archive:
        return {policy.name: policy.default for policy in read_policies(archive)}


def _raw(path: str) -> dict[str, bytes]:
    """Every entry as it lies in the file, with its header."""
    content = pathlib.Path(path).read_bytes()
    with zipfile.ZipFile(path) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
        return {info.filename: content[info.header_offset : end] for info, end in zip(infos, ends, strict=True)}


def test_only_the_defaults_differ(tmp_path: pathlib.Path) -> None:
    path, out = written(tmp_path, mdx()), str(tmp_path / "preset.mdx")
    before = pathlib.Path(path).read_bytes()
    policies = preset_policies(path, ASKED, out)
    assert _defaults(out) == SET == {policy.name: policy.default for policy in policies}
    assert pathlib.Path(path).read_bytes() == before
    old, new = _raw(path), _raw(out)
    assert list(old) == list(new) and {name for name in old if old[name] != new[name]} == {METADATA}
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None and "as the toolkit wrote it" in archive.read(METADATA).decode()
    assert read_package(out).application == read_package(path).application


def test_the_way_back_is_the_same_way(tmp_path: pathlib.Path) -> None:
    path, out, back = written(tmp_path, mdx()), str(tmp_path / "preset.mdx"), str(tmp_path / "back.mdx")
    before = _defaults(path)
    preset_policies(path, ASKED, out)
    preset_policies(out, before, back)
    assert _defaults(back) == before


class _Stream(io.RawIOBase):
    """A file that cannot seek: zipfile then writes sizes behind the content, as streaming packers do."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, content: t.Any) -> int:
        self.content += bytes(content)
        return len(content)


def test_an_archive_that_was_written_as_a_stream(tmp_path: pathlib.Path) -> None:
    stream = _Stream()
    with zipfile.ZipFile(t.cast(t.IO[bytes], stream), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"PK of Contoso"
        for name, content in packages.mdx_entries().items():
            archive.writestr(name, content)
    path, out = written(tmp_path, stream.content), str(tmp_path / "preset.mdx")
    preset_policies(path, ASKED, out)
    assert _defaults(out) == SET
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None and archive.comment == b"PK of Contoso"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"Push": True}, "policy is 'Push', expected a title or name that one policy has"),
        ({"Push notifications": "maybe"}, "expected true or false"),
        ({"Push notifications region": "Europe"}, "expected one of Americas, EMEA"),
        ({"Ticket": "soon"}, "expected a whole number"),
        ({"PnCustomer": "a\nb"}, "expected one printable line"),
        ({"Pn": True, "Push notifications": False}, "expected one value for a policy"),
    ],
)
def test_what_a_policy_does_not_take_is_named(tmp_path: pathlib.Path, values: dict[str, t.Any], words: str) -> None:
    out = tmp_path / "preset.mdx"
    with pytest.raises(InvalidInput, match=words):
        preset_policies(written(tmp_path, mdx()), values, str(out))
    assert not out.exists()


def test_a_title_of_two_policies_is_not_guessed(tmp_path: pathlib.Path) -> None:
    metadata = packages.METADATA.replace("Ticket expiration", "Push notifications customer ID").encode()
    with pytest.raises(InvalidInput, match="not 2"):
        path = written(tmp_path, mdx(policy_metadata_xml=metadata))
        preset_policies(path, {"Push notifications customer ID": "x"}, str(tmp_path / "preset.mdx"))


def test_the_original_is_never_the_new_file(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, mdx())
    with pytest.raises(InvalidInput, match="another file than path"):
        preset_policies(path, ASKED, path)


def test_a_form_that_cannot_be_edited_in_place(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, b"#!/bin/sh\n" + mdx())
    with pytest.raises(UnreadablePackage, match="cannot be edited in place"):
        preset_policies(path, ASKED, str(tmp_path / "preset.mdx"))
    assert [one.name for one in tmp_path.iterdir()] == ["app.mdx"]


@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=60),
    st.sampled_from(["Americas", "EMEA", "use1", "euw1"]),
    st.booleans(),
    st.integers(-(10**6), 10**6),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_asked_is_read(tmp_path: pathlib.Path, customer: str, region: str, push: bool, hours: int) -> None:
    path, out = written(tmp_path, mdx()), str(tmp_path / "preset.mdx")
    try:
        preset_policies(path, {"PnCustomer": customer, "PnRegion": region, "Pn": push, "Ticket": hours}, out)
    except InvalidInput:
        assert not customer.strip().isprintable()
        return
    identifier = {"Americas": "use1", "EMEA": "euw1"}.get(region, region)
    expected = {"PnCustomer": customer.strip(), "PnRegion": identifier, "Pn": str(push).lower(), "Ticket": str(hours)}
    assert _defaults(out) == expected


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_leaves_nothing_behind(tmp_path: pathlib.Path, data: st.DataObject) -> None:
    content, out = bytearray(GOOD), tmp_path / "preset.mdx"
    out.unlink(missing_ok=True)
    for _number in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path, bytes(content))
    try:
        preset_policies(path, ASKED, str(out))
    except PushOpsError:
        assert {one.name for one in tmp_path.iterdir()} == {"app.mdx"}
    else:
        assert _defaults(str(out)) == SET
