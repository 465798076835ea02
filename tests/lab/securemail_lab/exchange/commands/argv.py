# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows command line taken apart as CommandLineToArgvW documents it."""

from __future__ import annotations

_BLANK = " \t"


def split(line: str) -> list[str]:
    """Program and arguments.

    In the program's name a quote only groups. In arguments ``2n`` backslashes before a quote are ``n`` backslashes,
    one more makes the quote literal, and two quotes inside a quoted part are one quote that also ends the part.
    """
    program, at = _program(line)
    arguments = []
    while (at := _skip_blanks(line, at)) < len(line):
        argument, at = _argument(line, at)
        arguments.append(argument)
    return [program, *arguments]


def _program(line: str) -> tuple[str, int]:
    at, quoted, found = _skip_blanks(line, 0), False, ""
    while at < len(line) and (quoted or line[at] not in _BLANK):
        if line[at] == '"':
            quoted = not quoted
        else:
            found += line[at]
        at += 1
    return found, at


def _argument(line: str, at: int) -> tuple[str, int]:
    quoted, found = False, ""
    while at < len(line) and (quoted or line[at] not in _BLANK):
        backslashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        at += backslashes
        if line[at : at + 1] != '"':
            found += "\\" * backslashes
            if backslashes:
                continue
            found += line[at]
        elif backslashes % 2:
            found += "\\" * (backslashes // 2) + '"'
        else:
            found += "\\" * (backslashes // 2)
            if quoted and line[at + 1 : at + 2] == '"':
                found += '"'
                at += 1
            quoted = not quoted
        at += 1
    return found, at


def _skip_blanks(line: str, at: int) -> int:
    while at < len(line) and line[at] in _BLANK:
        at += 1
    return at
