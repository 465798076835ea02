# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation with a person at the gates: waiting is a state, answers resume it, wrong answers change nothing."""

from __future__ import annotations

import datetime
import errno
import json
import os
import stat
import threading
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, UnexpectedState
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    COMMANDS,
    CUSTOMER_ID,
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    Bench,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind

DAY = datetime.timedelta(days=1)


def test_both_gates_wait_and_resume(bench: Bench) -> None:
    predicted = bench.by_hand(check=True)
    first = bench.by_hand()
    assert first["stage"] == predicted["stage"] == "awaiting-signature" and first["diff"] == predicted["diff"]
    assert first["gate"] == predicted["gate"] and first["gate"]["name"] == "signing"
    assert first["gate"]["put_answer"] == str(bench.handed_out() / "aps.cer")
    waiting = bench.by_hand()
    assert not waiting["changed"] and waiting["gate"] == first["gate"]

    bench.sign_by_hand()
    predicted = bench.by_hand(check=True)
    second = bench.by_hand()
    assert second["stage"] == "awaiting-upload" and second["gate"]["name"] == "portal"
    assert second["diff"] == predicted["diff"] and second["gate"] == predicted["gate"]
    assert not bench.by_hand()["changed"] and not (bench.home / "current").exists()
    handed_out = bench.handed_out() / "bundle.p12"
    assert handed_out.read_bytes() == (bench.version() / "bundle.p12").read_bytes()

    bench.fill_in()
    predicted = bench.by_hand(check=True)
    third = bench.by_hand()
    assert third["stage"] == "in-service" and third["gate"] is None and third["diff"] == predicted["diff"]
    assert not handed_out.exists() and not bench.by_hand()["changed"]
    record = json.loads((bench.version() / "portal.json").read_text())
    assert record["uploaded_by"] == "Alex" and record["recorded_at"] == NOW.isoformat()


def test_the_texts_say_what_to_do_and_hold_no_secret(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand()
    bench.by_hand()
    signing = (bench.handed_out() / "SIGNING.txt").read_text()
    upload = (bench.handed_out() / "UPLOAD.txt").read_text()
    assert "com.contoso.securemail" in signing and "request.csr" in signing and "aps.cer" in signing
    assert "emea" in upload and CUSTOMER_ID in upload and "portal.json" in upload
    for path in bench.handed_out().iterdir():
        content = path.read_bytes()
        assert KEY_PASSPHRASE.encode() not in content and PKCS12_PASSPHRASE.encode() not in content
        assert b"PRIVATE KEY" not in content
        assert path.name == "aps.cer" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_for_a_group_keeps_its_permissions(bench: Bench) -> None:
    folder = bench.path / "shared"
    folder.mkdir(parents=True)
    folder.chmod(0o2770)
    bench.by_hand(handoff_path=str(folder))
    inner = folder / bench.handed_out().name
    assert stat.S_IMODE(inner.stat().st_mode) == 0o2770
    assert stat.S_IMODE((inner / "request.csr").stat().st_mode) == 0o660


def test_a_renewal_says_until_when_it_is_needed_and_breaks_no_link(bench: Bench) -> None:
    end = bench.run()["certificate"]["not_after"]
    result = bench.by_hand(now=(NOW + 370 * DAY).isoformat())
    assert result["gate"]["needed_by"] == end and result["decision"]["reason"] == "due"
    assert {change["link"] for change in result["changes"]} == {""}
    assert end in (bench.handed_out(2) / "SIGNING.txt").read_text()
    bench.sign_by_hand(2, Kind(not_before=NOW + 369 * DAY))
    waiting = bench.by_hand(now=(NOW + 371 * DAY).isoformat())
    assert waiting["stage"] == "awaiting-upload" and waiting["decision"]["reason"] == "superseded"
    assert waiting["certificate"]["not_after"] == end, "the old one stays in service"


def test_a_pending_request_is_finished_and_not_replaced(bench: Bench) -> None:
    bench.by_hand()
    before = bench.snapshot()
    bench.by_hand(now=(NOW + 100 * DAY).isoformat(), common_name="Another name")
    assert bench.snapshot() == before
    assert bench.run()["version"] == "0001"


def test_the_answer_of_last_year_is_refused(bench: Bench) -> None:
    bench.by_hand()
    old = bench.sign_by_hand().read_bytes()
    bench.by_hand()
    bench.fill_in()
    bench.by_hand()
    now = (NOW + 370 * DAY).isoformat()
    bench.by_hand(now=now)
    (bench.handed_out(2) / "aps.cer").write_bytes(old)
    with pytest.raises(Refused, match="key-mismatch"):
        bench.by_hand(now=now)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "unreadable"),
        (b"garbage \x00\xff", "unreadable"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "unreadable"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unreadable"),
        (b"<html><pre>\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n</pre></html>", "unreadable"),
    ],
)
def test_an_answer_that_is_no_certificate_is_refused_and_left(bench: Bench, content: bytes, reason: str) -> None:
    bench.by_hand()
    answer = bench.handed_out() / "aps.cer"
    answer.write_bytes(content)
    before = bench.snapshot()
    for check in (True, False):
        with pytest.raises(Refused, match=rf"aps\.cer is refused \({reason}\)"):
            bench.by_hand(check=check)
    assert bench.snapshot() == before


FORMS: dict[str, t.Callable[[x509.Certificate], bytes]] = {
    "aps.cer": lambda leaf: leaf.public_bytes(Encoding.DER),
    "aps.crt": lambda leaf: b"\xef\xbb\xbf" + leaf.public_bytes(Encoding.PEM).replace(b"\n", b"\r\n"),
    "aps.p7b": lambda leaf: pkcs7.serialize_certificates([leaf], Encoding.PEM),
    "aps.p7c": lambda leaf: pkcs7.serialize_certificates([leaf], Encoding.DER),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_one_certificate_is_taken(bench: Bench, name: str) -> None:
    bench.by_hand()
    request = x509.load_pem_x509_csr((bench.handed_out() / "request.csr").read_bytes())
    (bench.handed_out() / name).write_bytes(FORMS[name](bench.ca.issue(request.public_key())))
    assert bench.by_hand()["stage"] == "awaiting-upload"


def test_a_certificate_inside_a_web_page_is_refused_as_one(bench: Bench) -> None:
    bench.by_hand()
    answer = bench.sign_by_hand()
    answer.write_bytes(b"<html><body><pre>" + answer.read_bytes() + b"</pre></body></html>")
    with pytest.raises(Refused, match="web page"):
        bench.by_hand()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
@pytest.mark.parametrize("gate", ["signing", "portal"])
def test_a_hand_off_folder_that_cannot_be_written_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int, gate: str
) -> None:
    if gate == "portal":
        bench.by_hand()
        bench.sign_by_hand()
    real = os.open

    def refusing(path: t.Any, flags: int, *rest: t.Any, **more: t.Any) -> int:
        if flags & os.O_CREAT and "handoff" in str(path):
            raise OSError(number, os.strerror(number))
        return real(path, flags, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        with pytest.raises(Refused, match=f"handoff.*{os.strerror(number)}"):
            bench.by_hand()
    kept = (bench.version() / "key.pem").read_bytes()
    assert bench.by_hand()["gate"]["name"] == gate and (bench.version() / "key.pem").read_bytes() == kept
    assert not list(bench.path.rglob("*.tmp"))


def test_two_operators_at_one_gate_take_in_one_answer(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand()
    results: list[dict[str, t.Any]] = []
    operators = [threading.Thread(target=lambda: results.append(bench.by_hand(lock_timeout=30))) for _two in "ab"]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join(60)
    assert [result["stage"] for result in results] == ["awaiting-upload"] * 2
    steps = [json.loads(line)["step"] for line in (bench.home / "journal.jsonl").read_text().splitlines()]
    assert steps == ["key", "request", "signed", "staged"], "each step once"


def test_a_chain_and_an_authority_are_refused(bench: Bench) -> None:
    bench.by_hand()
    answer = bench.sign_by_hand()
    authority = bench.ca.certificate().public_bytes(Encoding.PEM)
    for content in (answer.read_bytes() + authority, authority):
        answer.write_bytes(content)
        with pytest.raises(Refused, match="not-a-leaf"):
            bench.by_hand()


def test_the_request_itself_is_no_answer(bench: Bench) -> None:
    bench.by_hand()
    (bench.handed_out() / "copy.pem").write_bytes((bench.handed_out() / "request.csr").read_bytes())
    with pytest.raises(Refused, match="the certificate request itself"):
        bench.by_hand()


def test_two_equal_answers_are_one_and_two_different_ones_are_refused(bench: Bench) -> None:
    bench.by_hand()
    answer = bench.sign_by_hand()
    other = bench.sign_by_hand(name="second.pem")
    with pytest.raises(Refused, match="answered 2 times"):
        bench.by_hand()
    other.write_bytes(answer.read_bytes())
    assert bench.by_hand()["stage"] == "awaiting-upload"


def test_the_portal_form_is_checked(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand()
    bench.by_hand()
    form = bench.handed_out() / "portal.json"
    blank = form.read_bytes()
    for wrong, message in (
        ({"customer_id": "contoso-OTHER"}, r"'contoso-OTHER'.*'contoso-7Q2M4'"),
        ({"sha256": "0" * 64}, "filled in for the certificate"),
        ({"region": "apac"}, "'apac'"),
    ):
        form.write_bytes(blank)
        bench.fill_in(**wrong)
        before = bench.snapshot()
        for check in (True, False):
            with pytest.raises(Refused, match=message):
                bench.by_hand(check=check)
        assert bench.snapshot() == before
    form.write_text("{not json")
    with pytest.raises(Refused, match="JSON object"):
        bench.by_hand()
    form.unlink()
    assert bench.by_hand()["changed"] and form.read_bytes() == blank


def test_a_form_filled_in_for_one_region_does_not_serve_another(bench: Bench) -> None:
    bench.by_hand()
    bench.sign_by_hand()
    bench.by_hand()
    moved = bench.by_hand(region="apac")
    assert moved["changed"] and json.loads((bench.handed_out() / "portal.json").read_text())["region"] == "apac"
    assert moved["stage"] == "awaiting-upload"


def test_commands_take_over_from_a_person_and_back(bench: Bench) -> None:
    bench.by_hand()
    assert bench.run(portal_command=[])["stage"] == "awaiting-upload"
    assert bench.run(**COMMANDS)["stage"] == "in-service"
    assert not list(bench.handed_out().glob("*.p12"))


def test_what_is_no_file_at_the_gate_does_not_hold_the_run(bench: Bench) -> None:
    bench.by_hand()
    (bench.handed_out() / "aps.cer").mkdir()
    with pytest.raises(UnexpectedState, match="aps"):
        bench.by_hand()
