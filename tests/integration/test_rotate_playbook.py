# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/rotate.yml over several environments: each for itself, one table, one outcome for a scheduler."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run

PLAYBOOK = "pushops.securemail.rotate"
Hosts = dict[str, dict[str, t.Any]]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> CertificateSite:
    return CertificateSite.create(tmp_path / "site")


@pytest.fixture
def outcome(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "outcome.json"


def rotate(ansible: Ansible, outcome: pathlib.Path, hosts: Hosts, check: bool = False) -> tuple[Run, dict[str, t.Any]]:
    inventory = {"all": {"children": {"push_controller": {"hosts": hosts}}}}
    outcome.unlink(missing_ok=True)
    run = ansible.playbook(PLAYBOOK, inventory, check=check, variables={"apns_certificate_outcome_path": str(outcome)})
    assert "Traceback" not in run.output
    for secret in (KEY_PASSPHRASE, PKCS12_PASSPHRASE):
        assert secret not in run.output
        assert not outcome.exists() or secret not in outcome.read_text()
    return run, json.loads(outcome.read_bytes()) if outcome.exists() else {}


def decisions(document: dict[str, t.Any]) -> dict[str, tuple[str, str, str]]:
    return {item["environment"]: (item["decision"], item["reason"], item["must_act"]) for item in document["items"]}


def test_the_whole_round_unattended_and_then_nothing_to_do(
    ansible: Ansible, site: CertificateSite, outcome: pathlib.Path
) -> None:
    run, document = rotate(ansible, outcome, {"emea": site.declared()}, check=True)
    assert (run.status, document) == (0, {}), run.output
    assert not site.store.exists(), "check mode wrote"
    run, document = rotate(ansible, outcome, {"emea": site.declared()})
    assert (run.status, document["exit_status"]) == (0, 0), run.output
    assert decisions(document) == {"emea": ("rotated", "valid", "nobody")}

    run, document = rotate(ansible, outcome, {"emea": site.declared()})
    assert (run.status, document["exit_status"], run.recap["emea"]["changed"]) == (0, 0, 0)
    assert decisions(document) == {"emea": ("nothing to do", "valid", "nobody")}
    due = datetime.datetime.fromisoformat(document["items"][0]["due"])
    assert 360 < (due - datetime.datetime.now(datetime.UTC)).days < 370
    assert document["items"][0]["due"][:10] in document["table"][2]
    assert all(line in run.stdout for line in document["table"])
    assert outcome.stat().st_mode & 0o777 == 0o600


def test_several_environments_one_of_which_waits_one_fails_and_one_is_declared_wrongly(
    ansible: Ansible, tmp_path: pathlib.Path, outcome: pathlib.Path
) -> None:
    sites = {name: CertificateSite.create(tmp_path / name) for name in ("good", "waiting", "failing", "wrong")}
    by_hand: dict[str, t.Any] = {"apns_certificate_signing_command": []}
    hosts = {
        "good": sites["good"].declared(),
        "waiting": sites["waiting"].declared(bundle_id="com.contoso.other", **by_hand),
        "failing": sites["failing"].declared(apns_certificate_portal_command=["false", "{pkcs12}"]),
        "wrong": sites["wrong"].declared(push_region="atlantis"),
    }
    run, document = rotate(ansible, outcome, hosts)
    assert (run.status, document["exit_status"]) == (2, 1), "what failed is seen in both"
    assert {name: found[::2] for name, found in decisions(document).items()} == {
        "good": ("rotated", "nobody"),
        "waiting": ("waits", "signing"),
        "failing": ("failed", "operator"),
        "wrong": ("failed", "operator"),
    }
    assert [item["bundle_id"] for item in document["items"]][:2] == ["com.contoso.securemail", "com.contoso.other"]
    told = {item["environment"]: item["sentence"] + item["act"] for item in document["items"]}
    assert "status 1" in told["failing"] and "atlantis" in told["wrong"]
    assert str(sites["waiting"].store / "handoff") in told["waiting"]
    assert {host for host, counters in run.recap.items() if counters["failures"]} == {"failing", "wrong"}

    del hosts["failing"], hosts["wrong"]
    run, document = rotate(ansible, outcome, hosts)
    assert (run.status, document["exit_status"]) == (0, 75), run.output
    assert [item["due"][:3] for item in document["items"]][1] == "now", "nothing serves there"


def test_a_gate_that_waits_while_the_certificate_still_serves_says_by_when(
    ansible: Ansible, site: CertificateSite, outcome: pathlib.Path
) -> None:
    first, _document = rotate(ansible, outcome, {"emea": site.declared(age=300)})
    assert first.status == 0, first.output
    by_hand = site.declared(apns_certificate_signing_command=[], apns_certificate_renew_before_days=120)
    run, document = rotate(ansible, outcome, {"emea": by_hand}, check=True)
    assert run.status == 0 and document == {}
    run, document = rotate(ansible, outcome, {"emea": by_hand})
    assert (run.status, document["exit_status"]) == (0, 75), run.output
    assert decisions(document) == {"emea": ("waits", "due", "signing")}
    due = datetime.datetime.fromisoformat(document["items"][0]["due"])
    assert 90 < (due - datetime.datetime.now(datetime.UTC)).days < 96


def test_a_store_that_cannot_be_read_is_named(ansible: Ansible, site: CertificateSite, outcome: pathlib.Path) -> None:
    rotate(ansible, outcome, {"emea": site.declared()})
    (site.home / "versions" / "0001" / "certificate.pem").write_bytes(b"garbage")
    run, document = rotate(ansible, outcome, {"emea": site.declared()})
    assert (run.status, document["exit_status"]) == (2, 1)
    assert decisions(document) == {"emea": ("failed", "unreadable", "operator")}
    assert "certificate.pem" in document["items"][0]["sentence"]
    assert document["items"][0]["act"] not in document["items"][0]["sentence"], "the remedy is said once"
