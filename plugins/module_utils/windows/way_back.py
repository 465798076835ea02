# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A write to Exchange's configuration files that either leaves EWS alive or leaves the files as they were.

EWS is asked first; the files are copied aside; the caller writes; EWS is asked again. A changed web.config restarts its
application by itself, so the application pool is recycled only where EWS does not live after that, and after files were
put back. No other pool is ever touched.
"""

from __future__ import annotations

import contextlib
import typing as t

from ..core.errors import PushOpsError, Refused, Unreachable
from .app_pool import POOL, revive
from .backups import Backup, Backups, by_hand
from .health import Expected, HealthGate
from .runner import Runner


class WayBack:
    """What surrounds the writes of one task on one host.

    :param gate: ``None``: nobody asks EWS.
    :param require: refuse a host whose EWS does not live before anything is changed.
    :param rollback: the copies are those of a rollback.
    """

    def __init__(
        self,
        runner: Runner,
        backups: Backups,
        gate: HealthGate | None = None,
        *,
        require: bool = True,
        rollback: bool = False,
    ) -> None:
        self.backups: tuple[Backup, ...] = ()
        self.recycled = False
        self._runner = runner
        self._copies = backups
        self._gate = gate
        self._require = require
        self._rollback = rollback
        self._warnings: list[str] = []
        self._troubles: list[str] = []

    @property
    def warnings(self) -> list[str]:
        return [*self._warnings, *(self._gate.warnings if self._gate else ())]

    def foresee(self, expected: Expected) -> None:
        """In check mode: say that applying would be refused, instead of refusing to show the rest."""
        wrong = self._gate.before(expected) if self._gate else ""
        if wrong:
            self._warnings.append(f"EWS is unhealthy before any change: {wrong}.")

    @contextlib.contextmanager
    def around(
        self,
        files: t.Iterable[str],
        before: Expected,
        after: t.Callable[[], Expected],
        spare: t.Collection[Backup] = (),
    ) -> t.Iterator[Progress]:
        """Surround writes to these files.

        The caller says of each write that it was made, through what it is given. Where a write is refused after others
        were made, the files are put back. Where the host cannot be reached any more they are not: what the last write
        did is unknown then, and the next run reads it first.

        :param before: what IIS makes of requests while the files are as they are.
        :param after: the same for the files as the caller leaves them; called once they are written.
        :param spare: copies that stay, however old they are.
        :raises Refused: EWS does not live before, or not after; in the second case the files are as they were. A host
            that may be changed although EWS did not live keeps the change where EWS does not live after it, either; a
            rollback, which is there to mend, is taken back then.
        """
        ill = self._gate.before(before) if self._gate else ""
        if ill and self._require:
            raise Refused(
                f"EWS is unhealthy before any change: {ill}. Nothing was changed",
                "Bring EWS to life first, or set require_healthy=false to change the host as it is",
            )
        self.backups = self._copies.copy_aside(files, self._rollback)
        progress = Progress()
        try:
            yield progress
        except Unreachable:
            raise
        except PushOpsError as problem:
            if not progress.made and all(self._copies.unchanged(backup) for backup in self.backups):
                self._copies.discard(self.backups)
                raise
            written = f". Written before it: {', '.join(progress.made)}" if progress.made else ""
            self._undo(f"{problem.what}{written}", problem.remedy, before)
        wrong = ""
        if self._gate:
            expected = after()
            wrong = self._gate.after(expected)
            if wrong:
                self._revive()
                wrong = self._gate.after(expected)
        if wrong and ill and not self._rollback:  # a rollback is there to mend
            self._warnings.append(f"EWS was unhealthy before the change ({ill}), and is after it: {wrong}.")
        elif wrong:
            self._undo(
                f"EWS is unhealthy after the change, also after {POOL} was recycled: {wrong}",
                "Find out what EWS says of it (event log of the host, source ASP.NET), then run again",
                before,
            )
        self._warnings += self._copies.retain((backup.file for backup in self.backups), spare)

    def _undo(self, what: str, remedy: str, before: Expected) -> t.NoReturn:
        """Put every file back and end with both facts: what went wrong, and how things stand now."""
        failed = []
        for backup in self.backups:
            try:
                self._copies.restore(backup)
            except PushOpsError as problem:
                failed.append((backup, problem))
        if failed:
            raise Refused(
                f"{what}. And the way back failed: {'; '.join(problem.what for _backup, problem in failed)}",
                "; ".join(by_hand(backup) for backup, _problem in failed),
            )
        restored = f"{', '.join(backup.file for backup in self.backups)} as before"
        self._copies.discard(self.backups)
        self.backups = ()
        wrong = ""
        if self._gate:
            self._revive()
            wrong = self._gate.after(before)
        what = "; ".join((what, *self._troubles))
        if wrong:
            raise Refused(f"{what}. The files are back ({restored}), but EWS is still unhealthy: {wrong}", remedy)
        state = ", and EWS is healthy again" if self._gate else ""
        raise Refused(f"{what}. The files are back ({restored}){state}", remedy)

    def _revive(self) -> None:
        """A new worker process. A pool that refuses is a fact for the operator, not the end of the way back."""
        self.recycled = True
        try:
            revive(self._runner)
        except PushOpsError as problem:
            self._troubles.append(problem.what)


class Progress:
    """Which writes were made, by their names."""

    def __init__(self) -> None:
        self.made: list[str] = []
