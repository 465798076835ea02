# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many reads as one line of cmd.exe, so that a host is asked once. No I/O of its own.

Success is told by ``&&`` and ``||``, which look at the exit code alone; the word that they print is random, so no
output can be taken for it. Sources: Microsoft's "Command shell overview" (the operators and how they bind) and its
documented maximum of a line.
"""

from __future__ import annotations

import secrets
import typing as t

from .cmdline import LONGEST_LINE
from .runner import CommandResult

#: Characters kept free for the variables of a line, which cmd.exe expands before it measures.
_ROOM = 1024


def read_all(run: t.Callable[[str], CommandResult], lines: t.Sequence[str]) -> list[CommandResult]:
    """The results of all lines, in their order.

    A line whose exit code is not 0 is run once more on its own, so that its result has the exact exit code and both
    outputs. Of a line that succeeded in a batch, standard error is left out.

    :param run: runs one line of cmd.exe.
    :param lines: reads only, in which cmd.exe's special characters stand inside double quotes
        (:func:`.cmdline.command_line` builds them so).
    """
    results: list[CommandResult] = []
    mark = secrets.token_hex(8)
    for batch in _batches(lines, mark):
        outputs = _outputs(run(_chain(batch, mark)).stdout, mark) if len(batch) > 1 else []
        for number, line in enumerate(batch):
            output = outputs[number] if number < len(outputs) else None
            results.append(run(line) if output is None else CommandResult(0, output))
    return results


def _link(line: str, mark: str) -> str:
    return f"({line}) && (echo {mark}+) || (echo {mark}-)"


def _chain(lines: t.Iterable[str], mark: str) -> str:
    return " & ".join(_link(line, mark) for line in lines)


def _batches(lines: t.Sequence[str], mark: str) -> t.Iterator[list[str]]:
    batch: list[str] = []
    for line in lines:
        if batch and len(_chain([*batch, line], mark)) > LONGEST_LINE - _ROOM:
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def _outputs(stdout: str, mark: str) -> list[str | None]:
    """What each line printed, ``None`` for one that failed; what follows the last mark is nobody's."""
    found: list[str | None] = []
    before, separator, rest = stdout.partition(mark)
    while separator:
        found.append(before if rest.startswith("+") else None)
        before, separator, rest = rest[1:].removeprefix("\r\n").partition(mark)
    return found
