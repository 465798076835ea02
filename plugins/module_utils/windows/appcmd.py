# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS configuration through appcmd: the lines that write, success by exit code, and what a failure means.

Exit codes are the low word of the HRESULT that the (localized) text carries; public transcripts: OctopusDeploy/Issues
1269 (32), sous-chefs/iis 307 (1168), JexusManager's command tests.
"""

from __future__ import annotations

import re
import time
import typing as t

from ..core.errors import PushOpsError, Refused, UnexpectedState
from .cmdline import command_line
from .runner import CommandResult, Runner

#: inetsrv is not on PATH.
PROGRAM = r"%windir%\system32\inetsrv\appcmd.exe"

HELD = 32
WRITE_ATTEMPTS = 3
SECONDS_BETWEEN_ATTEMPTS = 1.0

_HRESULT = re.compile(r"hresult:([0-9a-fA-F]{8})")
_CAUSES = {
    2: ("a file of the configuration is not there", "Check the physical paths that IIS names for it"),
    3: ("a folder of the configuration is not there", "Check the physical paths that IIS names for it"),
    5: (
        "access was denied",
        "Take the read-only mark off the file (attrib -r), and connect as a member of the host's Administrators group",
    ),
    13: ("a configuration file is malformed", "Repair it, or put a copy of it back, and run again"),
    HELD: ("another process holds the file", "Close what holds it (IIS Manager, an editor, a scan) and run again"),
    33: ("the section is locked there", "Unlock it in applicationHost.config (appcmd unlock config) and run again"),
    112: ("the disk is full", "Free space on the drive that holds the file and run again"),
    183: ("something is defined twice in a configuration file", "Take one of the two out and run again"),
    1168: ("there is no such site", "Correct the path; 'appcmd list app' on the host shows the names"),
}


def set_config(
    path: str,
    section: str,
    attributes: t.Mapping[str, str],
    *,
    add: t.Iterable[tuple[str, str, str]] = (),
    remove: t.Iterable[tuple[str, str, str]] = (),
    commit: str = "",
) -> str:
    """The line that writes a section at once: appcmd applies all of it or nothing.

    :param section: the full name, because short ones are ambiguous where FTP is installed.
    :param add: collection, key attribute and value of each entry to append.
    :param remove: the same for entries to take away.
    :param commit: ``apphost`` or the config path of the file to write to; empty for the web.config at the path.
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
        *([f"/commit:{commit}"] if commit else []),
    )


def clear_config(path: str, section: str, attribute: str = "") -> str:
    """The line that takes a section, or one attribute of it, out of the web.config at the path."""
    return command_line(
        PROGRAM, "clear", "config", path, f"/section:{section}", *([f"/{attribute}"] if attribute else [])
    )


def write(runner: Runner, line: str, what: str, wait: t.Callable[[float], object] = time.sleep) -> None:
    """Run a line that writes; a file that another process holds is tried again, a few times.

    :param what: the write in words, for the message.
    :param wait: called with the seconds between two attempts.
    """
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        result = runner.run(line, writes=True)
        if result.rc == 0:
            return
        if _code(result) != HELD or attempt == WRITE_ATTEMPTS:
            raise failure(f"{what} was not written", result)
        wait(SECONDS_BETWEEN_ATTEMPTS)


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
