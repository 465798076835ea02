# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a Windows host, by what cmd.exe itself can do with them."""

from __future__ import annotations

import datetime

from ..core.errors import Refused
from .cmdline import command_line
from .runner import Runner


def read_text(runner: Runner, path: str) -> str:
    """The content of a text file.

    :raises Refused: it is not there, or may not be read.
    """
    result = runner.run(command_line("type", path))
    if result.rc != 0:
        raise Refused(
            f"{path} cannot be read: {' '.join(result.stderr.split())}",
            "Check that the file is there and that the account may read it",
        )
    return result.stdout


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
