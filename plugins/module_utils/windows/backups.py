# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of changed files, kept beside them on the host: made, listed, put back, and bounded in number.

A copy is named ``<file>.pushops-<UTC time>.bak``, or ``...-<UTC time>.rollback.bak`` where a rollback made it, so the
names sort by time and nobody takes somebody else's file for one of these.
"""

from __future__ import annotations

import datetime
import re
import time
import typing as t
from dataclasses import dataclass

from ..core.errors import PushOpsError, Refused
from .cmdline import command_line
from .files import is_there, printed, type_line
from .runner import CommandResult, Runner

#: How a time stands in a copy's name: UTC, to the second.
STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
STAMP = re.compile(r"\d{8}T\d{6}Z")
RESTORE_ATTEMPTS = 3
SECONDS_BETWEEN_ATTEMPTS = 1.0

_NAME = re.compile(rf"(?P<file>.+)\.pushops-(?P<stamp>{STAMP.pattern})(?P<rollback>\.rollback)?\.bak", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Backup:
    """One copy.

    :param stamp: when it was made, ``YYYYMMDDThhmmssZ``.
    :param rollback: it holds what a rollback replaced; otherwise, what a change replaced.
    :param path: the copy.
    :param file: the file that it is a copy of.
    :param absent: there was no file, hence no copy: putting it "back" takes away what was put there since.
    """

    stamp: str
    rollback: bool
    path: str
    file: str
    absent: bool = False


def listed(runner: Runner, file: str) -> tuple[Backup, ...]:
    """The copies of a file, oldest first."""
    # dir ends with 1 where nothing matches; its patterns match short names, too, hence the second look
    result = runner.run(command_line("dir", "/b", "/a:-d", type(file)(f"{file}.pushops-*.bak")))
    folder, _separator, name = file.rpartition("\\")
    found = []
    for line in result.stdout.splitlines() if result.rc == 0 else ():
        match = _NAME.fullmatch(line.strip())
        if match and match["file"].lower() == name.lower():
            path = type(file)(rf"{folder}\{line.strip()}")
            found.append(Backup(match["stamp"].upper(), bool(match["rollback"]), path, file))
    return tuple(sorted(found))


class Backups:
    """The copies on one host.

    :param keep: how many copies of one file stay after a successful write; at least 1.
    :param now: the time that names new copies.
    :param wait: called with the seconds between two attempts at a file that another process holds.
    """

    def __init__(
        self,
        runner: Runner,
        keep: int = 5,
        now: t.Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
        wait: t.Callable[[float], object] = time.sleep,
    ) -> None:
        self._runner = runner
        self._keep = max(keep, 1)
        self._now = now
        self._wait = wait

    def of(self, file: str) -> tuple[Backup, ...]:
        """The copies of a file, oldest first."""
        return listed(self._runner, file)

    def copy_aside(self, files: t.Iterable[str], rollback: bool = False) -> tuple[Backup, ...]:
        """Copy files beside themselves, all under one time stamp that no other copy of them has.

        A rollback mends what was deleted, too: there, a file that is missing is known as absent. A change is refused.

        :raises Refused: a copy could not be made; those that could are gone again, and nothing else was touched.
        """
        files = tuple(dict.fromkeys(files))
        taken = {backup.stamp for file in files for backup in self.of(file)}
        moment = self._now().astimezone(datetime.UTC)
        while f"{moment:{STAMP_FORMAT}}" in taken:
            moment += datetime.timedelta(seconds=1)
        stamp = f"{moment:{STAMP_FORMAT}}"
        made: list[Backup] = []
        for file in files:
            path = type(file)(f"{file}.pushops-{stamp}{'.rollback' if rollback else ''}.bak")
            copy = Backup(stamp, rollback, path, file)
            result = self._runner.run(command_line("copy", "/Y", file, path), writes=True)
            # a folder that hides the file from dir has shown no copies to choose from either
            if result.rc != 0 and rollback and not is_there(self._runner, file):
                copy = Backup(stamp, rollback, "", file, absent=True)
            elif result.rc != 0:
                self.discard([*made, copy])
                raise Refused(
                    f"{file} cannot be copied aside: {_said(result)}. Nothing was changed",
                    "Check that the file is there, that its folder takes new files and that the disk has room",
                )
            made.append(copy)
        return tuple(made)

    def restore(self, backup: Backup) -> None:
        """Put a copy's content back into its file, whose access rights stay, and read it again.

        What was absent is deleted again.

        :raises Refused: the file could not be written, or does not read as the copy does.
        """
        if backup.absent:
            self._delete(backup)
            return
        content = self._read(backup.path)
        for attempt in range(1, RESTORE_ATTEMPTS + 1):
            result = self._runner.run(command_line("copy", "/Y", backup.path, backup.file), writes=True)
            if result.rc == 0:
                break
            if attempt == RESTORE_ATTEMPTS:
                raise Refused(f"{backup.file} cannot be put back: {_said(result)}", by_hand(backup))
            self._wait(SECONDS_BETWEEN_ATTEMPTS)
        if self._read(backup.file) != content:
            raise Refused(f"{backup.file} was put back but does not read as its copy does", by_hand(backup))

    def _delete(self, backup: Backup) -> None:
        result = self._runner.run(command_line("del", "/F", "/Q", backup.file), writes=True)
        if is_there(self._runner, backup.file):
            raise Refused(f"{backup.file}, which was not there, cannot be deleted: {_said(result)}", by_hand(backup))

    def _read(self, path: str) -> str:
        return printed(path, self._runner.run(type_line(path)))

    def discard(self, backups: t.Iterable[Backup]) -> None:
        """Remove copies that say nothing which their files do not say. One that stays is no failure."""
        for backup in backups:
            if not backup.absent:
                self._runner.run(command_line("del", "/F", "/Q", backup.path), writes=True)

    def unchanged(self, backup: Backup) -> bool:
        """Whether a file still reads as its copy does, or is still absent."""
        try:
            if backup.absent:
                return not is_there(self._runner, backup.file)
            return self._read(backup.path) == self._read(backup.file)
        except PushOpsError:
            return False

    def retain(self, files: t.Iterable[str], spare: t.Collection[Backup] = ()) -> list[str]:
        """Remove the oldest copies of each file, down to what is kept. Call it after a successful write.

        :param spare: copies that stay, however old they are.
        :returns: warnings: a copy too many is no reason to fail.
        """
        said = []
        for file in dict.fromkeys(files):
            surplus = [backup for backup in self.of(file)[: -self._keep] if backup not in spare]
            if not surplus:
                continue
            self.discard(surplus)
            left = set(self.of(file)) & set(surplus)
            if left:
                said.append(f"Old copies of {file} cannot be removed: {', '.join(sorted(each.path for each in left))}.")
        return said


def by_hand(backup: Backup) -> str:
    """What an administrator types to put a copy back."""
    if backup.absent:
        return f'Take it away by hand: del /F "{backup.file}"'
    return f'Put it back by hand: copy /Y "{backup.path}" "{backup.file}"'


def _said(result: CommandResult) -> str:
    return " ".join((result.stderr or result.stdout).split()) or f"exit code {result.rc}"
