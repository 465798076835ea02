# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for cmd.exe, built so that the program behind it receives exactly the arguments given."""

from __future__ import annotations

import re

from ..core.errors import InvalidInput

#: Microsoft's documented maximum of a cmd.exe line, in characters.
LONGEST_LINE = 8191

_PROGRAM = re.compile(r"[A-Za-z0-9_.:\\%-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_./:\\*+-]+")


class Expanded(str):
    """An argument of this project's own in which cmd.exe expands variables, such as ``%windir%\\win.ini``."""

    __slots__ = ()


def command_line(program: str, *arguments: str) -> str:
    """Return the line that runs ``program`` with ``arguments``.

    The program stands first and unquoted, because cmd.exe may drop the quotes of a line that begins with one. Every
    argument that is not plain is put in double quotes, in which cmd.exe leaves everything but ``%`` alone and which
    CommandLineToArgvW takes off again.

    :raises InvalidInput: an argument that no quoting protects (``%``, double quotes, line breaks and other characters
        that do not print), or a line longer than cmd.exe takes.
    """
    if not _PROGRAM.fullmatch(program):
        raise InvalidInput("program", program, "a path that needs no quotes", "Name it by its short path")
    line = " ".join((program, *(_quoted(argument) for argument in arguments)))
    if len(line) > LONGEST_LINE:
        raise InvalidInput(
            "command line", f"{len(line)} characters", f"{LONGEST_LINE} at most", "Declare fewer values in one task"
        )
    return line


def piped(*lines: str) -> str:
    """The line in which each of these lines reads what the one before it prints, its messages included.

    The last line's exit code counts. What the first one says on standard error is left out.
    """
    first, *filters = lines
    return " | ".join((f"{first} 2>nul", *(f"{line} 2>&1" for line in filters)))


def tolerated(line: str) -> str:
    """The line with exit code 0 also where its program found nothing (``ver`` always succeeds)."""
    return f"{line} || ver >nul"


def _quoted(argument: str) -> str:
    refused = '"' if isinstance(argument, Expanded) else '"%'
    if not argument.isprintable() or any(character in argument for character in refused):
        raise InvalidInput(
            "command line argument",
            argument,
            "text without %, double quotes, line breaks and control characters",
            "Correct the declared value: cmd.exe would change it on the way",
        )
    if _PLAIN.fullmatch(argument):
        return argument
    # backslashes count double only before the quote that closes
    closing = len(argument) - len(argument.rstrip("\\"))
    return '"' + argument + "\\" * closing + '"'
