# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of an app, read whole: an .mdx with the .ipa in it, or an .ipa alone."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from . import errors
from .application import Application, is_application, read_application
from .archive import MOST_ENTRIES, Archive
from .errors import UnreadablePackage
from .manifest import IOS, Manifest, platform_of, read_manifest
from .policies import METADATA, Policy, enum_labels, read_policies

MDX, IPA = "mdx", "ipa"


@dataclass(frozen=True)
class Package:
    """What a file holds.

    :param kind: ``mdx`` or ``ipa``.
    :param platform: ``ios``, ``android``, ``windows`` or ``unknown``.
    :param application: ``None`` where the .mdx holds no .ipa: of another platform, or of a store.
    """

    path: str
    kind: str
    platform: str
    manifest: Manifest | None
    policies: tuple[Policy, ...]
    application: Application | None

    @property
    def bundle_id(self) -> str:
        """What the app says itself counts, before what the manifest says of it."""
        if self.application is not None and self.application.bundle_id:
            return self.application.bundle_id
        return self.manifest.bundle_id if self.manifest is not None else ""

    @property
    def version(self) -> str:
        if self.application is not None and self.application.version:
            return self.application.version
        return self.manifest.version if self.manifest is not None else ""

    def shown(self) -> dict[str, t.Any]:
        """The package as mdx_info returns it."""
        application = self.application
        profile = application.profile if application is not None else None
        return {
            "kind": self.kind,
            "platform": self.platform,
            "bundle_id": self.bundle_id,
            "version": self.version,
            "manifest": self.manifest.shown() if self.manifest is not None else None,
            "policies": [policy.shown() for policy in self.policies],
            "application": application.shown() if application is not None else None,
            "profile": profile.shown() if profile is not None else None,
        }


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[Archive]:
    """The archive at a path.

    :raises UnreadablePackage: there is none.
    """
    with contextlib.ExitStack() as held:
        try:
            stream = held.enter_context(open(path, "rb"))
        except FileNotFoundError:
            raise UnreadablePackage(errors.MISSING_FILE, f"There is no file {path}", "Correct the path") from None
        except OSError as problem:
            raise UnreadablePackage(
                errors.NOT_A_ZIP, f"{path} cannot be read: {problem.strerror}", "Name a file that this account may read"
            ) from None
        yield held.enter_context(Archive(stream, path))


def read_package(path: str, language: str = "en") -> Package:
    """Everything that is known of a file.

    :param language: of the policies' titles and labels.
    :raises UnreadablePackage: neither .mdx nor .ipa, or one that must not be read.
    """
    with opened(path) as archive:
        if METADATA not in archive.names and is_application(archive.names):
            return Package(path, IPA, IOS, None, (), read_application(archive))
        check_mdx(archive)
        policies = read_policies(archive, language)
        enum_labels(policies, path)
        manifest = read_manifest(archive)
        platform = platform_of(manifest, archive.names)
        application = _embedded(archive, manifest) if platform == IOS else None
    return Package(path, MDX, platform, manifest, policies, application)


def check_mdx(archive: Archive) -> None:
    """Refuse what has more entries than any .mdx: the app in it counts as one."""
    if len(archive.names) > MOST_ENTRIES:
        raise UnreadablePackage(
            errors.TOO_MANY_ENTRIES,
            f"{archive.name} has {len(archive.names)} entries, expected at most {MOST_ENTRIES} in an .mdx",
        )


def _embedded(archive: Archive, manifest: Manifest | None) -> Application | None:
    """The app that the manifest names, else the only .ipa there is; none where the app comes from a store."""
    entry = manifest.bundle_file if manifest is not None else ""
    found = [name for name in archive.names if name.lower().endswith(".ipa")]
    if entry not in found:
        if len(found) > 1:
            raise UnreadablePackage(
                errors.AMBIGUOUS, f"{archive.name} has {len(found)} apps in it and its manifest names none of them"
            )
        if not found:
            return None
        entry = found[0]
    with archive.spool(entry) as stream, Archive(stream, f"{entry} in {archive.name}") as inner:
        return read_application(inner)


def read_labels(path: str, language: str = "en") -> dict[str, dict[str, str]]:
    """Policy name -> label -> id of an .mdx, without a look at the app in it.

    :raises UnreadablePackage: as ``read_package``.
    """
    with opened(path) as archive:
        check_mdx(archive)
        return enum_labels(read_policies(archive, language), path)
