# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``manifest.xml`` of an .mdx: what the MDX Toolkit says of the app that it wrapped."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .archive import Archive
from .xml import parse, text_of

MANIFEST = "manifest.xml"
#: Real ones have some thousand bytes, and the app's icons lie beside them.
LARGEST_MANIFEST = 1 << 20

IOS, ANDROID, WINDOWS, UNKNOWN = "ios", "android", "windows", "unknown"
_BY_SUFFIX = {".ipa": IOS, ".apk": ANDROID, ".xap": WINDOWS, ".appx": WINDOWS, ".appxbundle": WINDOWS}


@dataclass(frozen=True)
class Manifest:
    """The manifest's own texts; empty where it says nothing.

    :param bundle_file: name of the app's entry in the .mdx; empty where the app comes from a store.
    """

    name: str
    app_type: str
    bundle_id: str
    version: str
    min_platform: str
    max_platform: str
    bundle_file: str
    store_url: str
    tools_version: str
    certificate_expires: str

    def shown(self) -> dict[str, t.Any]:
        return asdict(self)


def read_manifest(archive: Archive) -> Manifest | None:
    """The manifest, or ``None`` where there is none: the policies alone make an .mdx.

    The elements are looked for anywhere: their names are known from the toolkit, their nesting is not.
    """
    if MANIFEST not in archive.names:
        return None
    root = parse(archive.read(MANIFEST, LARGEST_MANIFEST), f"{MANIFEST} in {archive.name}")
    tags = (
        ("name", "FriendlyName"),
        ("app_type", "AppType"),
        ("bundle_id", "BundleID"),
        ("version", "AppVersion"),
        ("min_platform", "MinPlatform"),
        ("max_platform", "MaxPlatform"),
        ("bundle_file", "BundleFile"),
        ("store_url", "AppStoreUrl"),
        ("tools_version", "ToolsVersion"),
        ("certificate_expires", "CertExpires"),
    )
    return Manifest(**{field: text_of(root, f".//{tag}") for field, tag in tags})


def platform_of(manifest: Manifest | None, names: t.Iterable[str]) -> str:
    """The platform of an .mdx: by the file that the manifest names, else by its type, else by what lies inside."""
    if manifest is not None:
        found = _by_suffix([manifest.bundle_file]) or _by_type(manifest.app_type)
        if found:
            return found
    return _by_suffix(names) or UNKNOWN


def _by_suffix(names: t.Iterable[str]) -> str:
    for name in names:
        for suffix, platform in _BY_SUFFIX.items():
            if name.lower().endswith(suffix):
                return platform
    return ""


def _by_type(app_type: str) -> str:
    words = app_type.lower().replace("-", "_").split("_")
    return next((platform for platform in (IOS, ANDROID, WINDOWS) if platform in words), "")
