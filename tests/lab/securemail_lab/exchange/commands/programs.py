# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program a name starts: those of System32 by name or path, IIS's appcmd by path where IIS is installed."""

from __future__ import annotations

import importlib
import ntpath

from ..machine import CommandResult
from . import argv, curl, filters, netsh, reg, wevtutil
from .session import Program, Session, Stdin

SYSTEM32 = r"C:\Windows\System32"
#: appcmd is not on the path; its file on the drive says that IIS's management tools are installed.
APPCMD = rf"{SYSTEM32}\inetsrv\appcmd.exe"


def _hostname(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    return session.done(f"{session.machine.name.upper()}\r\n")


def _appcmd(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    result: CommandResult = importlib.import_module("..appcmd", __package__).run(session.machine, arguments)
    return result


PROGRAMS: dict[str, Program] = {
    "certutil.exe": filters.certutil,
    "curl.exe": curl.run,
    "find.exe": filters.find,
    "findstr.exe": filters.findstr,
    "hostname.exe": _hostname,
    "more.com": filters.more,
    "netsh.exe": netsh.run,
    "reg.exe": reg.run,
    "wevtutil.exe": wevtutil.run,
}


def start(session: Session, name: str, line: str, stdin: Stdin) -> CommandResult:
    """Run an external program with the arguments of its line.

    :raises Failed: there is none of this name; a path whose folder is missing has a message of its own.
    """
    program = _resolve(session, name)
    if program is None:
        raise session.failed("not_recognized", name)
    return program(session, argv.split(line)[1:], stdin)


def _resolve(session: Session, name: str) -> Program | None:
    if "\\" not in name and ":" not in name and "/" not in name:
        return _of_system32(name)
    folder, file = ntpath.split(session.full_path(name))
    if folder.lower() == SYSTEM32.lower():
        return _of_system32(file)
    if not session.file(folder).is_dir():
        raise session.failed("no_path")
    full = ntpath.join(folder, file)
    if full.lower() in (APPCMD.lower(), APPCMD.lower().removesuffix(".exe")) and session.file(APPCMD).is_file():
        return _appcmd
    return None


def _of_system32(name: str) -> Program | None:
    candidates = [name] if ntpath.splitext(name)[1] else [f"{name}.com", f"{name}.exe"]
    return next((PROGRAMS[candidate.lower()] for candidate in candidates if candidate.lower() in PROGRAMS), None)
