# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provisioning profile in an app (``embedded.mobileprovision``): a signed message (CMS) around a property list.

Source: Apple, TN3125 "Inside Code Signing: Provisioning Profiles". The message is taken apart, and its signature is not
verified: whether Apple made the profile, iOS decides at installation.
"""

from __future__ import annotations

import datetime
import traceback
import typing as t
from dataclasses import dataclass

from .. import der
from ..redact import fingerprint
from . import errors
from .errors import UnreadablePackage
from .plist import LARGEST_PLIST, listed, parse, text

try:
    from cryptography import x509

    CRYPTOGRAPHY_IMPORT_ERROR = ""
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()

PROFILE = "embedded.mobileprovision"
#: A profile for all devices has some ten thousand bytes, one with hundreds of devices little more.
LARGEST_PROFILE = LARGEST_PLIST
#: The object identifier of signed data (1.2.840.113549.1.7.2).
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_EXPLICIT_0 = 0xA0
_MOST_CERTIFICATES = 100

DEVELOPMENT, PRODUCTION = "development", "production"


@dataclass(frozen=True)
class SigningCertificate:
    """A certificate whose key may sign apps with the profile.

    :param sha256: of the DER, lower-case hex.
    """

    common_name: str
    sha256: str
    not_before: datetime.datetime
    not_after: datetime.datetime

    def shown(self) -> dict[str, t.Any]:
        return {
            "common_name": self.common_name,
            "sha256": self.sha256,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
        }


@dataclass(frozen=True)
class Profile:
    """What a provisioning profile allows.

    :param app_id: ``<prefix>.<bundle id>``, where the bundle id may end in ``*``.
    :param aps_environment: ``production``, ``development`` (the sandbox), or empty without push.
    :param devices: how many devices it names; 0 where it names none.
    """

    name: str
    uuid: str
    team: str
    app_id: str
    aps_environment: str
    debuggable: bool
    created: datetime.datetime | None
    expires: datetime.datetime | None
    all_devices: bool
    devices: int
    certificates: tuple[SigningCertificate, ...]
    entitlements: tuple[str, ...]

    @property
    def bundle_id(self) -> str:
        """The App ID without its prefix."""
        return self.app_id.partition(".")[2]

    @property
    def wildcard(self) -> bool:
        return self.bundle_id.endswith("*")

    def covers(self, bundle_id: str) -> bool:
        if self.wildcard:
            return bundle_id.startswith(self.bundle_id[:-1])
        return bundle_id == self.bundle_id

    def shown(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "uuid": self.uuid,
            "team": self.team,
            "app_id": self.app_id,
            "wildcard": self.wildcard,
            "aps_environment": self.aps_environment,
            "debuggable": self.debuggable,
            "created": self.created.isoformat() if self.created else "",
            "expires": self.expires.isoformat() if self.expires else "",
            "all_devices": self.all_devices,
            "devices": self.devices,
            "certificates": [certificate.shown() for certificate in self.certificates],
            "entitlements": list(self.entitlements),
        }


def parse_profile(content: bytes, where: str) -> Profile:
    """A profile from the bytes of its file.

    :param where: how the error calls it.
    :raises UnreadablePackage: no signed message, or one around something else.
    """
    try:
        signed = _content_of(content)
    except ValueError as problem:
        raise UnreadablePackage(
            errors.MALFORMED_PROFILE,
            f"{where} is no signed message around a property list: {problem}",
            "Take the profile as the developer portal gives it",
        ) from None
    document = parse(signed, f"the profile in {where}", errors.MALFORMED_PROFILE)
    entitlements = document.get("Entitlements")
    if not isinstance(entitlements, dict):
        raise UnreadablePackage(errors.MALFORMED_PROFILE, f"{where} has no Entitlements, as every profile has")
    teams = listed(document, "TeamIdentifier", str)
    found = listed(document, "DeveloperCertificates", bytes)[:_MOST_CERTIFICATES]
    return Profile(
        name=text(document, "Name"),
        uuid=text(document, "UUID"),
        team=teams[0] if teams else "",
        app_id=text(entitlements, "application-identifier"),
        aps_environment=text(entitlements, "aps-environment"),
        debuggable=entitlements.get("get-task-allow") is True,
        created=_time(document, "CreationDate"),
        expires=_time(document, "ExpirationDate"),
        all_devices=document.get("ProvisionsAllDevices") is True,
        devices=len(listed(document, "ProvisionedDevices", str)),
        certificates=tuple(_certificate(one, where) for one in found),
        entitlements=tuple(sorted(str(name) for name in entitlements)),
    )


def _content_of(message: bytes) -> bytes:
    """What is signed in ContentInfo { signedData, SignedData { version, digests, { data, content } } } (RFC 5652)."""
    kind, explicit = _members(message, der.SEQUENCE, 2)
    if kind != (der.OBJECT_IDENTIFIER, _SIGNED_DATA):
        raise ValueError("it is no message of the kind signed data")
    _version, _digests, (tag, inner) = _members(_only(*explicit, _EXPLICIT_0), der.SEQUENCE, 3)
    wrapped = list(der.elements(inner)) if tag == der.SEQUENCE else []
    if len(wrapped) != 2:
        raise ValueError("its content is detached")
    pieces = list(der.elements(_only(*wrapped[1], _EXPLICIT_0)))
    if len(pieces) != 1:
        raise ValueError("its content is not one octet string")
    return der.octets(*pieces[0])


def _members(content: bytes, tag: int, least: int) -> list[tuple[int, bytes]]:
    """The first members of the one element that stands in ``content``."""
    outer = next(der.elements(content), (0, b""))
    members = list(der.elements(_only(*outer, tag)))
    if len(members) < least:
        raise ValueError("an element has too few members")
    return members[:least]


def _only(tag: int, content: bytes, expected: int) -> bytes:
    if tag != expected:
        raise ValueError(f"an element has the tag {tag:#04x}, expected {expected:#04x}")
    return content


def _time(document: t.Mapping[str, t.Any], key: str) -> datetime.datetime | None:
    """A date of the property list, which is always in UTC."""
    value = document.get(key)
    return value.replace(tzinfo=datetime.UTC) if isinstance(value, datetime.datetime) else None


def _certificate(content: bytes, where: str) -> SigningCertificate:
    try:
        certificate = x509.load_der_x509_certificate(content)
        names = [name for name in certificate.subject if name.oid == x509.NameOID.COMMON_NAME]
        return SigningCertificate(
            common_name=str(names[0].value) if names else "",
            sha256=fingerprint(content),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except ValueError as problem:
        raise UnreadablePackage(
            errors.MALFORMED_PROFILE, f"{where} has a malformed signing certificate: {problem}"
        ) from None
