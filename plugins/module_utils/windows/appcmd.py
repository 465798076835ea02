# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS configuration through appcmd: sections read as XML, one write a section, success by exit code.

Exit codes are the low word of the HRESULT that the (localized) text carries; public transcripts: OctopusDeploy/Issues
1269 (32), sous-chefs/iis 307 (1168), JexusManager's command tests.
"""

from __future__ import annotations

import re
import time
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from ..core.errors import PushOpsError, Refused, UnexpectedState
from .cmdline import command_line
from .markup import parse
from .runner import CommandResult, Runner

#: inetsrv is not on PATH.
PROGRAM = r"%windir%\system32\inetsrv\appcmd.exe"
#: ``/commit:apphost`` writes here, under a location tag.
APPHOST = "MACHINE/WEBROOT/APPHOST"

HELD = 32
WRITE_ATTEMPTS = 3
SECONDS_BETWEEN_ATTEMPTS = 1.0

_HRESULT = re.compile(r"hresult:([0-9a-fA-F]{8})")
_CAUSES = {
    2: ("a file of the configuration is not there", "Check the physical paths that IIS names for it"),
    3: ("a folder of the configuration is not there", "Check the physical paths that IIS names for it"),
    5: ("access was denied", "Connect as a member of the host's Administrators group"),
    13: ("a configuration file is malformed", "Repair it, or put a copy of it back, and run again"),
    HELD: ("another process holds the file", "Close what holds it (IIS Manager, an editor, a scan) and run again"),
    33: ("the section is locked there", "Unlock it in applicationHost.config (appcmd unlock config) and run again"),
    1168: ("there is no such site", "Correct the path; 'appcmd list app' on the host shows the names"),
}

Entry = dict[str, str]


@dataclass(frozen=True)
class Section:
    """A configuration section.

    :param attributes: by name; those of a child element with its name before, as in ``proxy.usesystemdefault``.
    :param collections: entries in order, by the name of the child element that holds them.
    :param locked: it cannot be written at this path.
    """

    attributes: dict[str, str]
    collections: dict[str, tuple[Entry, ...]]
    locked: bool = False


def section_content(element: ET.Element, locked: bool = False) -> Section:
    """Read a section's own element, with ``<add>``, ``<remove>`` and ``<clear>`` carried out in order."""
    attributes = dict(element.attrib)
    collections: dict[str, tuple[Entry, ...]] = {}
    for child in element:
        attributes |= {f"{child.tag}.{name}": value for name, value in child.attrib.items()}
        entries: list[Entry] = []
        for item in child:
            if item.tag == "add":
                entries.append(dict(item.attrib))
            elif item.tag == "clear":
                entries.clear()
            elif item.tag == "remove":
                entries = [entry for entry in entries if not item.attrib.items() <= entry.items()]
        if entries:
            collections[child.tag] = tuple(entries)
    return Section(attributes, collections, locked)


def set_config(
    path: str,
    section: str,
    attributes: t.Mapping[str, str],
    *,
    add: t.Iterable[tuple[str, str, str]] = (),
    remove: t.Iterable[tuple[str, str, str]] = (),
    apphost: bool = False,
) -> str:
    """The line that writes a section at once: appcmd applies all of it or nothing.

    :param section: the full name, because short ones are ambiguous where FTP is installed.
    :param add: collection, key attribute and value of each entry to append.
    :param remove: the same for entries to take away.
    :param apphost: commit to applicationHost.config instead of the web.config at the path.
    """
    return command_line(
        PROGRAM,
        "set",
        "config",
        path,
        f"/section:{section}",
        *(f"/{name}:{value}" for name, value in attributes.items()),
        *(f"/-{collection}.[{key}='{value}']" for collection, key, value in remove),
        *(f"/+{collection}.[{key}='{value}']" for collection, key, value in add),
        *(["/commit:apphost"] if apphost else []),
    )


def clear_config(path: str, section: str, attribute: str = "") -> str:
    """The line that takes a section, or one attribute of it, out of the web.config at the path."""
    return command_line(
        PROGRAM, "clear", "config", path, f"/section:{section}", *([f"/{attribute}"] if attribute else [])
    )


class AppCmd:
    """appcmd on one host.

    :param wait: called with the seconds between two attempts at a file that another process holds.
    """

    def __init__(self, runner: Runner, wait: t.Callable[[float], object] = time.sleep) -> None:
        self._runner = runner
        self._wait = wait

    def section(self, path: str, name: str) -> Section:
        """The effective section at a path, inherited and default values included."""
        result = self._runner.run(
            command_line(PROGRAM, "list", "config", path, f"/section:{name}", "/config:*", "/xml")
        )
        if result.rc != 0:
            raise failure(f"{name} of {path} cannot be read", result)
        config = parse(result.stdout, f"appcmd's listing of {name} of {path}").find("CONFIG")
        if config is None or len(config) != 1:
            raise UnexpectedState(
                f"appcmd's listing of {name} of {path} holds no section", "Run the same appcmd command on the host"
            )
        return section_content(config[0], locked=config.get("locked", "").lower() == "true")

    def physical_path(self, application: str) -> str:
        """The folder of an application, without a backslash at its end.

        :raises Refused: there is no such application.
        """
        directory = application.rstrip("/") + "/"
        result = self._runner.run(command_line(PROGRAM, "list", "vdir", directory, "/text:physicalPath"))
        if result.rc == 1 and not (result.stdout.strip() or result.stderr.strip()):  # how appcmd says "none"
            raise Refused(
                f"There is no application {application} in IIS", "Correct the path; 'appcmd list app' shows the names"
            )
        if result.rc != 0:
            raise failure(f"The folder of {application} cannot be found", result)
        return result.stdout.strip().rstrip("\\")

    def write(self, line: str, what: str) -> None:
        """Run a line that writes; a file that another process holds is tried again, a few times.

        :param what: the write in words, for the message.
        """
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            result = self._runner.run(line, writes=True)
            if result.rc == 0:
                return
            if _code(result) != HELD or attempt == WRITE_ATTEMPTS:
                raise failure(f"{what} was not written", result)
            self._wait(SECONDS_BETWEEN_ATTEMPTS)


def _code(result: CommandResult) -> int:
    found = _HRESULT.search(result.stdout)
    return int(found[1], 16) & 0xFFFF if found else result.rc


def failure(what: str, result: CommandResult) -> PushOpsError:
    """The error behind a failed appcmd. Its words are shown, never read: they follow the display language."""
    output = " ".join((result.stdout or result.stderr).split())[:500]
    if result.stderr.strip() and not result.stdout.strip():  # appcmd's own errors go to stdout
        return Refused(
            f"{what}: {PROGRAM} does not start: {output}",
            "Install IIS's management tools (Web-Scripting-Tools) on the host, or correct the host",
        )
    code = _code(result)
    cause, remedy = _CAUSES.get(code, ("appcmd failed", "Run the same appcmd command on the host"))
    kind = UnexpectedState if code == 13 else Refused
    return kind(f"{what}: {cause} (exit code {result.rc}: {output or 'no output'})", remedy)
