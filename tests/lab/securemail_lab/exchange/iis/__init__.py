# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS's configuration system over the real configuration files of a simulated machine.

``Iis(machine)`` reads the files anew for every call, so an edit by hand acts at once. Config paths are given as
``Default Web Site/EWS`` (empty: the server), or whole, ``MACHINE/WEBROOT/APPHOST/...``. Section names are those of
``schema.SECTIONS``. Every method raises ``IisError``; a file that IIS could not read is a ``FileFault``.

Hierarchy and locking follow Microsoft's "Deep Dive into IIS Configuration" and "How to Use Locking in IIS
Configuration": MACHINE, WEBROOT, APPHOST (with location tags), then the web.config of the site and of each folder on
the way; the deepest definition wins, unless the section is locked above it.
"""

from __future__ import annotations

import typing as t

from ..machine import Machine
from .commit import Commit
from .edits import AddItem, ClearAttribute, ClearSection, Edit, RemoveItem, SetAttribute
from .effective import (
    AttributeValue,
    Definition,
    ElementValue,
    Item,
    Origin,
    SectionValue,
    definitions,
    effective,
    is_below,
)
from .errors import CommitFault, DataFault, FileFault, IisError
from .hierarchy import APPHOST, Application, ApplicationPool, Configuration, Level, Site, VirtualDirectory, commit_level
from .reading import check
from .schema import SECTIONS

__all__ = [
    "SECTIONS",
    "AddItem",
    "Application",
    "ApplicationPool",
    "AttributeValue",
    "ClearAttribute",
    "ClearSection",
    "Commit",
    "CommitFault",
    "DataFault",
    "Definition",
    "Edit",
    "ElementValue",
    "FileFault",
    "Iis",
    "IisError",
    "Item",
    "Level",
    "Origin",
    "RemoveItem",
    "SectionValue",
    "SetAttribute",
    "Site",
    "VirtualDirectory",
]

SERVER_RUNTIME = "system.webServer/serverRuntime"
ACCESS = "system.webServer/security/access"
WINDOWS_AUTHENTICATION = "system.webServer/security/authentication/windowsAuthentication"
BASIC_AUTHENTICATION = "system.webServer/security/authentication/basicAuthentication"
DEFAULT_PROXY = "system.net/defaultProxy"


class Iis:
    """The configuration system of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def effective(self, config_path: str, section: str) -> SectionValue:
        """A section as it acts at a path."""
        configuration = Configuration(self.machine)
        return effective(configuration, configuration.levels(config_path), section, SECTIONS[section])

    def ssl_flags(self, config_path: str) -> int:
        """``sslFlags`` of section access: Ssl 8, SslNegotiateCert 32, SslRequireCert 64, Ssl128 256."""
        return int(self._value(config_path, ACCESS, "sslFlags"))

    def upload_read_ahead_size(self, config_path: str) -> int:
        """``uploadReadAheadSize`` of section serverRuntime, in bytes."""
        return int(self._value(config_path, SERVER_RUNTIME, "uploadReadAheadSize"))

    def sign_in_schemes(self, config_path: str) -> list[str]:
        """What is offered to who has not signed in: the providers of Windows authentication in their order, Basic."""
        windows = self.effective(config_path, WINDOWS_AUTHENTICATION)
        providers = [str(item.attributes["value"]) for item in windows.items("providers")]
        return [
            *(providers if windows.root.attributes["enabled"].value else []),
            *(["Basic"] if self._value(config_path, BASIC_AUTHENTICATION, "enabled") else []),
        ]

    def check(self, config_path: str) -> None:
        """Read all that applies at a path, as a request to it makes IIS do.

        :raises FileFault: IIS answers 500.19.
        """
        check(Configuration(self.machine), config_path)

    def prepare(
        self, config_path: str, section: str, edits: t.Sequence[Edit], commit_path: str | None = None
    ) -> tuple[Commit, Level, Level]:
        """Edits applied in memory, with the levels of the path and of the file that ``write`` will replace."""
        configuration = Configuration(self.machine)
        levels = configuration.levels(config_path)
        level = commit_level(levels, commit_path)
        return Commit(configuration, levels, section, edits, level), levels[-1], level

    def commit(self, config_path: str, section: str, edits: t.Sequence[Edit], commit_path: str | None = None) -> bool:
        """Write edits to the path's own web.config, or to the file that ``commit_path`` names; true if it changed.

        ``commit_path`` is a config path above, or ``apphost``, ``site``, ``app``, ``parent``, ``url``, ``webroot``,
        ``machine``. All edits are written together, or none.
        """
        prepared, _rest, _rest = self.prepare(config_path, section, edits, commit_path)
        prepared.write()
        return prepared.changed

    def places(self, config_path: str, section: str) -> list[Definition]:
        """Where a section is written for exactly this path, outermost file first."""
        configuration = Configuration(self.machine)
        levels = configuration.levels(config_path)
        return [one for one in definitions(configuration, levels, section) if one.target == levels[-1].path]

    def search(self, config_path: str, section: str) -> list[Definition]:
        """Where a section is written for a path, and for every site, application and directory below it."""
        configuration = Configuration(self.machine)
        first = configuration.levels(config_path)[-1].path
        known = {first: None}
        for site in configuration.sites():
            paths = [directory.path.rstrip("/") for each in site.applications for directory in each.directories]
            known |= {f"{APPHOST}/{site.name}{path}": None for path in sorted(paths)}
        return [
            one
            for path in known
            if is_below(path, first)
            for one in definitions(configuration, configuration.levels(path), section)
            if one.target == path
        ]

    def sites(self) -> list[Site]:
        return Configuration(self.machine).sites()

    def pools(self) -> list[ApplicationPool]:
        return Configuration(self.machine).pools()

    def section_names(self) -> list[str]:
        """Full names of the sections that applicationHost.config registers."""
        return list(Configuration(self.machine).section_modes())

    def _value(self, config_path: str, section: str, attribute: str) -> bool | int | str:
        return self.effective(config_path, section).root.attributes[attribute].value
