# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that the host takes back by itself unless it is confirmed over a fresh connection.

The revert waits in a process of its own (:mod:`nft_revert`): a transient unit where systemd runs the host, so that it
outlives every session, otherwise a process in a session of its own. There is at most one on a host.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time
import typing as t

from ..core import files
from ..core.errors import Refused
from . import nft_revert
from .boot import systemd_is_here
from .nft_model import Json, Ruleset
from .nft_rules import DIRECTIONS, VERSIONS, owner, set_owner

FOLDER = pathlib.Path("/run/pushops.securemail")
_STARTS_WITHIN = 10.0
_RECORD = "revert-{}.json"


def snapshot(ruleset: Ruleset, hook: str, nft: str) -> Json:
    """What :func:`nft_revert.restoring` needs to bring back what is ours on a hook."""
    chains = []
    for chain in ruleset.chains.values():
        directions = DIRECTIONS[hook].get(chain.hook)
        if not directions or chain.type != "filter" or chain.name[0] not in VERSIONS:
            continue
        neighbor: int | None = None
        kept: list[Json] = []
        for rule in ruleset.rules.get(chain.name, ()):
            found = owner(rule.comment)
            if found and found[1] in directions:
                kept.append({"after": neighbor, "comment": rule.comment, "expr": list(rule.expressions)})
            else:
                neighbor = rule.handle
        chains.append({"name": list(chain.name), "directions": list(directions), "rules": kept})
    sets = []
    for present in ruleset.sets.values():
        found = set_owner(present.name[2])
        if found and found[0] == hook:
            family, table, name = present.name
            body = {"family": family, "table": table, "name": name, "type": present.type, "flags": ["interval"]}
            sets.append({"set": body, "elem": list(present.elements)})
    return {"hook": hook, "nft": nft, "prefix": f"pushops_{hook}_", "chains": chains, "sets": sets}


class CommitConfirm:
    """The armed revert of this host, if there is one: a record that a process holds a lock on."""

    def __init__(self, folder: pathlib.Path = FOLDER) -> None:
        self._folder = folder

    def seconds_left(self) -> float | None:
        """Seconds until an armed revert acts, 0 while it does; ``None`` where none is armed."""
        for path in self._folder.glob(f"{_RECORD.format('*')}*"):  # while it acts, its name is longer
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as stream:
                if _is_held(stream):
                    left: float = json.load(stream)["deadline"] - nft_revert.now()
                    return max(left, 0.0)
        return None

    def wait(self) -> float:
        """Wait until an armed revert has acted or was confirmed; the seconds that this took.

        :raises Refused: it does not end.
        """
        left, begun = self.seconds_left(), time.monotonic()
        if left is None:
            return 0.0
        while self.seconds_left() is not None:
            if time.monotonic() - begun > left + _STARTS_WITHIN * 2:
                raise Refused(
                    "A change that was not confirmed is being taken back and does not end",
                    f"Look at the process that holds a file in {self._folder}, and at the host's journal",
                )
            time.sleep(0.25)
        return time.monotonic() - begun

    def arm(self, record: Json, seconds: int) -> str:
        """Have a process wait that restores what a record holds; the token that confirms the change.

        :raises Refused: it could not be armed. Nothing was changed.
        """
        files.make_folder(self._folder, 0o700)
        token = secrets.token_hex(8)
        path = self._path(token)
        with open(self._folder / "lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.seconds_left() is not None:
                raise Refused(
                    "Somebody else's change is waiting to be confirmed, so nothing was changed",
                    "Run this again when the other run has ended",
                )
            for left_behind in self._folder.glob(f"{_RECORD.format('*')}*"):  # of processes that were ended by force
                files.remove(left_behind)
            script = self._folder / "nftables-revert.py"
            files.replace(script, _source())
            body = {**record, "token": token, "deadline": nft_revert.now() + seconds}
            files.write_new(path, json.dumps(body).encode())
            try:
                _start([sys.executable, "-I", str(script), str(path)], token, self._folder)
                self._expect_held(path)
            except BaseException:
                files.remove(path)
                raise
        return token

    def confirm(self, token: str) -> None:
        """Keep the change.

        :raises Refused: it was taken back already, or is being taken back.
        """
        kept = self._folder / f"confirmed-{token}"
        try:
            os.rename(self._path(token), kept)
        except FileNotFoundError:
            raise Refused(
                "The change was not confirmed in time and the host took it back",
                "Find out why the host did not answer on a fresh connection, or raise confirm_timeout",
            ) from None
        files.remove(kept)

    def _path(self, token: str) -> pathlib.Path:
        return self._folder / _RECORD.format(token)

    def _expect_held(self, path: pathlib.Path) -> None:
        ends = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < ends:
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as stream:
                if _is_held(stream):
                    return
            time.sleep(0.02)
        raise Refused(
            "The process that would take the change back did not start, so nothing was changed",
            f"Look at {self._folder / 'nftables-revert.log'} and the host's journal",
        )


def _is_held(stream: t.BinaryIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _source() -> bytes:
    """The text of :mod:`nft_revert`, also where Ansible runs the module out of an archive."""
    spec = importlib.util.find_spec(nft_revert.__name__)
    loader: t.Any = spec.loader if spec else None
    source: str | bytes = loader.get_source(nft_revert.__name__)
    return source.encode() if isinstance(source, str) else source  # Ansible's own loader returns bytes


def _start(command: list[str], token: str, folder: pathlib.Path) -> None:
    if systemd_is_here():
        unit = f"--unit=pushops-nftables-revert-{token}"
        command = [
            "systemd-run",
            "--quiet",
            "--collect",
            unit,
            "--description=Revert of an unconfirmed change",
            *command,
        ]
        finished = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=_STARTS_WITHIN
        )
        if finished.returncode == 0:
            return
        raise Refused(
            f"systemd-run armed no revert, so nothing was changed: {' '.join(finished.stderr.split())}",
            "Correct what it names, or set confirm_timeout to 0",
        )
    with open(folder / "nftables-revert.log", "ab") as log:
        subprocess.Popen(  # noqa: S603 - it outlives this process on purpose
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
