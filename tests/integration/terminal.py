# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program on a terminal of its own, and what a person sees there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

COLUMNS, ROWS = 120, 24


def run_on_terminal(
    command: list[str], environment: dict[str, str], folder: pathlib.Path, seconds: float = 120
) -> tuple[int, str]:
    """Exit code and all that was written to the terminal, of a program that ends with everything that it started."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        # The size is the terminal's own, whatever the test's parent says in its environment.
        env={**environment, "TERM": "xterm", "PYTHONUTF8": "1", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)},
        cwd=folder,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            written = _read(ours, time.monotonic() + seconds)
            process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            os.close(ours)
    return process.returncode, written.decode()


def shown(written: str) -> list[str]:
    """The lines that stand on the terminal at the end, those that scrolled away included."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000)
    pyte.Stream(screen).feed(written)
    above = ["".join(line[column].data for column in range(COLUMNS)) for line in screen.history.top]
    return [line.rstrip() for line in [*above, *screen.display] if line.strip()]


def _read(terminal: int, deadline: float) -> bytes:
    written = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the last program has closed it
            return written
        if not part:
            return written
        written += part
    raise TimeoutError(f"still writing: {written[-2000:].decode(errors='replace')}")
