# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a Windows host, by what cmd.exe itself can do with them."""

from __future__ import annotations

import datetime
import ntpath

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


def copies(runner: Runner, path: str) -> list[str]:
    """The copies that :func:`copy_aside` made of a file, the newest first."""
    result = runner.run(command_line("dir", "/b", type(path)(f"{path}.pushops-*.bak")))
    names = sorted((line.strip() for line in result.stdout.splitlines() if line.strip()), reverse=True)
    return [type(path)(ntpath.join(ntpath.dirname(path), name)) for name in names] if result.rc == 0 else []


def copy_aside(runner: Runner, path: str, now: datetime.datetime) -> str:
    """Copy a file beside itself and return the copy's path, which ends in ``.pushops-<UTC time>.bak``.

    :raises Refused: the copy could not be made; nothing else was touched.
    """
    copy = type(path)(f"{path}.pushops-{now.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}.bak")
    result = runner.run(command_line("copy", "/Y", path, copy), writes=True)
    if result.rc != 0:
        raise Refused(
            f"{path} cannot be copied aside: {' '.join((result.stderr or result.stdout).split())}. Nothing was changed",
            "Check that the file is there, that its folder takes new files and that the disk has room",
        )
    return copy
