# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a package disagrees: one thing wrong at a time, and the reason code for it."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.contradictions import (
    Contradiction,
    Expected,
    contradictions,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.package import read_package
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx import packages
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx.packages import (
    BUNDLE_ID,
    DAY,
    NOW,
    TEAM,
    ipa,
    mdx,
    profile,
)


def _found(
    folder: pathlib.Path, content: bytes, now: datetime.datetime = NOW, bundle_id: str = BUNDLE_ID
) -> tuple[Contradiction, ...]:
    package = read_package(packages.written(folder, content))
    return contradictions(package, Expected(bundle_id, "ios", now, 30 * DAY))


def _with(**changed: t.Any) -> bytes:
    return mdx(ipa(embedded=profile(**changed)))


def test_a_good_package_agrees(tmp_path: pathlib.Path) -> None:
    assert _found(tmp_path, mdx()) == _found(tmp_path, ipa()) == _found(tmp_path, mdx(), bundle_id="") == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (mdx(SecureMail_ipa=None, manifest_xml=None, Mail_apk=b""), [("wrong-platform", True)]),
        (mdx(SecureMail_ipa=None), [("no-application", False)]),
        (mdx(ipa(embedded=b"")), [("no-profile", True)]),
        (_with(Entitlements={"application-identifier": f"{TEAM}.*"}), [("wildcard-app-id", True)]),
        (_with(Entitlements={"application-identifier": f"{TEAM}.com.contoso.*"}), [("wildcard-app-id", True)]),
        (
            _with(Entitlements={"application-identifier": f"{TEAM}.com.fabrikam.*"}),
            [("wildcard-app-id", True), ("app-id-differs", True)],
        ),
        (_with(Entitlements={"application-identifier": f"{TEAM}.com.contoso.mail"}), [("app-id-differs", True)]),
        (_with(Entitlements={"aps-environment": None}), [("no-push-entitlement", True)]),
        (_with(Entitlements={"aps-environment": "development"}), [("sandbox-entitlement", True)]),
        (_with(ProvisionsAllDevices=None, ProvisionedDevices=["a", "b"]), [("devices-limited", False)]),
        (_with(ExpirationDate=None), [("profile-expired", True)]),
    ],
)
def test_each_is_named(tmp_path: pathlib.Path, content: bytes, expected: list[tuple[str, bool]]) -> None:
    found = _found(tmp_path, content)
    assert [(one.reason, one.breaks) for one in found] == expected
    assert all(one.sentence and one.remedy for one in found)


def test_the_app_itself_counts_before_its_manifest(tmp_path: pathlib.Path) -> None:
    manifest = packages.MANIFEST.format(bundle_id="com.contoso.old", bundle_file="SecureMail.ipa").encode()
    assert [one.reason for one in _found(tmp_path, mdx(manifest_xml=manifest))] == ["manifest-differs"]
    found = _found(tmp_path, mdx(), bundle_id="com.contoso.other")
    assert [one.reason for one in found] == ["bundle-id-differs"] and "com.contoso.other" in found[0].sentence


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (274, []),
        (275, ["profile-expiring"]),
        (304, ["profile-expiring"]),
        (305, ["profile-expired"]),
    ],
)
def test_the_profile_ends(tmp_path: pathlib.Path, days: int, expected: list[str]) -> None:
    later = packages.certificate(not_after=NOW + 900 * DAY).public_bytes(Encoding.DER)
    content = _with(DeveloperCertificates=[later])
    assert [one.reason for one in _found(tmp_path, content, NOW + days * DAY)] == expected


def test_the_signing_certificates_end(tmp_path: pathlib.Path) -> None:
    ends = (NOW + 300 * DAY, NOW + 20 * DAY, NOW - DAY)
    listed = [packages.certificate(not_after=end).public_bytes(Encoding.DER) for end in ends]
    found = _found(tmp_path, _with(DeveloperCertificates=listed))
    assert [(one.reason, one.breaks) for one in found] == [
        ("signing-certificate-expiring", False),
        ("signing-certificate-expired", True),
    ]
