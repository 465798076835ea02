# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time per bundle id. The kernel ends the lock with its holder, so a stale one cannot stay."""

from __future__ import annotations

import datetime
import fcntl
import os
import pathlib
import platform
import pwd
import time

from ..core.errors import Refused

_LOOK_AGAIN = 0.2  # seconds


def account() -> str:
    """Name of the account that runs this, or its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def who() -> str:
    """Who runs this: process, account and host."""
    return f"process {os.getpid()} of {account()} on {platform.node()}"


class Lock:
    """An exclusive lock on a file, which says who holds it.

    :param timeout: seconds to wait for another run; 0 does not wait.
    """

    def __init__(self, path: pathlib.Path, timeout: float = 0) -> None:
        self._path = path
        self._timeout = timeout
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock, unless it is held already.

        :raises Refused: another run holds it; names that run.
        """
        if self._descriptor >= 0:
            return
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._wait()
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, _holder().encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 500, 0).decode(errors="replace").strip() or "a run that gives no name"
            self.release()
            waited = f", also after {self._timeout:g} s" if self._timeout else ""
            raise Refused(
                f"Another run is at work on these certificates{waited}: {holder} (lock {self._path})",
                "Wait until it has ended, then run again, or let a run wait with lock_timeout",
            ) from None
        except OSError as problem:
            self.release()
            raise Refused(
                f"Could not lock {self._path}: {problem.strerror or problem}",
                "Check permissions and free space of the folder",
            ) from None

    def _wait(self) -> None:
        ends = time.monotonic() + self._timeout
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= ends:
                    raise
            time.sleep(_LOOK_AGAIN)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _holder() -> str:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return f"{who()}, since {now}\n"
