# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""At most two live certificates: a third is not asked for, and the error says which one to revoke."""

from __future__ import annotations

import shutil

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import apns
from ansible_collections.pushops.securemail.plugins.module_utils.apple.keys import Identity
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import Bench
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_journal import entries
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_proof import OPTIONS
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_rotation import DAY, at

RENEWED = at(366)


@pytest.fixture
def two(bench: Bench) -> tuple[str, str]:
    """Version 0001 in service and due, 0002 issued and moved aside, as after a refusal of APNs; their serials."""
    first = bench.run()["certificate"]["serial"]
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    bench.run(now=RENEWED, portal_command=[])
    shutil.move(bench.version(2), bench.path / "aside")
    serials = [entry["serial"] for entry in entries(bench) if entry["step"] == "signed"]
    return first, serials[1]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_third_is_not_asked_for_and_the_one_to_revoke_is_named(
    bench: Bench, two: tuple[str, str], by_hand: bool
) -> None:
    before, calls = bench.snapshot(), len(bench.calls)
    run = bench.by_hand if by_hand else bench.run
    for check in (True, False):
        with pytest.raises(Refused, match="at most 2 live") as caught:
            run(check=check, now=RENEWED)
        assert f"Revoke version 0002 (serial {two[1]}" in caught.value.remedy
        assert f"never serial {two[0]}, which is in service" in caught.value.remedy
    assert bench.snapshot() == before and len(bench.calls) == calls, "no key is made for it"


def test_one_that_was_revoked_no_longer_counts(bench: Bench, two: tuple[str, str]) -> None:
    odd = ":".join(two[1].upper()[at : at + 2] for at in range(0, len(two[1]), 2))
    result = bench.run(now=RENEWED, revoked_serials=[odd])
    assert (result["stage"], result["version"]) == ("in-service", "0003")
    assert not bench.run(now=RENEWED)["changed"], "with two live ones, while none is needed"


def test_one_that_has_ended_no_longer_counts(bench: Bench, two: tuple[str, str]) -> None:
    bench.kind = Kind(not_before=NOW + 395 * DAY)
    assert bench.run(now=at(396))["version"] == "0003"


def test_a_request_that_waits_and_is_not_needed_is_held_back_without_an_error(bench: Bench) -> None:
    bench.run()
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    bench.run(now=RENEWED)
    bench.by_hand(now=at(800))  # a clock far ahead begins the next version
    calls = len(bench.calls)
    result = bench.run(now=RENEWED)
    assert (result["stage"], result["version"], result["gate"]) == ("in-service", "0002", None)
    assert not result["changed"] and len(bench.calls) == calls


def test_an_answer_that_is_there_already_is_taken(bench: Bench, two: tuple[str, str]) -> None:
    bench.by_hand(now=RENEWED, revoked_serials=[two[1]])
    bench.sign_by_hand(3, Kind(not_before=NOW + 365 * DAY))
    assert bench.run(now=RENEWED)["version"] == "0003"


def test_one_that_apns_knows_to_be_revoked_does_not_count_now_or_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked: set[str] = set()

    def prove(_apns: apns.Apns, identity: Identity, _topic: str) -> Proof:
        gone = identity.certificate.parent.name in revoked
        return Proof("revoked", "no") if gone else Proof("accepted", "yes")

    monkeypatch.setattr(apns.Apns, "prove", prove)
    bench.run(proof=OPTIONS)
    for number in (2, 3, 4):
        revoked.add(f"{number - 1:04d}")
        assert bench.run(proof=OPTIONS)["version"] == f"{number:04d}"
