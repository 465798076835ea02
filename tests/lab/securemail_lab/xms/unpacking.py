# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server reads from an uploaded package: an .mdx by its ``policy_metadata.xml`` and ``manifest.xml``, an .ipa
by its ``Info.plist``. Uploads are not trusted.

The elements are those that the MDX Toolkit's own strings and public scripts name (``/MobileAppPackage/MobileApp``,
``/PolicyMetadata/Policies/Policy``).
"""

from __future__ import annotations

import dataclasses
import pathlib
import plistlib
import re
import typing as t
import zipfile
import zlib
from xml.etree.ElementTree import Element, ParseError

import defusedxml
from defusedxml import ElementTree

from .envelope import Refusal
from .mdx import MANIFEST, METADATA
from .store import Json

_MOST = 8 << 20  # bytes of one member, unpacked
_INFO = re.compile(r"Payload/[^/]+\.app/Info\.plist")


@dataclasses.dataclass(frozen=True)
class Package:
    """One app for one platform.

    :param platform: e.g. ``ios``; empty where the package does not say.
    :param policies: as a container holds them, each at its default.
    """

    name: str
    platform: str
    bundle_id: str
    version: str
    minimum: str
    maximum: str
    excluded: str
    policies: list[Json]


def read_mdx(path: pathlib.Path) -> Package:
    """
    :raises Refusal: no .mdx: not a zip, without one of the two documents, or with one that cannot be read.
    """
    manifest, metadata = (_document(_member(path, name), name) for name in (MANIFEST, METADATA))
    app = manifest.find("MobileApp")
    if app is None or not app.findtext("BundleID"):
        raise Refusal(f"{MANIFEST} names no MobileApp with a BundleID")
    kind = app.findtext("AppType") or ""
    return Package(
        app.findtext("FriendlyName") or "",
        kind.removeprefix("mobile_") if kind.startswith("mobile_") else "",
        app.findtext("BundleID") or "",
        app.findtext("AppVersion") or "",
        app.findtext("MinPlatform") or "",
        app.findtext("MaxPlatform") or "",
        app.findtext("ExcludeDeviceTypes") or "",
        _policies(metadata),
    )


def read_ipa(path: pathlib.Path) -> Package:
    """
    :raises Refusal: no .ipa: not a zip, or without a readable Info.plist.
    """
    name = next((name for name in _names(path) if _INFO.fullmatch(name)), "Payload/<app>.app/Info.plist")
    try:
        info = plistlib.loads(_member(path, name))
        bundle_id, version = info["CFBundleIdentifier"], info["CFBundleShortVersionString"]
    except (ValueError, KeyError, TypeError, plistlib.InvalidFileException):
        raise Refusal(f"{name} cannot be read") from None
    shown = str(info.get("CFBundleDisplayName") or info.get("CFBundleName") or bundle_id)
    return Package(shown, "ios", str(bundle_id), str(version), str(info.get("MinimumOSVersion") or ""), "", "", [])


def _names(path: pathlib.Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Refusal("The file is not a package: it is not a zip") from None


def _member(path: pathlib.Path, name: str) -> bytes:
    if name not in _names(path):
        raise Refusal(f"The package has no {name}")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
            content = stream.read(_MOST + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError):
        raise Refusal(f"{name} cannot be unpacked: it is damaged or encrypted") from None
    if len(content) > _MOST:
        raise Refusal(f"{name} is too long")
    return content


def _document(content: bytes, name: str) -> Element:
    try:
        root: Element = ElementTree.fromstring(content)
    except (ParseError, defusedxml.DefusedXmlException, ValueError):
        raise Refusal(f"{name} is not XML that can be read") from None
    return root


def _policies(metadata: Element) -> list[Json]:
    categories = {
        entry.findtext("CategoryId"): entry.findtext("CategoryLabel") or ""
        for entry in metadata.iterfind("Categories/Category")
    }
    found = [_policy(entry, categories) for entry in metadata.iterfind("Policies/Policy")]
    names = [policy["policyName"] for policy in found]
    if len(set(names)) < len(names) or "" in names:
        raise Refusal(f"{METADATA} has a policy twice, or one without a name")
    return found


def _policy(entry: Element, categories: t.Mapping[str | None, str]) -> Json:
    def text(path: str) -> str:
        return entry.findtext(path) or ""

    return {
        "policyName": text("PolicyName"),
        "policyValue": text("PolicyDefault"),
        "policyType": text("PolicyType"),
        "policyCategory": categories.get(text("PolicyCategory"), text("PolicyCategory")),
        "title": text("PolicyStrings/Title"),
        "description": text("PolicyStrings/Description"),
        "units": text("PolicyStrings/Units"),
        "explanation": None,
        "enumValues": [
            {"id": value.findtext("PolicyEnumValueId") or "", "label": value.findtext("PolicyEnumValueString") or ""}
            for value in entry.iterfind("PolicyEnumValues/PolicyEnumValue")
        ],
    }
