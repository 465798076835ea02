# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app itself, an .ipa: what its ``Info.plist`` says, and the profile that it carries."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from . import errors
from .archive import Archive
from .errors import UnreadablePackage
from .plist import LARGEST_PLIST, parse, text
from .profile import LARGEST_PROFILE, PROFILE, Profile, parse_profile

# Extensions and watch apps lie deeper, each with an Info.plist and a profile of its own.
_INFO = re.compile(r"Payload/[^/]+\.app/Info\.plist")


@dataclass(frozen=True)
class Application:
    """What an app says of itself.

    :param version: for people (``CFBundleShortVersionString``).
    :param build: of each build (``CFBundleVersion``).
    :param profile: ``None`` where the app carries none, as those of the App Store.
    """

    bundle_id: str
    name: str
    version: str
    build: str
    min_os: str
    profile: Profile | None

    def shown(self) -> dict[str, t.Any]:
        return {
            "bundle_id": self.bundle_id,
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "min_os": self.min_os,
        }


def is_application(names: t.Iterable[str]) -> bool:
    """Whether an archive with these entries is an .ipa."""
    return any(name.startswith("Payload/") for name in names)


def read_application(archive: Archive) -> Application:
    """The app in an .ipa.

    :raises UnreadablePackage: none, several, or one that cannot be read.
    """
    found = [name for name in archive.names if _INFO.fullmatch(name)]
    if len(found) != 1:
        raise UnreadablePackage(
            errors.NOT_A_PACKAGE if not found else errors.AMBIGUOUS,
            f"{archive.name} has {len(found)} apps in Payload/, expected one",
            "Name the .ipa of one iPhone app",
        )
    info = parse(archive.read(found[0], LARGEST_PLIST), f"{found[0]} in {archive.name}")
    entry = found[0].rsplit("/", maxsplit=1)[0] + f"/{PROFILE}"
    profile = None
    if entry in archive.names:
        profile = parse_profile(archive.read(entry, LARGEST_PROFILE), f"{entry} in {archive.name}")
    return Application(
        bundle_id=text(info, "CFBundleIdentifier"),
        name=text(info, "CFBundleDisplayName") or text(info, "CFBundleName"),
        version=text(info, "CFBundleShortVersionString"),
        build=text(info, "CFBundleVersion"),
        min_os=text(info, "MinimumOSVersion"),
        profile=profile,
    )
