# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a Windows host, by what cmd.exe itself can do with them."""

from __future__ import annotations

from ..core.errors import Refused
from .cmdline import command_line
from .runner import CommandResult


def type_line(path: str) -> str:
    """The line that prints a text file."""
    return command_line("type", path)


def printed(path: str, result: CommandResult) -> str:
    """The content of a text file, from the result of its line.

    :raises Refused: it is not there, or may not be read.
    """
    if result.rc != 0:
        raise Refused(
            f"{path} cannot be read: {' '.join(result.stderr.split())}",
            "Check that the file is there and that the account may read it",
        )
    return result.stdout
