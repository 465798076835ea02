# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of one bundle id: what was done, when and by whom, one JSON object a line, only ever appended to.

It decides nothing that the artifacts decide. It knows what they cannot tell: who did it and when, that a consumer was
seen, that a version is retired, and what a folder held that is gone. It holds fingerprints and no secret.
"""

from __future__ import annotations

import json
import pathlib
import secrets
import typing as t
from dataclasses import dataclass, field

from ..core import files
from .lock import who
from .versions import version_name

KEY, REQUEST, SIGNED, STAGED, PROVED = "key", "request", "signed", "staged", "proved"
UPLOADED, IN_SERVICE, SEEN, RETIRED, GONE = "uploaded", "in-service", "seen-in-use", "retired", "gone"

_OWN = ("at", "version", "step", "by", "run")
_LARGEST = 16 << 20  # bytes; some ten entries of 300 bytes a year

Facts = dict[str, str]


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    :param at: ISO 8601.
    :param by: process, account and host.
    :param run: equal for all entries of one run.
    :param facts: fingerprints and the like; ``found`` where a run noted what an earlier one had done.
    """

    at: str
    version: int
    step: str
    by: str = ""
    run: str = ""
    facts: Facts = field(default_factory=dict)

    def shown(self) -> dict[str, str]:
        """The entry as it stands in the file."""
        own = {"at": self.at, "version": version_name(self.version), "step": self.step, "by": self.by, "run": self.run}
        return {**own, **self.facts}


@dataclass(frozen=True)
class Journal:
    """What a journal says.

    :param unreadable: numbers of the lines that are none: the last one where a crash tore it, or it is damaged.
    """

    entries: tuple[Entry, ...] = ()
    unreadable: tuple[int, ...] = ()

    @property
    def highest(self) -> int:
        """The highest version that was ever begun; 0 for none."""
        return max((entry.version for entry in self.entries), default=0)

    def last(self, version: int, step: str) -> Entry | None:
        """The last word about a step of a version; ``None`` where there is none, or it was found gone since."""
        for entry in reversed(self.entries):
            if entry.version == version:
                if entry.step == step:
                    return entry
                if entry.step == GONE and entry.facts.get("what") in (step, "all"):
                    return None
        return None

    def in_service(self) -> Entry | None:
        """When the version that was last put in service was; ``None`` where the pointer was found gone since."""
        for entry in reversed(self.entries):
            if entry.step == IN_SERVICE:
                return entry
            if entry.step == GONE and entry.facts.get("what") == IN_SERVICE:
                return None
        return None

    def all(self, step: str) -> t.Iterator[Entry]:
        return (entry for entry in self.entries if entry.step == step)


def read(path: pathlib.Path) -> Journal:
    """
    :raises UnexpectedState: it is there but cannot be read at all.
    """
    lines = (files.read(path, _LARGEST) or b"").split(b"\n")
    parsed = [(number, _parse(line)) for number, line in enumerate(lines, 1) if line.strip()]
    return Journal(
        tuple(entry for _number, entry in parsed if entry is not None),
        tuple(number for number, entry in parsed if entry is None),
    )


def _parse(line: bytes) -> Entry | None:
    try:
        document = json.loads(line)
        facts = {name: str(value) for name, value in document.items() if name not in _OWN}
        at, version, step, by, run = (str(document[name]) for name in _OWN)
        return Entry(at, int(version), step, by, run, facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


class Recorder:
    """Appends the entries of one run."""

    def __init__(self, path: pathlib.Path, at: str) -> None:
        self._path = path
        self._at = at
        self._run = secrets.token_hex(4)

    def note(self, version: int, step: str, facts: t.Mapping[str, str]) -> None:
        """Make one entry durable.

        :raises Refused: it cannot be written; the next run notes what was done without it.
        """
        entry = Entry(self._at, version, step, who(), self._run, dict(facts))
        files.append_line(self._path, json.dumps(entry.shown(), ensure_ascii=True).encode())
