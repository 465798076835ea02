# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe's internal commands over the machine's files. Each gets the rest of its line as it was typed."""

from __future__ import annotations

import fnmatch
import ntpath
import os
import pathlib
import re
import shutil

from ..machine import CommandResult
from .session import Failed, Internal, Session, Stdin

_WORD = re.compile(r'(?:"[^"]*"?|[^\s,;="])+')


def _split(tail: str) -> tuple[set[str], list[str]]:
    """Switches in lower case (``/y``, also glued: ``/s/q``) and the other words without quotes."""
    words = [word.group() for word in _WORD.finditer(tail)]
    switches = {f"/{part.lower()}" for word in words if word.startswith("/") for part in word.split("/")[1:]}
    return switches, [word.replace('"', "") for word in words if not word.startswith("/")]


def _found(session: Session, pattern: str) -> list[tuple[str, pathlib.Path]]:
    """Windows paths and files that a pattern names, sorted; a pattern without wildcards names itself if it is there."""
    folder, name = ntpath.split(session.full_path(pattern))
    directory = session.file(folder)
    if not directory.is_dir():
        return []
    if not re.search(r"[*?]", name):
        file = session.file(pattern)
        return [(session.full_path(pattern), file)] if file.exists() else []
    name = "*" if name == "*.*" else name
    entries = sorted(directory.iterdir(), key=lambda entry: entry.name.lower())
    return [
        (ntpath.join(folder, entry.name), entry)
        for entry in entries
        if fnmatch.fnmatchcase(entry.name.lower(), name.lower())
    ]


def echo(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    if not tail.strip() and not tail.startswith("."):
        return session.done("ECHO is on.\r\n")
    return session.done("" if tail.strip().lower() in ("on", "off") else f"{tail[1:]}\r\n")


def type_(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    _switches, names = _split(tail)
    if not names:
        raise session.failed("bad_syntax")
    return CommandResult(0, stdout=b"".join(session.read(name) for name in names))


def copy(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    """``copy [/y] source[+source...] destination``: a folder as destination keeps the name."""
    switches, names = _split(tail)
    if len(names) not in (1, 2):
        raise session.failed("bad_syntax")
    content = b"".join(session.read(name) for name in names[0].split("+"))
    source = ntpath.basename(session.full_path(names[0].split("+")[0]))
    target = names[1] if len(names) == 2 else session.directory
    if session.file(target).is_dir():
        target = ntpath.join(session.full_path(target), source)
    asked = b""
    if session.file(target).exists() and "/y" not in switches:
        asked = session.encode(f"Overwrite {session.full_path(target)}? (Yes/No/All): ")
        if session.decode(stdin()).strip()[:1].lower() not in ("y", "a"):
            return CommandResult(1, stdout=asked + b"\r\n        0 file(s) copied.\r\n")
    try:
        session.write(target, content)
    except OSError:
        room = session.machine.torn_copy_room(session.file(target))
        if room is not None:
            session.write(target, content[:room])
        raise
    return CommandResult(0, stdout=asked + b"        1 file(s) copied.\r\n")


def move(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    _switches, names = _split(tail)
    if len(names) != 2:
        raise session.failed("bad_syntax")
    source, target = session.file(names[0]), session.file(names[1])
    if not source.exists():
        raise session.failed("no_file")
    if target.is_dir():
        target = target / source.name
    if not target.parent.is_dir():
        raise session.failed("no_path")
    os.replace(source, target)
    return session.done(f"        1 {'dir' if target.is_dir() else 'file'}(s) moved.\r\n")


def delete(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    """``del``: a name that is not there is said on standard error, with exit code 0 as on Windows."""
    _switches, names = _split(tail)
    if not names:
        raise session.failed("bad_syntax")
    missing = ""
    for name in names:
        files = [file for _rest, file in _found(session, name) if file.is_file()]
        if not files:
            missing += f"Could Not Find {session.full_path(name)}\r\n"
        for file in files:
            file.unlink()
    return CommandResult(0, stderr=session.encode(missing))


def rmdir(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    switches, names = _split(tail)
    for name in names:
        folder = session.file(name)
        if not folder.is_dir():
            raise session.failed("no_file")
        if "/s" in switches:
            shutil.rmtree(folder)
        elif any(folder.iterdir()):
            return session.fail("The directory is not empty.", 145)
        else:
            folder.rmdir()
    return session.done()


def mkdir(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    _switches, names = _split(tail)
    if not names:
        raise session.failed("bad_syntax")
    for name in names:
        folder = session.file(name)
        if folder.exists():
            return session.fail(f"A subdirectory or file {name} already exists.")
        folder.mkdir(parents=True)
    return session.done()


def dir_(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    """``dir /b``; the long listing depends on the display language and is not simulated."""
    switches, names = _split(tail)
    if "/b" not in switches:
        return session.fail("The lab's dir knows the bare form only: dir /b [/a:d | /a:-d] [PATH]")
    pattern = names[0] if names else session.directory
    if session.file(pattern).is_dir():
        pattern = ntpath.join(pattern, "*")
    kind = next((switch for switch in switches if switch.startswith("/a")), "")
    entries = [
        entry.name
        for _rest, entry in _found(session, pattern)
        if not kind.endswith("d") or entry.is_dir() is not kind.endswith("-d")
    ]
    if not entries:
        return session.fail("File Not Found")
    return session.done("".join(f"{name}\r\n" for name in entries))


def cd(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    _switches, names = _split(tail)
    if not names:
        return session.done(f"{session.directory}\r\n")
    if not session.file(names[0]).is_dir():
        raise session.failed("no_path")
    session.directory = session.full_path(names[0])
    return session.done()


def set_(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    name, equals, value = tail.strip().strip('"').partition("=")
    if equals:
        session.variables[name.lower()] = value
        return session.done()
    known = session.variable(name)
    if known is None:
        return session.fail(f"Environment variable {name} not defined")
    return session.done(f"{name}={known}\r\n")


def ver(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    return session.done("\r\nMicrosoft Windows [Version 10.0.17763.6532]\r\n")


def rem(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    return session.done()


def exit_(session: Session, tail: str, stdin: Stdin) -> CommandResult:
    """Ends the line at once with this code."""
    words = tail.replace("/b", "").replace("/B", "").split()
    raise Exited(CommandResult(int(words[0]) if words and words[0].lstrip("-").isdigit() else session.errorlevel))


class Exited(Failed):
    """``exit``: nothing more of the line runs."""


COMMANDS: dict[str, Internal] = {
    "cd": cd,
    "chdir": cd,
    "copy": copy,
    "del": delete,
    "dir": dir_,
    "echo": echo,
    "erase": delete,
    "exit": exit_,
    "md": mkdir,
    "mkdir": mkdir,
    "move": move,
    "rd": rmdir,
    "rem": rem,
    "rmdir": rmdir,
    "set": set_,
    "type": type_,
    "ver": ver,
}
