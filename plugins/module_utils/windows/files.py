# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a Windows host, by what cmd.exe itself can do with them."""

from __future__ import annotations

from ..core.errors import Refused
from .cmdline import command_line
from .runner import CommandResult, Runner


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


def is_there(runner: Runner, path: str) -> bool:
    """Whether there is such a file. A folder that may not be listed shows none."""
    return runner.run(command_line("dir", "/b", "/a:-d", path)).rc == 0
