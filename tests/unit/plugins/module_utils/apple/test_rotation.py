# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation through both gates with site commands: check, apply, apply again, renew, and what it must never do."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import stat
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    CUSTOMER_ID,
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    Bench,
    certificate_key,
    private_key,
    request_key,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind

DAY = datetime.timedelta(days=1)


def at(days: float) -> str:
    return (NOW + days * DAY).isoformat()


def names(result: dict[str, t.Any]) -> list[str]:
    return [change["name"] for change in result["changes"]]


def links(result: dict[str, t.Any]) -> set[str]:
    """The links that the changes mend. Retiring what was before mends none."""
    return {change["link"] for change in result["changes"] if not change["name"].endswith(" retired")}


def test_check_mode_changes_nothing_and_predicts_what_applying_does(bench: Bench) -> None:
    predicted = bench.run(check=True)
    assert not bench.path.exists() and bench.calls == []
    applied = bench.run()
    for same in ("changed", "changes", "diff", "stage", "version", "paths", "gate"):
        assert predicted[same] == applied[same], same
    assert applied["changed"] and applied["stage"] == "in-service" and applied["gate"] is None
    assert predicted["decision"]["reason"] == "missing" and predicted["certificate"] is None
    assert {change["link"] for change in applied["changes"]} == {"apns-certificate"}


def test_the_second_run_changes_nothing(bench: Bench) -> None:
    bench.run()
    before, calls = bench.snapshot(), len(bench.calls)
    for check in (False, True):
        result = bench.run(check=check)
        assert not result["changed"] and result["decision"]["reason"] == "valid"
    assert bench.snapshot() == before and len(bench.calls) == calls


def test_key_request_certificate_and_pointer_belong_together(bench: Bench) -> None:
    result = bench.run()
    version = bench.version()
    key = private_key(version / "key.pem")
    assert key == request_key(version / "request.csr") == certificate_key(version / "certificate.pem")
    assert os.readlink(bench.home / "current") == "versions/0001"
    record = json.loads((version / "portal.json").read_text())
    assert record["sha256"] == result["certificate"]["sha256"] and record["customer_id"] == CUSTOMER_ID
    assert result["certificate"]["days_left"] == 394 and result["certificate"]["topics"][0] == "com.contoso.securemail"
    assert not list(version.glob("signed*"))


def test_everything_is_closed_to_others(bench: Bench) -> None:
    previous = os.umask(0)
    try:
        bench.run()
    finally:
        os.umask(previous)
    for path in (bench.home, *bench.home.rglob("*")):
        if not path.is_symlink():
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_open_permissions_are_a_change_that_is_made(bench: Bench) -> None:
    bench.run()
    key = bench.version() / "key.pem"
    key.chmod(0o644)
    bench.home.chmod(0o755)
    result = bench.run()
    assert [change["after"] for change in result["changes"]] == ["0700", "0600"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and not bench.run()["changed"]


def test_a_due_certificate_gets_a_successor_and_stays(bench: Bench) -> None:
    bench.run()
    first = bench.snapshot()
    assert not bench.run(now=at(364.9))["changed"]
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    predicted = bench.run(check=True, now=at(366))
    assert predicted["decision"]["reason"] == "due" and predicted["version"] == "0002"
    assert {change["link"] for change in predicted["changes"]} == {""}, "the old one still serves"
    applied = bench.run(now=at(366))
    assert applied["diff"] == predicted["diff"] and applied["decision"]["reason"] == "valid"
    after = bench.snapshot()
    assert {name: after[name] for name in first if "0001" in name} == {n: v for n, v in first.items() if "0001" in n}
    assert os.readlink(bench.home / "current") == "versions/0002"
    assert private_key(bench.version(2) / "key.pem") != private_key(bench.version(1) / "key.pem")


def test_an_expired_certificate_breaks_the_link(bench: Bench) -> None:
    bench.run()
    result = bench.run(check=True, now=at(396))
    assert result["decision"]["reason"] == "expired" and result["certificate"]["days_left"] == -2
    assert links(result) == {"apns-certificate"}


@pytest.mark.parametrize(
    "kind, reason", [(Kind(marks=Kind.marks[:1]), "sandbox-only"), (Kind("com.x.y"), "wrong-bundle-id")]
)
def test_a_certificate_in_service_that_cannot_serve_is_followed_by_a_new_version(
    bench: Bench, kind: Kind, reason: str
) -> None:
    bench.run()
    path = bench.version() / "certificate.pem"
    path.write_bytes(bench.ca.answer((bench.version() / "request.csr").read_bytes(), kind))
    assert bench.run(check=True)["decision"]["reason"] == reason
    assert bench.run()["version"] == "0002"


def test_a_clock_that_went_back_makes_no_new_version(bench: Bench) -> None:
    bench.run()
    with pytest.raises(UnexpectedState, match="clock"):
        bench.run(now=at(-30))
    assert not bench.version(2).exists()


def test_a_short_lived_certificate_is_not_renewed_for_ever(bench: Bench) -> None:
    bench.kind = Kind(lifetime=10 * DAY)
    assert bench.run()["stage"] == "in-service"
    assert not bench.run()["changed"]


@pytest.mark.parametrize(
    "kind, reason",
    [
        (Kind(bundle_id="com.contoso.other"), "wrong-bundle-id"),
        (Kind(common_name="Apple Push Services: com.contoso.other"), "wrong-bundle-id"),
        (Kind(topics=("com.contoso.other",)), "wrong-bundle-id"),
        (Kind(marks=Kind.marks[:1]), "sandbox-only"),
        (Kind(marks=()), "sandbox-only"),
        (Kind(bundle_id="com.apple.mgmt.External.1234"), "mdm-certificate"),
        (Kind(common_name="APSP:1234"), "mdm-certificate"),
        (Kind(not_before=NOW - 400 * DAY), "expired"),
        (Kind(not_before=NOW + DAY), "not-yet-valid"),
        (Kind(not_before=NOW - 380 * DAY), "due"),
    ],
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_wrong_certificate_is_refused_and_nothing_changes(
    bench: Bench, kind: Kind, reason: str, by_hand: bool
) -> None:
    if by_hand:
        bench.by_hand()
        bench.sign_by_hand(kind=kind)
    else:
        bench.kind = kind
        with pytest.raises(Refused, match=rf"\({reason}\)"):
            bench.run()
    before, calls = bench.snapshot(), len(bench.calls)
    run = bench.by_hand if by_hand else bench.run
    for check in (True, False):
        with pytest.raises(Refused, match=rf"\({reason}\)"):
            run(check=check)
    assert bench.snapshot() == before and len(bench.calls) == calls, "no second certificate is asked for"
    assert not (bench.version() / "certificate.pem").exists() and not (bench.home / "current").exists()


def test_a_certificate_for_another_key_is_refused_by_name(bench: Bench) -> None:
    bench.by_hand()
    answer = bench.handed_out() / "aps.cer"
    answer.write_bytes(bench.ca.answer(_foreign_request(bench)))
    with pytest.raises(Refused, match=r"aps\.cer is refused \(key-mismatch\)"):
        bench.by_hand()
    bench.sign_by_hand()
    assert bench.by_hand()["stage"] == "awaiting-upload"


def _foreign_request(bench: Bench) -> bytes:
    bench.by_hand(path=str(bench.path / "elsewhere"))
    return (bench.path / "elsewhere/handoff/com.contoso.securemail-0001/request.csr").read_bytes()


@pytest.mark.parametrize("content", [b"not a key", b"", None])
@pytest.mark.parametrize("with_certificate", [False, True])
def test_a_key_that_cannot_be_read_is_never_replaced(
    bench: Bench, content: bytes | None, with_certificate: bool
) -> None:
    (bench.run if with_certificate else bench.by_hand)()
    key = bench.version() / "key.pem"
    key.unlink()
    if content is not None:
        key.write_bytes(content)
        key.chmod(0o600)
    before = bench.snapshot()
    for check in (True, False):
        with pytest.raises(UnexpectedState, match=r"key\.pem"):
            bench.run(check=check, now=at(500))
    assert bench.snapshot() == before


def test_a_wrong_key_passphrase_stops_and_shows_neither(bench: Bench) -> None:
    bench.run()
    before = bench.snapshot()
    with pytest.raises(UnexpectedState) as caught:
        bench.run(key_passphrase="canary-other")
    assert "canary" not in str(caught.value) and bench.snapshot() == before


def test_a_lost_bundle_and_a_new_passphrase_make_the_bundle_anew_without_an_upload(bench: Bench) -> None:
    bench.run()
    (bench.version() / "bundle.p12").unlink()
    assert names(bench.run()) == ["0001/bundle.p12"]
    assert names(bench.run(pkcs12_passphrase="another")) == ["0001/bundle.p12"]
    assert names(bench.run(pkcs12_passphrase="another", pkcs12_encryption="legacy")) == ["0001/bundle.p12"]
    assert not bench.run(pkcs12_passphrase="another", pkcs12_encryption="legacy")["changed"]
    assert [gate for gate, _argv, _stdin in bench.calls] == ["signing", "portal"]


def test_another_region_means_another_upload(bench: Bench) -> None:
    bench.run()
    result = bench.run(region="apac")
    assert names(result) == ["0001/portal.json"] and bench.calls[-1][1][1] == "apac"
    assert result["changes"][0]["link"] == "apns-certificate", "no listener there can sign in yet"
    assert not bench.run(region="apac")["changed"]


def test_a_gate_for_another_region_is_due_at_once(bench: Bench) -> None:
    bench.run()
    moved = bench.by_hand(region="apac")
    assert moved["decision"] == {"reason": "not-uploaded", "sentence": "It is not uploaded for apac"}
    assert moved["gate"]["name"] == "portal" and moved["gate"]["needed_by"] == ""


def test_another_customer_id_is_an_error_that_names_both(bench: Bench) -> None:
    bench.customer_id = "contoso-OTHER"
    with pytest.raises(Refused, match=r"'contoso-OTHER'.*'contoso-7Q2M4'"):
        bench.run()
    assert not (bench.version() / "portal.json").exists() and not (bench.home / "current").exists()
    bench.customer_id = CUSTOMER_ID
    assert bench.run()["stage"] == "in-service"
    with pytest.raises(UnexpectedState, match=r"'contoso-7Q2M4'.*'contoso-NEW'"):
        bench.run(customer_id="contoso-NEW")


def test_a_signing_command_that_makes_nothing_is_an_error(bench: Bench) -> None:
    bench.kind = None
    with pytest.raises(Refused, match="wrote no certificate"):
        bench.run()


def test_an_answer_of_an_interrupted_run_is_used_and_not_asked_for_again(bench: Bench) -> None:
    bench.by_hand()
    request = (bench.version() / "request.csr").read_bytes()
    (bench.version() / "signed.part").write_bytes(bench.ca.answer(request))
    assert bench.run()["stage"] == "in-service"
    assert [gate for gate, _argv, _stdin in bench.calls] == ["portal"]


def test_half_an_answer_of_an_interrupted_run_is_asked_for_again(bench: Bench) -> None:
    bench.by_hand()
    (bench.version() / "signed.part").write_bytes(b"-----BEGIN CERTIFICATE-----\nMIIB")
    assert bench.run()["stage"] == "in-service"
    assert [gate for gate, _argv, _stdin in bench.calls] == ["signing", "portal"]


def test_no_secret_comes_out(bench: Bench) -> None:
    result = bench.run()
    shown = repr(result) + repr([argv for _gate, argv, _stdin in bench.calls])
    assert KEY_PASSPHRASE not in shown and PKCS12_PASSPHRASE not in shown and "PRIVATE KEY" not in shown
    assert [stdin for _gate, _argv, stdin in bench.calls] == ["", PKCS12_PASSPHRASE]


def test_a_foreign_pointer_stops(bench: Bench) -> None:
    bench.run()
    current = bench.home / "current"
    for target in ("/etc", "versions/0009"):
        current.unlink()
        current.symlink_to(target)
        with pytest.raises(UnexpectedState, match=target):
            bench.run()


@pytest.mark.parametrize(
    "wrong",
    [
        {"bundle_id": "com.contoso.*"},
        {"customer_id": ""},
        {"key_passphrase": ""},
        {"pkcs12_passphrase": "two\nlines canary"},
        {"key_passphrase": "canary" * 200},
        {"email": "nobody"},
        {"common_name": "x" * 65},
        {"renew_before_days": 0},
        {"now": "tomorrow"},
        {"signing_command": ["sign", "{csr}"]},
        {"portal_command": ["upload"]},
        {"command_timeout": 0},
        {"lock_timeout": -1},
        {"revoked_serials": ["serial"]},
        {"consumer_command": [" "]},
    ],
)
def test_an_argument_that_cannot_be_right_is_named_before_anything_happens(
    bench: Bench, wrong: dict[str, t.Any]
) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(wrong))} is ") as caught:
        bench.run(**wrong)
    assert "canary" not in str(caught.value) and not bench.path.exists()


@pytest.mark.parametrize("passphrase", ["a b", "quote'\"$`\\", "Z\u00fcrich \u65e5\u672c", "x" * 200])
@pytest.mark.parametrize("encryption", ["modern", "legacy"])
def test_odd_passphrases_work(bench: Bench, passphrase: str, encryption: str) -> None:
    asked: dict[str, t.Any] = {
        "key_passphrase": passphrase,
        "pkcs12_passphrase": passphrase,
        "pkcs12_encryption": encryption,
    }
    bench.run(**asked)
    assert not bench.run(**asked)["changed"]


def test_a_store_that_cannot_be_written_is_one_clear_error(bench: Bench, tmp_path: pathlib.Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(PushOpsError, match="Not a directory"):
        bench.run(path=str(blocked))
