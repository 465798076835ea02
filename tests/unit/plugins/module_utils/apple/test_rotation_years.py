# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three years of rotations, day by day, with everything that goes wrong: push is unbroken on every one of them.

The day's judge is no part of the rotation: the listener's own certificate, at the true time, by the policy.
"""

from __future__ import annotations

import collections
import datetime
import errno
import os
import pathlib
import random
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import (
    Certificate,
    parse_certificate,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple.renewal_policy import Subject, assess
from ansible_collections.pushops.securemail.plugins.module_utils.apple.survey import Survey
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import BUNDLE_ID, NOW
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_survey import only
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.world import Disk, World, killed_after

DAY = datetime.timedelta(days=1)
DAYS = 3 * 365
WEB_PAGE = b"<!DOCTYPE html><title>Sign in</title>"


class Years:
    """A site that rotates daily, the people at its gates, and the listener.

    :ivar happened: how often each thing went wrong, so that a test can tell that it did.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._chance = random.Random(seed)
        self._command = {"consumer_command": ["look"]} if seed % 2 else {}
        self._by_hand = seed % 3 != 0
        self._deadly = 0.5 if self._by_hand else 0.9  # commands need one good run, people several
        self._visits: dict[tuple[str, str], datetime.datetime] = {}
        self._spoiled: set[str] = set()
        self._switches: dict[int, datetime.datetime] = {}
        self._down_until = NOW
        self._listener: Certificate | None = None
        self.happened: collections.Counter[str] = collections.Counter()

    def live_through(self, day: int) -> None:
        world = self._world
        world.time = NOW + day * DAY + self._chance.random() * DAY / 2
        if self._happens(0.02, "the controller was down"):
            self._down_until = world.time + self._chance.randint(1, 4) * DAY
        if world.time >= self._down_until:
            self._rotate()
        self._visit()
        self._listen()
        world.assert_sound()

    def _happens(self, probability: float, what: str) -> bool:
        happens = self._chance.random() < probability
        self.happened[what] += happens
        return happens

    def _rotate(self) -> None:
        clock = self._world.time
        if self._happens(0.02, "the clock was wrong"):
            clock += self._chance.choice((-1, 1)) * self._chance.randint(1, 500) * DAY
        if self._look()["must_act"] != "nobody" and self._happens(self._deadly, "a run was to be killed"):
            self.happened["a run was killed"] += killed_after(self._chance.randint(0, 25), lambda: self._run(clock))
        elif self._happens(0.1, "the disk was to be full"):
            self._run_on_full_disk(clock)
        else:
            self._run(clock)

    def _look(self) -> dict[str, t.Any]:
        survey = Survey(self._world.time, 30 * DAY)
        return survey.store(str(self._world.path), [BUNDLE_ID])[0].shown(self._world.time)

    def _run(self, clock: datetime.datetime) -> None:
        run = self._world.by_hand if self._by_hand else self._world.run
        try:
            run(now=clock.isoformat(timespec="seconds"), **self._command)
        except PushOpsError as problem:
            assert problem.remedy
            self.happened["a run failed"] += 1

    def _run_on_full_disk(self, clock: datetime.datetime) -> None:
        def full(*_call: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, self._chance.randint(0, 60), full)
            self._run(clock)
        self.happened["the disk was full"] += disk.struck

    def _visit(self) -> None:
        """A person comes some days after a gate began to wait, and does not always do it right at once."""
        found = self._look()
        waits = {"signing": "awaiting-signature", "portal": "awaiting-upload"}.get(found["gate"])
        version = next((one["version"] for one in found["versions"] if one["state"] == waits), "")
        folder = self._world.handed_out(int(version or 0))
        if not version or not (folder / ("request.csr" if found["gate"] == "signing" else "portal.json")).exists():
            return
        due = self._visits.setdefault((found["gate"], version), self._world.time + self._chance.randint(0, 7) * DAY)
        if self._world.time < due:
            return
        self._visits[found["gate"], version] = self._world.time + 2 * DAY  # to look again, if it was no good
        if (
            found["gate"] == "signing"
            and version not in self._spoiled
            and self._happens(0.5, "a web page was put at the gate")
        ):
            self._spoiled.add(version)
            (folder / "aps.cer").write_bytes(WEB_PAGE)
        elif found["gate"] == "portal" or not _is_answered(folder / "aps.cer"):
            self._world.act({"name": found["gate"], "version": version})

    def _listen(self) -> None:
        """The listener takes what was uploaded, up to two days later."""
        for number, upload in enumerate(self._world.uploads):
            switch = self._switches.setdefault(number, self._world.time + self._chance.randint(0, 2) * DAY)
            if self._world.time >= switch:
                self._listener = parse_certificate(upload["pem"].encode())
                self._world.consumer = self._listener.sha256

    def pushes(self) -> str:
        """The verdict of the day about the listener's certificate."""
        return assess(Subject(self._listener, BUNDLE_ID, self._world.time, 30 * DAY)).reason


def _is_answered(path: pathlib.Path) -> bool:
    return path.exists() and path.read_bytes() != WEB_PAGE


@pytest.mark.parametrize("seed", range(1, 5))
def test_push_is_unbroken_on_every_day_of_three_years(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    world = World(tmp_path, monkeypatch)
    years = Years(world, seed)
    kept: dict[str, bytes] = {}
    begun = False
    for day in range(DAYS):
        years.live_through(day)
        verdict = years.pushes()
        begun = begun or verdict == "valid"
        assert begun or day < 40, "the first certificate never came into use"
        assert not begun or verdict in ("valid", "due"), (day, verdict, years.happened)
        assert kept.items() <= world.keys().items(), "no key is ever lost or changed"
        kept = world.keys()
    assert years.happened["a run was killed"] > 3 and years.happened["the clock was wrong"] > 5
    found = only(world, DAYS)
    assert found["decision"]["reason"] in ("valid", "due", "superseded") and found["must_act"] != "operator"
    assert 3 <= len(world.issued) <= 6, years.happened
    in_service = [one["version"] for one in found["versions"]].index(found["in_service"])
    assert all(one["state"] in ("retired", "superseded") for one in found["versions"][:in_service])
