# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a developer hands over to be wrapped: an app as an .ipa, and a provisioning profile for it."""

from __future__ import annotations

import datetime as dt
import io
import plistlib
import typing as t
import uuid
import zipfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..apple.authority import TEAM_ID
from ..apple.provisioning import LIFETIME, signed
from ..lab import BUNDLE_ID

APP = "Payload/SecureMail.app"
INFO, PROFILE = f"{APP}/Info.plist", f"{APP}/embedded.mobileprovision"


def ipa(bundle_id: str = "com.citrix.mail.ios", version: str = "10.8.65") -> bytes:
    """Secure Mail as its vendor delivers it for wrapping: its own bundle id, and no profile."""
    info = {
        "CFBundleIdentifier": bundle_id,
        "CFBundleDisplayName": "Secure Mail",
        "CFBundleShortVersionString": version,
        "CFBundleVersion": "412",
        "MinimumOSVersion": "9.0",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(INFO, plistlib.dumps(info, fmt=plistlib.FMT_BINARY))
        archive.writestr(f"{APP}/SecureMail", b"no Mach-O: nothing in the lab runs it")
    return content.getvalue()


def profile(*certificates: x509.Certificate, bundle_id: str = BUNDLE_ID, **entitlements: t.Any) -> bytes:
    """An in-house profile with push for the certificates' keys; an entitlement of ``None`` is left out."""
    allowed = {
        "application-identifier": f"{TEAM_ID}.{bundle_id}",
        "aps-environment": "production",
        "get-task-allow": False,
        **{name.replace("_", "-"): value for name, value in entitlements.items()},
    }
    now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
    document = {
        "Name": "Contoso Secure Mail In-House",
        "UUID": str(uuid.uuid4()),
        "TeamIdentifier": [TEAM_ID],
        "CreationDate": now,
        "ExpirationDate": now + LIFETIME,
        "ProvisionsAllDevices": True,
        "DeveloperCertificates": [one.public_bytes(serialization.Encoding.DER) for one in certificates],
        "Entitlements": {name: value for name, value in allowed.items() if value is not None},
    }
    return signed(document)


def profile_document(content: bytes) -> dict[str, t.Any]:
    """What a profile says. Its property list is the only one in it, and stands there as it is."""
    start, end = content.index(b"<?xml"), content.index(b"</plist>") + len(b"</plist>")
    return t.cast(dict[str, t.Any], plistlib.loads(content[start:end]))
