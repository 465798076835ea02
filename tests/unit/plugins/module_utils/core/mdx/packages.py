# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages as the toolkit and Xcode make them, in memory; every part can be made wrong."""

from __future__ import annotations

import datetime
import functools
import io
import pathlib
import plistlib
import typing as t
import zipfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
BUNDLE_ID = "com.contoso.securemail"
TEAM = "A1B2C3D4E5"
IDENTITY = "iPhone Distribution: Contoso"

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<PolicyMetadata>
  <VersionNumber>1.1</VersionNumber>
  <Categories>
    <Category>
      <CategoryId>Cat_App</CategoryId><CategoryLabel res_id="CAT_APP">Application Settings</CategoryLabel>
    </Category>
  </Categories>
  <Policies>
    <!-- as the toolkit wrote it -->
    <Policy>
      <PolicyName>Pn</PolicyName><PolicyType>boolean</PolicyType>
      <PolicyCategory>Cat_App</PolicyCategory><PolicyDefault>false</PolicyDefault>
      <PolicyStrings><Title res_id="PN_TITLE">Push notifications</Title></PolicyStrings>
    </Policy>
    <Policy>
      <PolicyName>PnRegion</PolicyName><PolicyType>enum</PolicyType>
      <PolicyEnumValues>
        <PolicyEnumValue><PolicyEnumValueId>use1</PolicyEnumValueId>
          <PolicyEnumValueString res_id="PN_US">Americas</PolicyEnumValueString></PolicyEnumValue>
        <PolicyEnumValue><PolicyEnumValueId>euw1</PolicyEnumValueId>
          <PolicyEnumValueString res_id="PN_EU"/></PolicyEnumValue>
      </PolicyEnumValues>
      <PolicyCategory>Cat_App</PolicyCategory><PolicyDefault>use1</PolicyDefault>
      <PolicyStrings><Title res_id="PN_REGION_TITLE">Push notifications region</Title></PolicyStrings>
    </Policy>
    <Policy>
      <PolicyName>PnCustomer</PolicyName><PolicyType>string</PolicyType>
      <PolicyCategory>Cat_App</PolicyCategory><PolicyDefault/>
      <PolicyStrings><Title>Push notifications customer ID</Title></PolicyStrings>
    </Policy>
    <Policy>
      <PolicyName>Ticket</PolicyName><PolicyType>integer</PolicyType><PolicyHidden>true</PolicyHidden>
      <PolicyCategory>Cat_Gone</PolicyCategory><PolicyDefault>168</PolicyDefault>
      <PolicyStrings><Title>Ticket expiration</Title><Units>hours</Units></PolicyStrings>
    </Policy>
  </Policies>
</PolicyMetadata>
"""
ENGLISH = "# Contoso\nPN_US = Americas\nPN_EU: EMEA\nPN_TITLE=Push notifi\\\n    cations\n"
GERMAN = "PN_TITLE=Push-Benachrichtigungen\nPN_EU=EMEA \\u0028Europa\\u0029\n"
MANIFEST = """<MobileAppPackage>
  <PackageInfo>
    <ToolsVersion CRKW="MamToolsVersion">21.6</ToolsVersion><CertExpires>2027-01-01</CertExpires>
  </PackageInfo>
  <MobileApp><FriendlyName>Secure Mail</FriendlyName><AppType>mobile_ios</AppType><BundleID>{bundle_id}</BundleID>
    <AppVersion>10.8.65</AppVersion><MinPlatform>9.0</MinPlatform><BundleFile>{bundle_file}</BundleFile></MobileApp>
</MobileAppPackage>
"""


@functools.cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(name: str = IDENTITY, not_after: datetime.datetime = NOW + 300 * DAY) -> x509.Certificate:
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(named, named, _key().public_key(), x509.random_serial_number())
    return builder.not_valid_before(NOW - 1000 * DAY).not_valid_after(not_after).sign(_key(), hashes.SHA256())


def signed(content: bytes) -> bytes:
    """A signed message around a content, as Apple's profiles are."""
    signer = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate("Apple"), _key(), hashes.SHA256())
    return signer.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def profile_content(**changed: t.Any) -> dict[str, t.Any]:
    """The property list of a good in-house profile; a value of ``None`` leaves a key out."""
    entitlements: dict[str, t.Any] = {
        "application-identifier": f"{TEAM}.{BUNDLE_ID}",
        "aps-environment": "production",
        "get-task-allow": False,
        **changed.pop("Entitlements", {}),
    }
    content = {
        "Name": "Contoso Secure Mail",
        "UUID": "0F0E0D0C-0B0A-4909-8807-060504030201",
        "TeamIdentifier": [TEAM],
        "CreationDate": (NOW - 60 * DAY).replace(tzinfo=None),
        "ExpirationDate": (NOW + 305 * DAY).replace(tzinfo=None),
        "ProvisionsAllDevices": True,
        "DeveloperCertificates": [certificate().public_bytes(Encoding.DER)],
        "Entitlements": {name: value for name, value in entitlements.items() if value is not None},
        **changed,
    }
    return {name: value for name, value in content.items() if value is not None}


def profile(**changed: t.Any) -> bytes:
    return signed(plistlib.dumps(profile_content(**changed)))


def info(**changed: t.Any) -> dict[str, t.Any]:
    return {
        "CFBundleIdentifier": BUNDLE_ID,
        "CFBundleDisplayName": "Secure Mail",
        "CFBundleShortVersionString": "10.8.65",
        "CFBundleVersion": "412",
        "MinimumOSVersion": "9.0",
        **changed,
    }


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return made.getvalue()


def ipa(
    info_plist: bytes | None = None, embedded: bytes | None = None, more: t.Sequence[tuple[str, bytes]] = ()
) -> bytes:
    """An app; ``b""`` for ``embedded`` leaves the profile out."""
    entries = [("Payload/Mail.app/Info.plist", plistlib.dumps(info()) if info_plist is None else info_plist)]
    if embedded != b"":
        entries.append(("Payload/Mail.app/embedded.mobileprovision", embedded or profile()))
    return zipped(*entries, ("Payload/Mail.app/PlugIns/Share.appex/Info.plist", b"not read"), *more)


def mdx_entries(application: bytes | None = None, **changed: bytes | None) -> dict[str, bytes]:
    """The entries of a good .mdx, by name with ``_`` for ``.``; ``None`` leaves one out."""
    entries: dict[str, bytes | None] = {
        "policy_metadata_xml": METADATA.encode(),
        "strings-en_properties": ENGLISH.encode(),
        "strings-de_properties": GERMAN.encode(),
        "icon_png": bytes(range(256)) * 8,
        "manifest_xml": MANIFEST.format(bundle_id=BUNDLE_ID, bundle_file="SecureMail.ipa").encode(),
        "SecureMail_ipa": ipa() if application is None else application,
        **changed,
    }
    return {".".join(name.rsplit("_", maxsplit=1)): content for name, content in entries.items() if content is not None}


def mdx(application: bytes | None = None, **changed: bytes | None) -> bytes:
    return zipped(*mdx_entries(application, **changed).items())


def written(folder: pathlib.Path, content: bytes, name: str = "app.mdx") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)
