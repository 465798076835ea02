# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from an .mdx and an .ipa, and one typed error for every file that is none."""

from __future__ import annotations

import pathlib
import plistlib
import shutil
import struct
import subprocess
import tracemalloc
import typing as t
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx import archive, errors, policies, properties
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.errors import UnreadablePackage
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.package import (
    Package,
    read_labels,
    read_package,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx import packages
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx.packages import (
    BUNDLE_ID,
    DAY,
    NOW,
    TEAM,
    ipa,
    mdx,
    profile,
    written,
    zipped,
)

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><PolicyMetadata>&b;</PolicyMetadata>'
ENTITY_PLIST = b'<!DOCTYPE p [<!ENTITY a "aaaa">]><plist><dict><key>a</key><string>&a;</string></dict></plist>'
UNHEARD = b'<?xml version="1.0" encoding="unheard"?><a/>'
TOO_MANY_ELEMENTS = b"<a>" + b"<b/>" * 100_000 + b"</a>"
NO_ENTITLEMENTS = plistlib.dumps({"Name": "Contoso"})
DEEP_PLIST = b"<plist>" + b"<array>" * 20_000 + b"</array>" * 20_000 + b"</plist>"


def _read(folder: pathlib.Path, content: bytes, language: str = "en") -> Package:
    return read_package(written(folder, content), language)


def _refused(folder: pathlib.Path, content: bytes) -> UnreadablePackage:
    path = written(folder, content)
    with pytest.raises(UnreadablePackage) as caught:
        read_package(path)
    assert path in caught.value.what and caught.value.remedy
    assert isinstance(caught.value, UnexpectedState) and caught.value.result()["reason"] == caught.value.reason
    return caught.value


def test_everything_is_read(tmp_path: pathlib.Path) -> None:
    found = _read(tmp_path, mdx())
    assert (found.kind, found.platform, found.bundle_id, found.version) == ("mdx", "ios", BUNDLE_ID, "10.8.65")
    assert found.manifest is not None and found.application is not None
    assert found.manifest.shown() == {
        "name": "Secure Mail",
        "app_type": "mobile_ios",
        "bundle_id": BUNDLE_ID,
        "version": "10.8.65",
        "min_platform": "9.0",
        "max_platform": "",
        "bundle_file": "SecureMail.ipa",
        "store_url": "",
        "tools_version": "21.6",
        "certificate_expires": "2027-01-01",
    }
    assert found.application.shown() == {
        "bundle_id": BUNDLE_ID,
        "name": "Secure Mail",
        "version": "10.8.65",
        "build": "412",
        "min_os": "9.0",
    }
    signed_with = found.application.profile
    assert signed_with is not None
    assert signed_with.app_id == f"{TEAM}.{BUNDLE_ID}" and not signed_with.wildcard
    assert (signed_with.team, signed_with.aps_environment, signed_with.debuggable) == (TEAM, "production", False)
    assert (signed_with.all_devices, signed_with.devices, signed_with.expires) == (True, 0, NOW + 305 * DAY)
    assert [(one.common_name, one.not_after) for one in signed_with.certificates] == [
        (packages.IDENTITY, NOW + 300 * DAY)
    ]
    assert signed_with.entitlements == ("application-identifier", "aps-environment", "get-task-allow")


def test_policies_have_types_defaults_and_labels(tmp_path: pathlib.Path) -> None:
    push, region, customer, ticket = (one.shown() for one in _read(tmp_path, mdx()).policies)
    assert push == {
        "name": "Pn",
        "title": "Push notifications",
        "type": "boolean",
        "default": "false",
        "default_label": "false",
        "category": "Application Settings",
        "units": "",
        "description": "",
        "hidden": False,
        "choices": [],
    }
    assert region["choices"] == [{"id": "use1", "label": "Americas"}, {"id": "euw1", "label": "EMEA"}]
    assert (region["type"], region["default"], region["default_label"]) == ("enum", "use1", "Americas")
    assert (customer["type"], customer["default"]) == ("string", "")
    assert (ticket["units"], ticket["hidden"], ticket["category"]) == ("hours", True, "Cat_Gone")


def test_titles_and_labels_are_those_of_the_language(tmp_path: pathlib.Path) -> None:
    push, region, *_rest = _read(tmp_path, mdx(), "de").policies
    assert push.title == "Push-Benachrichtigungen"
    assert dict(region.choices) == {"use1": "Americas", "euw1": "EMEA (Europa)"}
    push, region, *_rest = _read(tmp_path, mdx(), "fr").policies
    assert push.title == "Push notifications" and dict(region.choices) == {"use1": "Americas", "euw1": ""}


def test_an_ipa_alone_and_a_binary_property_list(tmp_path: pathlib.Path) -> None:
    binary = plistlib.dumps(packages.info(), fmt=plistlib.FMT_BINARY)
    found = _read(tmp_path, ipa(binary))
    assert (found.kind, found.platform, found.bundle_id, found.policies) == ("ipa", "ios", BUNDLE_ID, ())


@pytest.mark.parametrize(
    ("bundle_file", "entry", "platform"),
    [
        ("Mail.apk", "Mail_apk", "android"),
        ("Mail.appx", "Mail_appx", "windows"),
        ("", "Mail_apk", "ios"),  # the manifest's type speaks before what lies inside
        ("", "notes_txt", "ios"),
    ],
)
def test_the_platform_is_told(tmp_path: pathlib.Path, bundle_file: str, entry: str, platform: str) -> None:
    manifest = packages.MANIFEST.format(bundle_id=BUNDLE_ID, bundle_file=bundle_file).encode()
    content: dict[str, bytes | None] = {"manifest_xml": manifest, "SecureMail_ipa": None, entry: b"PK"}
    found = _read(tmp_path, mdx(**content))
    assert found.platform == platform and found.application is None


def test_without_a_manifest_the_entries_tell_the_platform(tmp_path: pathlib.Path) -> None:
    assert _read(tmp_path, mdx(manifest_xml=None)).platform == "ios"
    assert _read(tmp_path, mdx(manifest_xml=None, SecureMail_ipa=None, a_apk=b"")).platform == "android"
    assert _read(tmp_path, mdx(manifest_xml=None, SecureMail_ipa=None)).platform == "unknown"


def test_a_profile_with_openssls_signature_of_indefinite_length(tmp_path: pathlib.Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate, content = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "content"
    content.write_bytes(plistlib.dumps(packages.profile_content()))
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Apple"]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    sign = [openssl, "cms", "-sign", "-nodetach", "-binary", "-stream", "-outform", "DER", "-signer", certificate]
    message = subprocess.run([*sign, "-inkey", key, "-in", content], check=True, capture_output=True).stdout
    assert b"\x30\x80" in message[:4], "openssl writes streams in BER"
    found = _read(tmp_path, ipa(embedded=message)).application
    assert found is not None and found.profile is not None and found.profile.team == TEAM


def _marked(content: bytes, flag: int) -> bytes:
    """An archive with a flag set on its first entry."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(signature) + offset] |= flag
    return bytes(changed)


def _damaged() -> bytes:
    content = bytearray(zipped((policies.METADATA, b"<PolicyMetadata/>" * 50)))
    content[50:60] = b"\xff" * 10
    return bytes(content)


def _claims_a_huge_directory() -> bytes:
    content = bytearray(mdx())
    struct.pack_into("<L", content, content.rindex(b"PK\5\6") + 12, 0xFFFFFFF0)
    return bytes(content)


def _many(count: int) -> bytes:
    return zipped(*mdx_entries_of(count), method=zipfile.ZIP_STORED)


def mdx_entries_of(count: int) -> t.Iterator[tuple[str, bytes]]:
    yield from packages.mdx_entries(SecureMail_ipa=None).items()
    yield from ((f"icons/{number}.png", b"") for number in range(count))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", errors.NOT_A_ZIP, id="empty"),
        pytest.param(b"no zip at all", errors.NOT_A_ZIP, id="no-zip"),
        pytest.param(mdx()[:-300], errors.NOT_A_ZIP, id="truncated"),
        pytest.param(_claims_a_huge_directory(), errors.NOT_A_ZIP, id="huge-directory"),
        pytest.param(zipped(("manifest.xml", b"<a/>")), errors.MISSING_ENTRY, id="no-metadata"),
        pytest.param(_marked(mdx(), 0x01), errors.ENCRYPTED, id="encrypted"),
        pytest.param(_damaged(), errors.DAMAGED, id="damaged"),
        pytest.param(_many(10_000), errors.TOO_MANY_ENTRIES, id="10000-entries"),
        pytest.param(zipped(("../policy_metadata.xml", b"")), errors.UNSAFE_NAME, id="parent-folder"),
        pytest.param(zipped(("a\\..\\b", b"")), errors.UNSAFE_NAME, id="backslash"),
        pytest.param(zipped(("/etc/passwd", b"")), errors.UNSAFE_NAME, id="absolute"),
        pytest.param(mdx(policy_metadata_xml=b"<PolicyMetadata>"), errors.MALFORMED_XML, id="cut-off-xml"),
        pytest.param(mdx(policy_metadata_xml=b""), errors.MALFORMED_XML, id="empty-xml"),
        pytest.param(mdx(policy_metadata_xml=b"\xff\xfe\x00"), errors.MALFORMED_XML, id="garbage"),
        pytest.param(
            mdx(policy_metadata_xml=UNHEARD),
            errors.MALFORMED_XML,
            id="encoding",
        ),
        pytest.param(mdx(policy_metadata_xml=BOMB.encode()), errors.MALFORMED_XML, id="entities"),
        pytest.param(mdx(policy_metadata_xml=BOMB.encode("utf-16")), errors.MALFORMED_XML, id="entities-in-utf-16"),
        pytest.param(mdx(manifest_xml=BOMB.encode()), errors.MALFORMED_XML, id="entities-in-manifest"),
        pytest.param(mdx(policy_metadata_xml=TOO_MANY_ELEMENTS), errors.MALFORMED_XML, id="elements"),
        pytest.param(mdx(b"no zip"), errors.NOT_A_ZIP, id="app-is-no-zip"),
        pytest.param(mdx(zipped(("Payload/readme", b""))), errors.NOT_A_PACKAGE, id="no-app"),
        pytest.param(ipa(more=[("Payload/Two.app/Info.plist", b"")]), errors.AMBIGUOUS, id="two-apps"),
        pytest.param(
            mdx(Second_ipa=b"", manifest_xml=b"<MobileAppPackage/>"), errors.AMBIGUOUS, id="two-ipas-and-none-named"
        ),
        pytest.param(mdx(ipa(b"bplist00garbage")), errors.MALFORMED_PLIST, id="plist"),
        pytest.param(mdx(ipa(ENTITY_PLIST)), errors.MALFORMED_PLIST, id="plist-entities"),
        pytest.param(mdx(ipa(DEEP_PLIST)), errors.MALFORMED_PLIST, id="plist-depth"),
        pytest.param(mdx(ipa(plistlib.dumps(["a"]))), errors.MALFORMED_PLIST, id="plist-is-a-list"),
        pytest.param(ipa(embedded=b"\x30\x80"), errors.MALFORMED_PROFILE, id="profile"),
        pytest.param(ipa(embedded=packages.signed(b"text")), errors.MALFORMED_PROFILE, id="profile-of-text"),
        pytest.param(
            ipa(embedded=packages.signed(NO_ENTITLEMENTS)),
            errors.MALFORMED_PROFILE,
            id="no-entitlements",
        ),
        pytest.param(
            ipa(embedded=profile(DeveloperCertificates=[b"x"])), errors.MALFORMED_PROFILE, id="signing-certificate"
        ),
    ],
)
def test_anything_else_is_one_clear_error(tmp_path: pathlib.Path, content: bytes, reason: str) -> None:
    assert _refused(tmp_path, content).reason == reason


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_not_guessed(tmp_path: pathlib.Path) -> None:
    twice = zipped((policies.METADATA, b"<a/>"), (policies.METADATA, b"<b/>"))
    assert _refused(tmp_path, twice).reason == errors.DUPLICATE_NAME


def test_only_stored_and_deflated_entries_are_read(tmp_path: pathlib.Path) -> None:
    content = zipped(*packages.mdx_entries().items(), method=zipfile.ZIP_LZMA)
    assert _refused(tmp_path, content).reason == errors.UNKNOWN_COMPRESSION
    stored = zipped(*packages.mdx_entries().items(), method=zipfile.ZIP_STORED)
    assert _read(tmp_path, stored).bundle_id == BUNDLE_ID


def test_a_zip_bomb_is_not_unpacked(tmp_path: pathlib.Path) -> None:
    bomb = mdx(policy_metadata_xml=b"<a/>" + b" " * policies.LARGEST_METADATA)
    assert "larger than any real one" in _refused(tmp_path, bomb).what
    bomb = mdx(SecureMail_ipa=bytes(archive.SMALLEST_JUDGED * 4))
    assert "zip bomb" in _refused(tmp_path, bomb).what


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / "app.mdx", tmp_path):
        with pytest.raises(UnreadablePackage):
            read_package(str(path))


def test_language_files_are_java_properties() -> None:
    content = b"a=1\n ! no = thing\nb : two words \\\r\n  and more\n"
    content += b"c\\=d e\\u00e9\\t\\\\\nf\n\\uD83D\\uDE00=\\uD83D\nlast\\"
    assert properties.parse(content) == {
        "a": "1",
        "b": "two words and more",
        "c=d": "e\u00e9\t\\",
        "f": "",
        "\U0001f600": "\ufffd",
        "last": "",
    }
    assert properties.parse("k=ä".encode("iso-8859-1")) == {"k": "ä"}


@given(st.binary(max_size=200))
def test_any_bytes_are_some_properties(content: bytes) -> None:
    for text in (part for pair in properties.parse(content).items() for part in pair):
        text.encode()


_GOOD = mdx()
_PARTS: dict[str, t.Callable[[bytes], bytes]] = {
    "mdx": lambda content: content,
    "metadata": lambda content: mdx(policy_metadata_xml=content),
    "manifest": lambda content: mdx(manifest_xml=content),
    "ipa": mdx,
    "plist": ipa,
    "profile": lambda content: ipa(embedded=content or b"x"),
    "profile-plist": lambda content: ipa(embedded=packages.signed(content)),
}
_VALID: dict[str, bytes] = {
    "mdx": _GOOD,
    "metadata": packages.METADATA.encode(),
    "manifest": packages.MANIFEST.encode(),
    "ipa": ipa(),
    "plist": plistlib.dumps(packages.info(), fmt=plistlib.FMT_BINARY),
    "profile": profile(),
    "profile-plist": plistlib.dumps(packages.profile_content()),
}


@st.composite
def _mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """A valid file with some bytes changed, a piece cut out, or another put in."""
    changed = bytearray(content)
    for _number in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(changed)))
        until = draw(st.integers(at, min(len(changed), at + 16)))
        changed[at:until] = draw(st.binary(max_size=16))
    return bytes(changed)


@pytest.mark.parametrize("part", _PARTS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_it_is_read_or_refused_with_a_type(
    tmp_path: pathlib.Path, part: str, data: st.DataObject
) -> None:
    content = data.draw(st.one_of(st.binary(max_size=300), _mutated(_VALID[part])))
    path = written(tmp_path, _PARTS[part](content))
    for read in (read_package, read_labels):
        try:
            read(path)
        except UnreadablePackage as problem:
            assert problem.reason and path in problem.what


def test_hostile_files_take_bounded_memory(tmp_path: pathlib.Path) -> None:
    hostile = [
        mdx(SecureMail_ipa=bytes(300 << 20)),
        mdx(policy_metadata_xml=b"<a>" + b"<b/>" * 2_000_000 + b"</a>"),
        _claims_a_huge_directory(),
        _many(50_000),
    ]
    for content in hostile:
        path = written(tmp_path, content)
        tracemalloc.start()
        try:
            with pytest.raises(UnreadablePackage):
                read_package(path)
            assert tracemalloc.get_traced_memory()[1] < 100 << 20
        finally:
            tracemalloc.stop()
