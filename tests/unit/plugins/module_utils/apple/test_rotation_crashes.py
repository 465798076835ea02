# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The crash matrix: killed instead of any call that changes the disk, the next run reaches the same end.

The points are not listed: each scenario is run again and again, one call further every time, until none is left.
"""

from __future__ import annotations

import datetime
import errno
import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import gates
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_survey import only
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.world import Disk, World, killed_after

DAY = datetime.timedelta(days=1)
Round = t.Callable[[World], dict[str, t.Any]]


def by_command(world: World) -> dict[str, t.Any]:
    return world.run(now=world.time.isoformat())


def by_hand(world: World) -> dict[str, t.Any]:
    """From wherever things stand to "in service", with a person who acts at once where one must."""
    result = world.by_hand(now=world.time.isoformat())
    for _visit in range(3):
        if result["gate"]:
            if not list(world.handed_out(int(result["version"])).glob("*.cer")) or result["gate"]["name"] == "portal":
                world.act(result["gate"])
            result = world.by_hand(now=world.time.isoformat())
    return result


def to_another_region(world: World) -> dict[str, t.Any]:
    return world.run(now=world.time.isoformat(), region="apac")


#: Name -> rounds before the one that is killed, that one, days between them, and the version in the end.
SCENARIOS: dict[str, tuple[int, Round, int, str]] = {
    "the first certificate, by command": (0, by_command, 0, "0001"),
    "the first certificate, by hand": (0, by_hand, 0, "0001"),
    "a renewal, by command": (1, by_command, 366, "0002"),
    "a renewal, by hand": (1, by_hand, 366, "0002"),
    "another region": (1, to_another_region, 0, "0001"),
}


class Stage:
    """One scenario, set up afresh for every point."""

    def __init__(self, name: str, folder: pathlib.Path, patch: pytest.MonkeyPatch) -> None:
        before, self.round, days, self.version = SCENARIOS[name]
        self._folder = folder
        self._patch = patch
        self._later = NOW + days * DAY
        world = World(folder / "template", patch)
        for _round in range(before):
            by_command(world)

    def world(self, name: str) -> World:
        world = World(self._folder / name, self._patch)
        template = self._folder / "template"
        shutil.copytree(template, self._folder / name, symlinks=True, dirs_exist_ok=True)
        world.time = self._later
        return world


@pytest.fixture(params=SCENARIOS)
def stage(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(request.param, tmp_path, monkeypatch)


def assert_finished(world: World, stage: Stage, survived: dict[str, bytes], where: object) -> None:
    """The one final state."""
    result = stage.round(world)
    assert (result["stage"], result["version"]) == ("in-service", stage.version), where
    assert not stage.round(world)["changed"], where
    world.assert_sound()
    assert survived.items() <= world.keys().items(), "a key that was there is still there"
    assert [path.name for path in sorted(world.home.glob("versions/*"))][-1] == stage.version
    assert len(world.keys()) == len(world.issued) == int(stage.version)
    leftovers = [
        path for path in world.path.rglob("*") if path.name.endswith((".tmp", ".part")) or "signed." in path.name
    ]
    assert not leftovers, where
    assert not list(world.handed_out(int(stage.version)).glob("*.p12"))
    found = only(world)
    assert [one["state"] for one in found["versions"]] == ["retired"] * (int(stage.version) - 1) + ["in-service"]
    assert found["contradictions"] == [] and _journaled(world), where


def _journaled(world: World) -> bool:
    """Whether every step of every version stands in the journal, in order."""
    steps: dict[str, list[str]] = {}
    for entry in only(world)["history"]:
        steps.setdefault(entry["version"], []).append(entry["step"])
    wanted = ["key", "request", "signed", "staged", "uploaded", "in-service"]
    return all(list(dict.fromkeys(s for s in found if s in wanted)) == wanted for found in steps.values())


def test_killed_at_any_write_the_next_run_finishes(stage: Stage) -> None:
    calls, killed = 0, True
    while killed:
        world = stage.world(str(calls))
        killed = killed_after(calls, lambda world=world: stage.round(world))  # type: ignore[misc]
        world.assert_sound()
        assert_finished(world, stage, world.keys(), calls)
        calls += 1
    assert calls > 15


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_from_any_write_on_is_one_clear_error_and_the_next_run_finishes(
    stage: Stage, number: int
) -> None:
    takes_room = ("open", "write", "pwrite", "mkdir", "link", "symlink")

    def fail(name: str, whole: t.Callable[[], t.Any], *_call: object) -> t.Any:
        if number == errno.ENOSPC and name not in takes_room:
            return whole()
        raise OSError(number, os.strerror(number))

    calls, failed = 0, True
    while failed:
        world = stage.world(str(calls))
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, calls, fail)
            try:
                stage.round(world)
            except (Refused, UnexpectedState) as problem:
                assert os.strerror(number) in str(problem) and problem.remedy, calls
            except OSError:  # the person's own writing at the gate
                assert stage.round is by_hand
        failed = disk.struck
        world.assert_sound()
        assert_finished(world, stage, world.keys(), calls)
        calls += 1
    assert calls > 15


@pytest.mark.parametrize("days", [-500, 500])
def test_a_clock_that_jumps_between_a_kill_and_the_next_run_ends_well(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    stage = Stage("a renewal, by command", tmp_path, monkeypatch)
    calls, killed = 0, True
    while killed:
        world = stage.world(str(calls))
        killed = killed_after(calls, lambda world=world: stage.round(world))  # type: ignore[misc]
        survived = world.keys()
        try:
            world.run(now=(world.time + days * DAY).isoformat())
        except PushOpsError as problem:
            assert problem.remedy
        world.assert_sound()
        result = by_command(world)
        assert result["stage"] == "in-service" and result["decision"]["reason"] == "valid", calls
        assert not by_command(world)["changed"] and survived.items() <= world.keys().items()
        world.assert_sound()
        calls += 1


@pytest.mark.parametrize("gate", [gates.SIGNING, gates.PORTAL])
@pytest.mark.parametrize("after", [False, True], ids=["before it acts", "after it acted"])
def test_killed_at_a_gate_the_next_run_finishes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, gate: str, after: bool
) -> None:
    """The site's command had acted, and the run did not live to hear of it."""
    stage = Stage("the first certificate, by command", tmp_path, monkeypatch)
    world = stage.world("one")
    act = gates.run

    def dying(asked: str, *rest: t.Any) -> str:
        if asked == gate and not after:
            os._exit(77)
        answer = act(asked, *rest)
        if asked == gate:
            os._exit(77)
        return answer

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(gates, "run", dying)
        by_command(world)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77
    world.assert_sound()
    assert not (world.home / "current").exists()
    assert_finished(world, stage, world.keys(), gate)
