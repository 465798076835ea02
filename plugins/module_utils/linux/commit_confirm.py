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
from ..core.errors import Refused, UnexpectedState
from . import nft_revert
from .boot import systemd_is_here
from .nft_model import Json, Ruleset
from .nft_rules import DIRECTIONS, VERSIONS, owner, set_owner

FOLDER = pathlib.Path("/run/pushops.securemail")
_STARTS_WITHIN = 10.0
_LARGEST = 64 << 20


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
    """The armed revert of this host, if there is one."""

    def __init__(self, folder: pathlib.Path = FOLDER) -> None:
        self._folder = folder
        self._record = folder / "nftables-revert.json"

    def seconds_left(self) -> float | None:
        """Seconds until an armed revert acts, 0 while it does; ``None`` where none is armed."""
        for path in (self._record, self._record.with_name(f"{self._record.name}.reverting")):
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
                    f"Look at the process that holds {self._record} or its successor, and at the host's journal",
                )
            time.sleep(0.25)
        return time.monotonic() - begun

    def arm(self, record: Json, seconds: int) -> str:
        """Have a process wait that restores what a record holds; the token that confirms the change.

        :raises Refused: it could not be armed. Nothing was changed.
        """
        files.make_folder(self._folder, 0o700)
        token = secrets.token_hex(8)
        body = json.dumps({**record, "token": token, "deadline": nft_revert.now() + seconds}).encode()
        script = self._folder / "nftables-revert.py"
        files.replace(script, _source())
        if self.seconds_left() is None:
            files.remove(self._record)  # of a process that was ended by force: nothing will act on it
        try:
            files.write_new(self._record, body)
        except UnexpectedState:
            raise Refused(
                "Somebody else's change is waiting to be confirmed, so nothing was changed",
                "Run this again when the other run has ended",
            ) from None
        try:
            _start([sys.executable, "-I", str(script), str(self._record)], token, self._folder)
            self._expect_held()
        except BaseException:
            files.remove(self._record)
            raise
        return token

    def confirm(self, token: str) -> None:
        """Keep the change.

        :raises Refused: it was taken back already, or is being taken back.
        """
        taken = self._record.with_name(f"{self._record.name}.confirmed")
        content = files.read(self._record, _LARGEST)
        try:
            if content is None or json.loads(content)["token"] != token:
                raise FileNotFoundError
            os.rename(self._record, taken)
        except FileNotFoundError:
            raise Refused(
                "The change was not confirmed in time and the host took it back",
                "Find out why the host did not answer on a fresh connection, or raise confirm_timeout",
            ) from None
        files.remove(taken)

    def _expect_held(self) -> None:
        ends = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < ends:
            with open(self._record, "rb") as stream:
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
    source: str = loader.get_source(nft_revert.__name__)
    return source.encode()


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
