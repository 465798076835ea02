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

from ..core.errors import Refused


def account() -> str:
    """Name of the account that runs this, or its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


class Lock:
    """An exclusive lock on a file, which says who holds it."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock.

        :raises Refused: another run holds it; names that run.
        """
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, _holder().encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 500, 0).decode(errors="replace").strip() or "a run that gives no name"
            self.release()
            raise Refused(
                f"Another run is at work on these certificates: {holder} (lock {self._path})",
                "Wait until it has ended, then run again",
            ) from None
        except OSError as problem:
            self.release()
            raise Refused(
                f"Could not lock {self._path}: {problem.strerror or problem}",
                "Check permissions and free space of the folder",
            ) from None

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _holder() -> str:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} of {account()} on {platform.node()}, since {now}\n"
