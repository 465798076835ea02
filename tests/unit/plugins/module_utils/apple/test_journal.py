# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: it tells when and by whom, tolerates a torn line, is caught up, and contradicts nobody in silence."""

from __future__ import annotations

import json
import os
import shutil
import stat
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple import apns, journal
from ansible_collections.pushops.securemail.plugins.module_utils.apple.lock import who
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, UnexpectedState
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    CUSTOMER_ID,
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    Bench,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_proof import OPTIONS
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_rotation import DAY, at, names
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_survey import only

ROUND = ["key", "request", "signed", "staged", "uploaded", "in-service"]


def entries(bench: Bench) -> list[dict[str, str]]:
    return [json.loads(line) for line in (bench.home / "journal.jsonl").read_text().splitlines()]


def steps(bench: Bench) -> list[str]:
    return [entry["step"] for entry in entries(bench)]


def rewrite(bench: Bench, keep: t.Callable[[dict[str, str]], bool]) -> None:
    """A journal as it is where a run was killed between a step and its note."""
    kept = [json.dumps(entry) + "\n" for entry in entries(bench) if keep(entry)]
    (bench.home / "journal.jsonl").write_text("".join(kept))


def test_it_says_what_was_done_when_and_by_whom(bench: Bench) -> None:
    certificate = bench.run()["certificate"]
    written = entries(bench)
    assert [entry["step"] for entry in written] == ROUND
    for entry in written:
        assert (entry["at"], entry["by"], entry["version"]) == (NOW.isoformat(), who(), "0001")
        assert entry["run"] == written[0]["run"] and "found" not in entry
    key, request, signed, staged, uploaded, in_service = written
    assert key["reason"] == "missing" and key["key_sha256"] == request["key_sha256"]
    assert {entry["sha256"] for entry in (signed, staged, uploaded, in_service)} == {certificate["sha256"]}
    assert (signed["serial"], signed["not_after"]) == (certificate["serial"], certificate["not_after"])
    assert (uploaded["customer_id"], uploaded["region"]) == (CUSTOMER_ID, "emea")
    assert stat.S_IMODE((bench.home / "journal.jsonl").stat().st_mode) == 0o600
    assert only(bench)["history"] == written


def test_a_person_at_the_gates_stands_in_it(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand()
    bench.by_hand()
    bench.fill_in()
    bench.by_hand()
    assert steps(bench) == ROUND and entries(bench)[4]["uploaded_by"] == "Alex"
    assert len({entry["run"] for entry in entries(bench)}) == 3, "a run at each gate"


def test_the_proof_before_and_after_the_upload_stands_in_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apns.Apns, "prove", lambda *_any: Proof("accepted", "yes"))
    sha256 = bench.run(proof=OPTIONS)["certificate"]["sha256"]
    assert steps(bench) == ["key", "request", "signed", "staged", "proved", "uploaded", "proved", "in-service"]
    proved = [entry for entry in entries(bench) if entry["step"] == "proved"]
    assert {(entry["sha256"], entry["reason"]) for entry in proved} == {(sha256, "accepted")}
    assert not bench.run(proof=OPTIONS)["changed"] and len(entries(bench)) == 8, "asking at every run leaves none"


def test_it_only_grows_and_holds_no_secret(bench: Bench) -> None:
    bench.run()
    first = (bench.home / "journal.jsonl").read_bytes()
    bench.run(region="apac", pkcs12_passphrase=PKCS12_PASSPHRASE)
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    bench.run(region="apac", now=at(366))
    after = (bench.home / "journal.jsonl").read_bytes()
    assert after.startswith(first) and len(after) > len(first)
    for secret in (KEY_PASSPHRASE, PKCS12_PASSPHRASE, "PRIVATE"):
        assert json.dumps(secret)[1:-1].encode() not in after


def test_an_older_version_is_retired_with_time_and_reason_and_keeps_its_key(bench: Bench) -> None:
    bench.run()
    key = (bench.version() / "key.pem").read_bytes()
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    assert names(bench.run(now=at(366)))[-1] == "0001 retired"
    last = entries(bench)[-1]
    assert (last["step"], last["version"], last["reason"], last["at"]) == ("retired", "0001", "superseded", at(366))
    assert (bench.version() / "key.pem").read_bytes() == key
    old, new = only(bench, 366)["versions"]
    assert (old["state"], old["retired"]) == ("retired", {"at": at(366), "reason": "superseded"})
    assert (new["state"], new["retired"]) == ("in-service", None)
    bench.kind = Kind(not_before=NOW + 800 * DAY)
    bench.run(now=at(801))
    assert (entries(bench)[-1]["version"], entries(bench)[-1]["reason"]) == ("0002", "expired")
    assert steps(bench).count("retired") == 2


@pytest.mark.parametrize("lost", ROUND)
def test_a_step_that_a_killed_run_did_not_note_is_noted_by_the_next(bench: Bench, lost: str) -> None:
    bench.run()
    rewrite(bench, lambda entry: entry["step"] != lost)
    assert only(bench)["contradictions"] == []
    result = bench.run()
    assert names(result) == ["journal of 0001"] and result["contradictions"] == []
    assert entries(bench)[-1]["step"] == lost and entries(bench)[-1]["found"] == "not noted before"
    assert not bench.run()["changed"]


def test_a_store_without_a_journal_gets_one(bench: Bench) -> None:
    bench.run()
    (bench.home / "journal.jsonl").unlink()
    predicted = bench.run(check=True)
    assert bench.run()["changes"] == predicted["changes"] and steps(bench) == ROUND
    assert not bench.run()["changed"]


@pytest.mark.parametrize("size", [1, 40, -1])
def test_a_torn_last_line_is_tolerated_and_the_step_noted_again(bench: Bench, size: int) -> None:
    bench.run()
    path = bench.home / "journal.jsonl"
    whole = path.read_bytes()
    last = whole.splitlines()[-1]
    path.write_bytes(whole[: -len(last) - 1] + last[:size])
    assert only(bench)["unreadable_lines"] == [6]
    assert bench.run()["stage"] == "in-service" and not bench.run()["changed"]
    after = path.read_bytes().splitlines()
    assert after[5] == last[:size], "what a crash left stays"
    assert json.loads(after[6])["step"] == "in-service" and only(bench)["unreadable_lines"] == [6]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_stands_in_it_reading_never_fails(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "journal.jsonl"
    path.write_bytes(b"\n".join([*lines, b'{"at":"x","version":"0001","step":"key","by":"","run":""}']))
    assert journal.read(path).entries[-1] == journal.Entry("x", 1, "key")


def test_what_contradicts_it_is_reported_once_and_noted(bench: Bench) -> None:
    bench.run()
    old = entries(bench)[2]
    (bench.version() / "certificate.pem").write_bytes(bench.ca.answer((bench.version() / "request.csr").read_bytes()))
    (told,) = (one for one in only(bench)["contradictions"] if "signed" in one)
    predicted = bench.run(check=True)
    assert told in predicted["contradictions"] and old["sha256"] in told
    result = bench.run()
    assert result["contradictions"] == predicted["contradictions"] and result["diff"] == predicted["diff"]
    assert any(entry.get("found") == told for entry in entries(bench))
    again = bench.run()
    assert not again["changed"] and again["contradictions"] == [] == only(bench)["contradictions"]


def test_a_record_and_a_pointer_that_are_gone_are_reported(bench: Bench) -> None:
    bench.run()
    (bench.version() / "portal.json").unlink()
    (bench.home / "current").unlink()
    result = bench.run()
    assert ["uploaded" in one or "in service" in one for one in result["contradictions"]] == [True, True]
    assert steps(bench)[6:] == ["gone", "gone", "uploaded", "in-service"] and not bench.run()["changed"]


def test_a_pointer_that_somebody_switched_back_is_reported_and_switched(bench: Bench) -> None:
    bench.run()
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    bench.run(now=at(366))
    (bench.home / "current").unlink()
    (bench.home / "current").symlink_to("versions/0001")
    (told,) = only(bench, 366)["contradictions"]
    assert "version 0002 was in-service" in told and "version 0001 is in service" in told
    assert bench.run(now=at(366))["contradictions"] == [told]
    assert os.readlink(bench.home / "current") == "versions/0002" and not bench.run(now=at(366))["changed"]


def test_a_version_that_was_moved_aside_is_reported_and_its_number_never_used_again(bench: Bench) -> None:
    bench.by_hand()
    shutil.move(bench.version(), bench.path / "aside")
    result = bench.by_hand()
    assert "version 0001" in result["contradictions"][0] and result["version"] == "0002"
    assert entries(bench)[1]["step"] == "request" and entries(bench)[2]["what"] == "all"
    assert not bench.by_hand()["changed"], "and that is reported once"


def test_a_key_that_it_knows_and_that_is_gone_stops(bench: Bench) -> None:
    bench.by_hand()
    for name in ("key.pem", "request.csr"):
        (bench.version() / name).unlink()
    before = bench.snapshot()
    for check in (True, False):
        with pytest.raises(UnexpectedState, match="The journal says that version 0001 got a key"):
            bench.run(check=check)
    told = only(bench)
    assert bench.snapshot() == before and "got a key" in told["contradictions"][0] and told["must_act"] == "operator"


def test_one_that_cannot_be_written_stops_and_loses_nothing(bench: Bench) -> None:
    bench.by_hand()
    path = bench.home / "journal.jsonl"
    path.unlink()
    path.mkdir()
    with pytest.raises(UnexpectedState, match="journal"):
        bench.run()
    path.rmdir()
    assert bench.run()["stage"] == "in-service"


def test_a_clock_that_went_back_leaves_the_order_of_the_lines(bench: Bench) -> None:
    bench.by_hand(now=at(300))
    bench.sign_by_hand()
    assert bench.run()["stage"] == "in-service"
    assert [entry["at"] for entry in entries(bench)] == [at(300)] * 2 + [at(0)] * 4
    assert not bench.run()["changed"]


def test_a_refused_answer_leaves_no_entry(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand(kind=Kind("com.contoso.other"))
    with pytest.raises(Refused):
        bench.by_hand()
    assert steps(bench) == ["key", "request"]
