# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies on the host: named, listed, put back, bounded."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

FOLDER = r"D:\Übergabe\Exchange"
FILE = rf"{FOLDER}\web.config"
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, tzinfo=datetime.UTC)


def backups(host: t.Any, keep: int = 5, now: datetime.datetime = NOON) -> Backups:
    return Backups(host, keep, now=lambda: now, wait=lambda _: None)


@pytest.fixture(autouse=True)
def file(host: t.Any) -> None:
    host.files[FILE] = "one"


def test_copies_of_a_path_that_is_not_ascii_are_listed_oldest_first(host: t.Any) -> None:
    host.files |= {
        rf"{FOLDER}\web.config.bak": "somebody's",
        rf"{FOLDER}\web.config.pushops-notes.bak": "somebody's",
        rf"{FOLDER}\other.config.pushops-20250101T000000Z.bak": "of another file",
        rf"{FOLDER}\web.config.pushops-20260103T000000Z.rollback.bak": "newest",
    }
    (made,) = backups(host).copy_aside([FILE])
    found = backups(host).of(FILE)
    assert [(each.stamp, each.rollback) for each in found] == [("20260102T120000Z", False), ("20260103T000000Z", True)]
    assert found[0] == made and made.path == rf"{FILE}.pushops-20260102T120000Z.bak"


def test_a_copy_never_overwrites_another(host: t.Any) -> None:
    (first,) = backups(host).copy_aside([FILE])
    host.files[FILE] = "two"
    (second,) = backups(host).copy_aside([FILE])
    assert (host.files[first.path], host.files[second.path]) == ("one", "two")


def test_a_zone_does_not_change_the_name(host: t.Any) -> None:
    (made,) = backups(host, now=NOON.astimezone(datetime.timezone(datetime.timedelta(hours=5)))).copy_aside([FILE])
    assert made.stamp == "20260102T120000Z"


def test_a_copy_that_cannot_be_made_leaves_none(host: t.Any) -> None:
    with pytest.raises(Refused, match="Nothing was changed"):
        backups(host).copy_aside([FILE, rf"{FOLDER}\missing.config"])
    assert set(path for path in host.files if path.endswith(".bak")) == set()


def test_what_was_absent_before_a_rollback_is_absent_after_its_way_back(host: t.Any) -> None:
    copies = backups(host)
    absent = rf"{FOLDER}\missing.config"
    there, missing = copies.copy_aside([FILE, absent], rollback=True)
    assert (there.absent, missing.absent, copies.unchanged(missing)) == (False, True, True)
    host.files[absent] = "put there"
    assert not copies.unchanged(missing)
    copies.restore(missing)
    assert absent not in host.files and copies.unchanged(missing)
    copies.discard([there, missing])
    assert there.path not in host.files and host.files[FILE] == "one"


def test_what_was_absent_and_cannot_be_deleted_is_said_with_the_command(host: t.Any) -> None:
    absent = rf"{FOLDER}\missing.config"
    (missing,) = backups(host).copy_aside([absent], rollback=True)
    host.files[absent] = "put there"
    host.faults["del"] = [CommandResult(0, "", "Access is denied.")]
    with pytest.raises(Refused, match=r"cannot be deleted: Access is denied\..*del /F") as refused:
        backups(host).restore(missing)
    assert absent in refused.value.remedy


def test_a_file_that_is_there_is_never_taken_for_absent(host: t.Any) -> None:
    host.faults["copy"] = [CommandResult(1, "", "used by another process")]
    with pytest.raises(Refused, match="used by another process"):
        backups(host).copy_aside([FILE], rollback=True)


@pytest.mark.parametrize(("keep", "left"), [(0, 1), (1, 1), (3, 3), (9, 5)])
def test_the_oldest_go(host: t.Any, keep: int, left: int) -> None:
    for hour in range(5):
        backups(host, now=NOON + datetime.timedelta(hours=hour)).copy_aside([FILE])
    every = backups(host).of(FILE)
    host.files[rf"{FILE}.pushops-mine.bak"] = "somebody's"
    assert backups(host, keep).retain([FILE]) == []
    assert backups(host).of(FILE) == every[-left:]
    assert rf"{FILE}.pushops-mine.bak" in host.files


def test_an_old_copy_that_stays_is_a_warning(host: t.Any) -> None:
    for hour in range(2):
        backups(host, now=NOON + datetime.timedelta(hours=hour)).copy_aside([FILE])
    host.faults["del"] = [CommandResult(0, "", "Access is denied.")]
    (warning,) = backups(host, 1).retain([FILE])
    assert "20260102T120000Z" in warning


def test_a_spared_copy_stays(host: t.Any) -> None:
    (oldest,) = backups(host).copy_aside([FILE])
    backups(host, now=NOON + datetime.timedelta(hours=1)).copy_aside([FILE])
    assert backups(host, 1).retain([FILE], [oldest]) == []
    assert oldest in backups(host).of(FILE)


def test_putting_back_tries_again_while_the_file_is_held(host: t.Any) -> None:
    (made,) = backups(host).copy_aside([FILE])
    host.files[FILE] = "two"
    host.faults["copy"] = [CommandResult(1, "", "used by another process")] * 2
    backups(host).restore(made)
    assert host.files[FILE] == "one"


@pytest.mark.parametrize("faults", [[CommandResult(1, "", "denied")] * 3, [CommandResult(0)]])
def test_what_is_not_back_is_said_with_the_command(host: t.Any, faults: list[CommandResult]) -> None:
    (made,) = backups(host).copy_aside([FILE])
    host.files[FILE] = "two"
    host.faults["copy"] = faults
    with pytest.raises(Refused, match="copy /Y") as refused:
        backups(host).restore(made)
    assert made.path in refused.value.remedy
