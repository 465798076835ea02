# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether IIS can read what applies at a path: it answers 500.19 to every request of the application where it cannot.

Causes after Microsoft's "HTTP Error 500.19 when you open an IIS webpage" (KB 942055): malformed XML (0x8007000d), a
section that is locked above (0x80070021), a section twice in one file (0x800700b7), a section that nobody declared
(0x80070032 or 0x8007000d).
"""

from __future__ import annotations

import typing as t

from .document import Element
from .effective import containers, definitions
from .errors import ALREADY_EXISTS, INVALID_DATA, FileFault
from .hierarchy import APPHOST, Configuration

#: Top-level names that .NET Framework 4's machine.config declares, and what every configuration file may hold.
_DOTNET = frozenset(
    (
        *("appSettings", "assemblyBinding", "configProtectedData", "configSections", "connectionStrings", "location"),
        *("mscorlib", "runtime", "satelliteassemblies", "startup", "strongNames", "uri", "windows"),
        *("system.codedom", "system.data", "system.data.dataset", "system.data.odbc", "system.data.oledb"),
        *("system.data.oracleclient", "system.data.sqlclient", "system.diagnostics", "system.net"),
        *("system.runtime.caching", "system.runtime.remoting", "system.runtime.serialization", "system.serviceModel"),
        *("system.serviceModel.activation", "system.transactions", "system.web", "system.web.extensions"),
        *("system.windows.forms", "system.xaml.hosting", "system.xml.serialization"),
    )
)
_GROUP = "system.webServer"


def check(configuration: Configuration, config_path: str) -> None:
    """Read every file below applicationHost.config that applies at a path, as a request makes IIS do.

    :raises FileFault: IIS answers 500.19; names the file and the line.
    """
    levels = configuration.levels(config_path)
    known = configuration.section_modes()
    apphost = next(index for index, level in enumerate(levels) if level.path == APPHOST)
    written: set[str] = set()
    for level in levels[apphost + 1 :]:
        document = configuration.document(level.file)
        if document is None:
            continue
        declared = set(_declared(document.root))
        for container, _location, _target in containers(document, level):
            here: list[str] = []
            for child in container.children:
                if child.name == _GROUP:
                    here += _sections(child, child.name, known, level.file)
                elif child.name not in _DOTNET | declared:
                    raise _unknown(child.name, level.file, child.line)
            if len(here) != len(set(here)):
                text = "Config section already defined. Sections must only appear once per config file."
                raise FileFault(ALREADY_EXISTS, text, level.file, container.line)
            written |= set(here)
    for section in sorted(written):
        definitions(configuration, levels, section)  # raises where one is locked or written twice


def _declared(root: Element) -> t.Iterator[str]:
    sections = root.child("configSections")
    for child in sections.children if sections else ():
        yield child.attributes.get("name", "")


def _sections(group: Element, prefix: str, known: t.Collection[str], file: str) -> t.Iterator[str]:
    """Full names of the sections in a group."""
    for child in group.children:
        name = f"{prefix}/{child.name}"
        if name in known:
            yield name
        elif any(each.startswith(f"{name}/") for each in known):
            yield from _sections(child, name, known, file)
        else:
            raise _unknown(name, file, child.line)


def _unknown(name: str, file: str, line: int) -> FileFault:
    text = f"The configuration section '{name}' cannot be read because it is missing a section declaration"
    return FileFault(INVALID_DATA, text, file, line)
