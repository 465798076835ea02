# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host is to the rest of this package: something that runs one line of cmd.exe."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class CommandResult:
    """What a finished command leaves.

    :param rc: exit code, unsigned 32 bit.
    """

    rc: int
    stdout: str = ""
    stderr: str = ""


class Runner(t.Protocol):
    """The one seam to a Windows host."""

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        """Run one line of cmd.exe.

        :param writes: the line changes something: it is never repeated once it may have begun.
        :raises Unreachable: the host did not answer, or not in time.
        :raises Refused: the host answered and said no.
        """

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        """Run many lines that change nothing, at the cost of one where they fit; results in their order.

        Standard error of a line that succeeded is left out; one that failed has its exact exit code and outputs.

        :param lines: built by :func:`.cmdline.command_line`.
        :raises Unreachable: the host did not answer, or not in time.
        :raises Refused: the host answered and said no.
        """
