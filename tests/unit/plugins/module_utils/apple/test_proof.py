# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: how answers and alerts are read, and what each means for a rotation."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import apns, proof
from ansible_collections.pushops.securemail.plugins.module_utils.apple.keys import Identity
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    UnexpectedState,
    Unreachable,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    KEY_PASSPHRASE,
    Bench,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import BUNDLE_ID, NOW, Kind
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_rotation import links

OPTIONS: dict[str, t.Any] = {
    "host": "api.push.apple.com",
    "port": 443,
    "ca_path": None,
    "proxy": None,
    "proxy_username": None,
    "proxy_password": None,
    "timeout": 10,
}
LINK = "apns-certificate"
DAY = datetime.timedelta(days=1)
RENEWAL = (NOW + 366 * DAY).isoformat()
ACCEPTED = Proof(proof.ACCEPTED, "yes")
AWAY = Proof(proof.NOT_REACHABLE, "nobody there")
REFUSED = [Proof(reason, "no") for reason in proof.REFUSALS]


class Judge:
    """Stands where APNs is; ``answer`` is what it says from now on."""

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch) -> None:
        self.answers: list[Proof] = [ACCEPTED]
        self.asked: list[Identity] = []
        self._bench = bench
        patch.setattr(apns.Apns, "prove", lambda _apns, identity, topic: self._prove(identity, topic))

    def _prove(self, identity: Identity, topic: str) -> Proof:
        assert topic == BUNDLE_ID and identity.passphrase == KEY_PASSPHRASE and KEY_PASSPHRASE not in repr(identity)
        self.asked.append(identity)
        self._bench.calls.append(("proof", [identity.certificate.parent.name], ""))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def judge(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Judge:
    return Judge(bench, monkeypatch)


@pytest.fixture
def lost_key(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 0001 can no longer sign in from here."""

    def prove(_apns: apns.Apns, identity: Identity, topic: str) -> Proof:
        if identity.key.parent.name == "0001":
            raise UnexpectedState("they cannot be used together", "Restore them")
        return ACCEPTED

    monkeypatch.setattr(apns.Apns, "prove", prove)


def order_of_calls(bench: Bench) -> list[str]:
    return [gate for gate, _argv, _stdin in bench.calls]


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (400, "BadDeviceToken", "accepted"),
        (400, "TopicDisallowed", "wrong-app"),
        (403, "BadCertificateEnvironment", "wrong-environment"),
        (403, "BadCertificate", "bad-certificate"),
        (200, "", "no-verdict"),
        (400, "BadTopic", "no-verdict"),
        (403, "Forbidden", "no-verdict"),
        (403, "", "no-verdict"),
        (429, "TooManyRequests", "no-verdict"),
        (503, "ServiceUnavailable", "no-verdict"),
        (404, "BadDeviceToken", "no-verdict"),
    ],
)
def test_an_answer_is_read(status: int, said: str, reason: str) -> None:
    read = proof.read_answer(status, said, "api.push.apple.com", BUNDLE_ID)
    assert read.reason == reason
    assert (read.refused, read.inconclusive) == (reason in proof.REFUSALS, reason == "no-verdict")
    assert reason != "no-verdict" or f"HTTP {status} {said}".strip() in read.sentence


@pytest.mark.parametrize(
    ("alert", "reason"),
    [
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "revoked"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired"),
        ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "expired"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "bad-certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "bad-certificate"),
        ("TLSV1_ALERT_ACCESS_DENIED", "bad-certificate"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", None),
        ("TLSV1_ALERT_PROTOCOL_VERSION", None),
        ("UNEXPECTED_EOF_WHILE_READING", None),
        ("", None),
    ],
)
def test_an_alert_is_read(alert: str, reason: str | None) -> None:
    read = proof.read_alert(alert)
    assert (read.reason if read else None) == reason


def test_without_the_option_nobody_is_asked(bench: Bench, judge: Judge) -> None:
    assert bench.run()["proof"] is None and judge.asked == []


def test_a_certificate_is_proved_before_and_after_its_upload(bench: Bench, judge: Judge) -> None:
    result = bench.run(proof=OPTIONS)
    assert order_of_calls(bench) == ["signing", "proof", "portal", "proof"]
    assert (result["stage"], result["proof"]) == ("in-service", {"reason": "accepted", "sentence": "yes"})
    again = bench.run(proof=OPTIONS)
    assert not again["changed"] and order_of_calls(bench)[4:] == ["proof"], "once a run"


def test_check_mode_asks_and_predicts(bench: Bench, judge: Judge) -> None:
    predicted = bench.run(check=True, proof=OPTIONS)
    assert judge.asked == [], "there is nothing to prove yet"
    applied = bench.run(proof=OPTIONS)
    assert (predicted["changes"], predicted["stage"]) == (applied["changes"], applied["stage"])


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.reason)
def test_a_refused_new_certificate_reaches_no_portal(bench: Bench, judge: Judge, refusal: Proof) -> None:
    judge.answers = [refusal]
    for check in (False, True, False):
        with pytest.raises(Refused, match=rf"0001 fails the proof \({refusal.reason}\)"):
            bench.run(check, proof=OPTIONS)
        assert "portal" not in order_of_calls(bench) and not (bench.home / "current").exists()
    assert order_of_calls(bench).count("signing") == 1, "no second certificate is asked for"


@pytest.mark.parametrize("answer", [REFUSED[0], AWAY], ids=lambda answer: answer.reason)
def test_a_person_at_the_portal_gets_nothing_unproved(bench: Bench, judge: Judge, answer: Proof) -> None:
    bench.by_hand(proof=OPTIONS)
    bench.sign_by_hand()
    judge.answers = [answer]
    with pytest.raises(PushOpsError, match="0001"):
        bench.by_hand(proof=OPTIONS)
    assert not (bench.handed_out() / "bundle.p12").exists()
    judge.answers = [ACCEPTED]
    assert bench.by_hand(proof=OPTIONS)["stage"] == "awaiting-upload"
    assert (bench.handed_out() / "bundle.p12").exists()


def test_what_fails_after_the_upload_is_recorded_and_not_put_in_service(bench: Bench, judge: Judge) -> None:
    judge.answers = [ACCEPTED, REFUSED[0], ACCEPTED]
    with pytest.raises(Refused, match="wrong-app"):
        bench.run(proof=OPTIONS)
    assert (bench.version() / "portal.json").exists() and not (bench.home / "current").exists()
    assert bench.run(proof=OPTIONS)["stage"] == "in-service"
    assert order_of_calls(bench).count("portal") == 1


def test_what_cannot_be_proved_stops_unless_it_need_not(bench: Bench, judge: Judge) -> None:
    judge.answers = [AWAY]
    for check in (False, True):
        with pytest.raises(Unreachable, match=r"not-reachable.*nobody there.*proof_required: false"):
            bench.run(check, proof=OPTIONS)
    assert "portal" not in order_of_calls(bench)
    result = bench.run(proof=OPTIONS, proof_required=False)
    assert (result["stage"], result["proof"]["reason"]) == ("in-service", "not-reachable")
    assert not bench.run(proof=OPTIONS, proof_required=False)["changed"]
    with pytest.raises(Unreachable):
        bench.run(check=True, proof=OPTIONS)


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.reason)
def test_a_certificate_in_service_that_apns_refuses_is_followed_by_another(
    bench: Bench, judge: Judge, refusal: Proof
) -> None:
    bench.run(proof=OPTIONS)
    judge.answers = [refusal]
    predicted = bench.run(check=True, proof=OPTIONS)
    assert predicted["decision"] == predicted["proof"] == {"reason": refusal.reason, "sentence": "no"}
    assert predicted["version"] == "0002" and links(predicted) == {LINK}
    judge.answers = [refusal, ACCEPTED]
    done = bench.run(proof=OPTIONS)
    assert (done["version"], done["decision"]["reason"], done["changes"]) == ("0002", "valid", predicted["changes"])


def test_the_successor_of_a_refused_certificate_is_made_once(bench: Bench, judge: Judge) -> None:
    bench.run(proof=OPTIONS)
    judge.answers = [REFUSED[0]]
    for _turn in range(3):
        with pytest.raises(Refused, match="version 0002 fails the proof"):
            bench.run(proof=OPTIONS)
    assert order_of_calls(bench).count("signing") == 2 and not bench.version(3).exists()


def test_a_waiting_successor_of_a_refused_certificate_is_needed_now(bench: Bench, judge: Judge) -> None:
    bench.run(proof=OPTIONS)
    judge.answers = [REFUSED[0]]
    bench.by_hand(proof=OPTIONS)
    waits = bench.by_hand(check=True, proof=OPTIONS)
    assert not waits["changed"] and waits["gate"]["needed_by"] == "", "verify names the link by this"


def test_a_certificate_that_cannot_serve_anyway_is_not_shown_to_apns(bench: Bench, judge: Judge) -> None:
    bench.run()
    result = bench.run(check=True, now="2028-01-01", proof=OPTIONS)
    assert (result["decision"]["reason"], judge.asked) == ("expired", [])


def test_a_certificate_of_another_key_is_replaced_and_not_shown_to_apns(bench: Bench) -> None:
    serial = bench.run()["certificate"]["serial"]
    bench.by_hand(path=str(bench.path / "other"))
    other = (bench.path / "other" / "handoff" / f"{BUNDLE_ID}-0001" / "request.csr").read_bytes()
    (bench.version() / "certificate.pem").write_bytes(bench.ca.answer(other))
    found = bench.run(check=True, proof=OPTIONS, revoked_serials=[serial])
    assert (found["decision"]["reason"], found["version"], found["proof"]) == ("key-mismatch", "0002", None)


def test_an_old_key_that_is_lost_holds_up_no_renewal(bench: Bench, lost_key: None) -> None:
    bench.run()
    bench.by_hand(now=RENEWAL)
    bench.sign_by_hand(2, Kind(not_before=NOW + 365 * DAY))
    done = bench.run(now=RENEWAL, proof=OPTIONS)
    assert (done["version"], done["stage"], done["proof"]["reason"]) == ("0002", "in-service", "accepted")


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "https://api.push.apple.com"},
        {"host": ""},
        {"port": 0},
        {"port": 70000},
        {"proxy": "proxy.contoso.com:8080"},
        {"proxy": "http://user:canary@proxy.contoso.com:8080"},
        {"timeout": 0},
        {"ca_path": "/nowhere/ca.pem"},
    ],
)
def test_an_option_that_cannot_be_right_is_named(bench: Bench, wrong: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput, match=rf"^proof\.{next(iter(wrong))} is ") as caught:
        bench.run(proof={**OPTIONS, **wrong})
    assert "canary" not in str(caught.value) and not bench.path.exists()
