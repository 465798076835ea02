# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's Application event log: JSON lines in ``events.jsonl``, the oldest dropped when it is full."""

from __future__ import annotations

import dataclasses
import datetime as dt
import fcntl
import json
import typing as t

from ..state import write_atomically
from .machine import Machine

ERROR, WARNING, INFORMATION = 2, 3, 4
CHANNEL = "Application"
#: The log is cut back to this many events once it holds a quarter more.
KEEP = 2000


@dataclasses.dataclass(frozen=True)
class Event:
    """One event. ``time`` is UTC, ``level`` as in the event schema (2 error, 3 warning, 4 information)."""

    record: int
    time: dt.datetime
    provider: str
    event_id: int
    level: int
    message: str

    def to_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "time": self.time.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Event:
        document: dict[str, t.Any] = json.loads(line)
        return cls(**{**document, "time": dt.datetime.fromisoformat(document["time"])})


class EventLog:
    """Shared by processes: every write holds a lock and reads the last record number from the file."""

    def __init__(self, machine: Machine, keep: int = KEEP) -> None:
        self._machine = machine
        self._path = machine.state / "events.jsonl"
        self._keep = keep

    def append(self, provider: str, event_id: int, level: int, message: str) -> Event:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path.with_name(".events.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = self._lines()
            record = Event.from_json(lines[-1]).record + 1 if lines else 1
            event = Event(record, self._machine.now, provider, event_id, level, message)
            line = event.to_json().encode() + b"\n"
            if len(lines) >= self._keep * 5 // 4:
                write_atomically(self._path, b"\n".join([*lines[-self._keep + 1 :], line]))
            else:
                with open(self._path, "ab") as stream:
                    stream.write(line)
        return event

    def read(self) -> list[Event]:
        """All events, oldest first."""
        return [Event.from_json(line) for line in self._lines()]

    def _lines(self) -> list[bytes]:
        try:
            return self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
