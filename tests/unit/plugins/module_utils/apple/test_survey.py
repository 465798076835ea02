# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey of a store: where each bundle id stands after each step of a rotation, and what cannot be read."""

from __future__ import annotations

import datetime
import os
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import keys, proof
from ansible_collections.pushops.securemail.plugins.module_utils.apple.key_store import KeyStore
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.apple.survey import Survey
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import Bench
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import BUNDLE_ID, NOW, Kind

DAY = datetime.timedelta(days=1)
RENEW_BEFORE = 30 * DAY


def look(bench: Bench, days: float = 0, bundle_ids: t.Sequence[str] = (), **more: t.Any) -> list[dict[str, t.Any]]:
    survey = Survey(NOW + days * DAY, RENEW_BEFORE, **more)
    return [one.shown(survey.now) for one in survey.store(str(bench.path), bundle_ids)]


def only(bench: Bench, days: float = 0, **more: t.Any) -> dict[str, t.Any]:
    (found,) = look(bench, days, **more)
    assert found["bundle_id"] == BUNDLE_ID
    return found


def states(found: dict[str, t.Any]) -> list[str]:
    return [version["state"] for version in found["versions"]]


@pytest.fixture
def no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[], None]:
    """From when it is called on, no key may be opened."""

    def close() -> None:
        monkeypatch.setattr(keys, "read_key", lambda *_any: pytest.fail("a key was opened"))
        monkeypatch.setattr(keys, "read_bundle", lambda *_any: pytest.fail("a PKCS#12 was opened"))

    return close


def test_every_step_by_hand_names_who_must_act(bench: Bench, no_key: t.Callable[[], None]) -> None:
    bench.by_hand()
    waits = only(bench)
    assert (waits["must_act"], waits["gate"], states(waits)) == ("signing", "signing", ["awaiting-signature"])
    assert (waits["decision"]["reason"], waits["needed_by"], waits["days_left"]) == ("missing", "", None)
    written = datetime.datetime.fromtimestamp((bench.version() / "request.csr").stat().st_mtime, datetime.UTC)
    assert waits["waiting_since"] == written.isoformat(timespec="seconds")

    bench.sign_by_hand()
    bench.by_hand()
    os.utime(bench.version() / "certificate.pem", (NOW.timestamp(), NOW.timestamp()))
    waits = only(bench)
    assert (waits["must_act"], waits["gate"], states(waits)) == ("portal", "portal", ["awaiting-upload"])
    assert waits["waiting_since"] == NOW.isoformat() and waits["versions"][0]["uploaded"] is None

    bench.fill_in()
    bench.by_hand()
    no_key()
    serves = only(bench)
    assert (serves["must_act"], serves["gate"], states(serves)) == ("nobody", "", ["in-service"])
    assert (serves["decision"]["reason"], serves["waiting_since"], serves["in_service"]) == ("valid", "", "0001")
    assert serves["versions"][0]["uploaded"]["by"] == "Alex"
    ends = datetime.datetime.fromisoformat(serves["needed_by"])
    assert datetime.datetime.fromisoformat(serves["next_due"]) == ends - RENEW_BEFORE
    assert serves["days_left"] == (ends - NOW).days


def test_a_renewal_is_due_waits_and_retires_the_old_one(bench: Bench) -> None:
    bench.run()
    due = only(bench, 366)
    assert (due["must_act"], due["decision"]["reason"]) == ("rotation", "due") and due["needed_by"]
    later = {"now": (NOW + 366 * DAY).isoformat()}
    bench.by_hand(**later)
    waits = only(bench, 366)
    assert (waits["must_act"], waits["gate"], waits["decision"]["reason"]) == ("signing", "signing", "due")
    assert states(waits) == ["in-service", "awaiting-signature"] and waits["needed_by"]

    bench.sign_by_hand(2, Kind(not_before=NOW + 365 * DAY))
    bench.by_hand(**later)
    waits = only(bench, 366)
    assert (waits["must_act"], waits["decision"]["reason"]) == ("portal", "superseded")
    assert states(waits) == ["in-service", "awaiting-upload"]
    assert only(bench, 400)["needed_by"] == "", "nothing serves any more"

    bench.run(**later)
    done = only(bench, 366)
    assert (states(done), done["must_act"], done["in_service"]) == (["retired", "in-service"], "nobody", "0002")


@pytest.mark.parametrize(
    ("days", "reason", "must_act"),
    [(0, "valid", "nobody"), (364.9, "valid", "nobody"), (365, "due", "rotation"), (396, "expired", "rotation")],
)
def test_it_agrees_with_the_rotation_on_every_day(bench: Bench, days: float, reason: str, must_act: str) -> None:
    bench.run()
    rotation = bench.run(check=True, now=(NOW + days * DAY).isoformat())
    found = only(bench, days)
    assert found["decision"] == rotation["decision"]
    assert (found["decision"]["reason"], found["must_act"]) == (reason, must_act)
    assert rotation["changed"] is (must_act != "nobody")
    assert found["versions"][0]["certificate"] == rotation["certificate"]


def test_a_missing_record_is_not_uploaded(bench: Bench) -> None:
    bench.run()
    (bench.version() / "portal.json").unlink()
    found = only(bench)
    assert (found["decision"]["reason"], found["must_act"]) == ("not-uploaded", "rotation")


def test_a_certificate_of_another_key_is_told_by_the_request(bench: Bench) -> None:
    bench.run()
    bench.by_hand(path=str(bench.path / "other"))
    other = (bench.path / "other" / "handoff" / f"{BUNDLE_ID}-0001" / "request.csr").read_bytes()
    (bench.version() / "certificate.pem").write_bytes(bench.ca.answer(other))
    assert only(bench)["decision"]["reason"] == "key-mismatch"


def test_one_that_cannot_be_read_hides_no_other(bench: Bench) -> None:
    bench.run()
    broken = "com.contoso.broken"
    bench.run(bundle_id=broken, signing_command=[], portal_command=[])
    (bench.path / broken / "versions" / "0001" / "request.csr").write_bytes(b"garbage")
    found = look(bench)
    assert [(one["bundle_id"], one["decision"]["reason"], one["must_act"]) for one in found] == [
        (broken, "unreadable", "operator"),
        (BUNDLE_ID, "valid", "nobody"),
    ]
    assert "request.csr" in found[0]["decision"]["sentence"]


def test_one_that_is_asked_for_and_gone_is_missing(bench: Bench) -> None:
    bench.run()
    found = look(bench, bundle_ids=["com.contoso.gone", BUNDLE_ID])
    assert [(one["bundle_id"], one["decision"]["reason"], one["must_act"]) for one in found] == [
        ("com.contoso.gone", "missing", "rotation"),
        (BUNDLE_ID, "valid", "nobody"),
    ]
    with pytest.raises(InvalidInput, match=r"^bundle_ids\[0\] is "):
        look(bench, bundle_ids=["com.contoso.*"])


def test_it_writes_nothing(bench: Bench) -> None:
    bench.run()
    (bench.home / "lock").unlink()
    before = bench.snapshot()
    only(bench)
    assert bench.snapshot() == before and not (bench.home / "lock").exists()


def test_a_path_that_is_no_store_is_an_error(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match=r"^path is .*No such file"):
        look(bench)


@pytest.mark.parametrize("reason", proof.REFUSALS)
def test_a_proof_that_fails_decides(bench: Bench, reason: str) -> None:
    bench.run()
    asked = []

    def prove(_store: KeyStore, bundle_id: str, number: int) -> Proof:
        asked.append((bundle_id, number))
        return Proof(reason, "no")

    found = only(bench, prove=prove)
    assert asked == [(BUNDLE_ID, 1)]
    assert found["decision"] == found["proof"] == {"reason": reason, "sentence": "no"}
    assert (found["must_act"], found["needed_by"]) == ("rotation", "")
    assert only(bench, 396, prove=prove)["decision"]["reason"] == "expired" and len(asked) == 1


def test_silence_of_apns_decides_nothing(bench: Bench) -> None:
    bench.run()
    found = only(bench, prove=lambda *_any: Proof(proof.NOT_REACHABLE, "nobody there"))
    assert (found["decision"]["reason"], found["proof"]["reason"]) == ("valid", "not-reachable")


def test_loose_files_are_judged_one_by_one(bench: Bench, tmp_path: pathlib.Path) -> None:
    bench.run()
    survey = Survey(NOW, RENEW_BEFORE)
    page = tmp_path / "page.cer"
    page.write_text("<html>")
    found = {
        path: survey.file(str(path))[1].reason
        for path in (bench.version() / "certificate.pem", page, tmp_path / "none", tmp_path)
    }
    assert list(found.values()) == ["valid", "unreadable", "missing", "unreadable"]
