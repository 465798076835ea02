# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every new process of this machine shows of itself while something runs: arguments and environment."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import typing as t

_PAUSE = 0.01  # seconds between two looks


@contextlib.contextmanager
def watching_processes() -> t.Iterator[set[bytes]]:
    """Collect ``cmdline`` and ``environ`` of the processes that begin meanwhile; complete when this is left."""
    seen: set[bytes] = set()
    done = threading.Event()
    known = set(_processes())

    def watch() -> None:
        while not done.wait(_PAUSE):
            for number in _processes():
                if number in known:
                    continue
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
                        seen.add(pathlib.Path("/proc", number, name).read_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]
