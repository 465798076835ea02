# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the job's own programs end with, and whom they tell: rotate.py and notify.py with a real ansible-playbook."""

from __future__ import annotations

import datetime
import fcntl
import importlib.util
import json
import os
import pathlib
import sys
import types
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.running_ansible import run_bounded
from ansible_collections.pushops.securemail.tests.integration.unattended_site import (
    PROGRAMS,
    SECRETS,
    WEBHOOK_TOKEN,
    UnattendedSite,
    Webhook,
)


@pytest.fixture
def site(tmp_path: pathlib.Path) -> UnattendedSite:
    return UnattendedSite(tmp_path)


def rotate(site: UnattendedSite, **changed: t.Any) -> tuple[int, str]:
    """Exit status and output of one job."""
    command = [sys.executable, str(PROGRAMS / "rotate.py"), str(site.settings(**changed))]
    status, stdout, stderr = run_bounded(command, dict(os.environ), site.folder)
    assert not any(secret in stdout + stderr for secret in SECRETS)
    return status, stdout + stderr


def last(site: UnattendedSite) -> dict[str, t.Any]:
    return json.loads((site.folder / "state" / "last.json").read_bytes())


def test_a_round_that_ends_well_is_silent_and_a_gate_is_told_once(site: UnattendedSite) -> None:
    site.declare(age=300)
    for decision in ("rotated", "nothing to do"):
        status, output = rotate(site)
        assert (status, last(site)["exit_status"], site.told_by_mail()) == (0, 0, []), output
        assert [item["decision"] for item in last(site)["items"]] == [decision]
    site.declare(apns_certificate_signing_command=[], apns_certificate_renew_before_days=120)
    for _turn in range(2):
        status, output = rotate(site)
        assert (status, last(site)["exit_status"]) == (75, 75), output
    (letter,) = site.told_by_mail()
    assert "Subject: APNs rotation waits for you" in letter and "aps.cer" in letter


def test_several_inventories_each_for_itself_and_the_worst_counts(site: UnattendedSite) -> None:
    missing = str(site.folder / "apac")
    with Webhook().serving() as webhook:
        url = str(site.webhook_url_file(webhook.port))
        status, output = rotate(site, inventories=[missing, str(site.inventory)], webhook_url_file=url)
    assert status == 2, output
    assert [item["decision"] for item in last(site)["items"]] == ["rotated"], "the other one was served"
    (posted,) = webhook.posted
    assert posted["path"] == f"/hooks/{WEBHOOK_TOKEN}"
    assert f"{missing}: the rotation left no outcome" in posted["text"] and "APNs rotation failed" in posted["text"]
    assert len(site.told_by_mail()) == 1


def test_what_fails_ends_with_1_and_the_playbooks_after_it_run_all_the_same(site: UnattendedSite) -> None:
    site.declare(apns_certificate_portal_command=["false", "{pkcs12}"])
    status, output = rotate(site, then=["pushops.securemail.environment"])
    assert (status, last(site)["exit_status"]) == (1, 1), output
    assert "Check the declared environment" in output
    assert "Subject: APNs rotation failed" in site.told_by_mail()[0] and "status 1" in site.told_by_mail()[0]


def test_a_playbook_after_a_good_rotation_that_fails_makes_a_failure(site: UnattendedSite) -> None:
    status, output = rotate(site, then=["no.such.playbook"])
    assert status == 1, output
    assert "no.such.playbook" in last(site)["problems"][0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ansible_playbook": "/nowhere/ansible-playbook"}, "not started: No such file"),
        ({"ansible_playbook": "/bin/true"}, "left no outcome (ansible-playbook: 0)"),
        ({"timeout": 0.2}, "stopped after 0.2 s"),
        ({"vault_password_file": "/nowhere/vault-password"}, "left no outcome"),
    ],
    ids=["no program", "nothing was rotated", "too slow", "no password"],
)
def test_a_run_that_does_not_come_to_its_end(site: UnattendedSite, changed: dict[str, t.Any], words: str) -> None:
    status, output = rotate(site, **changed)
    assert (status, last(site)["exit_status"]) == (2, 2), output
    assert words in last(site)["problems"][0] and words in site.told_by_mail()[0]


def test_two_jobs_never_overlap(site: UnattendedSite) -> None:
    site.settings()
    with (site.folder / "state" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, output = rotate(site)
    assert status == 3 and "Another rotation is at work" in output
    assert not site.certificates.store.exists() and not (site.folder / "state" / "last.json").exists()


def load(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"schedule_{name}", PROGRAMS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_jitter_stays_within_its_bound(site: UnattendedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    program = load("rotate")
    slept: list[float] = []
    monkeypatch.setattr(program.time, "sleep", slept.append)
    monkeypatch.setattr(program, "rotate", lambda _settings: 0)
    monkeypatch.setattr(program.os, "umask", lambda _mask: 0)
    for _turn in range(50):
        assert program.main([str(site.settings(jitter=600, notify=False))]) == 0
    assert all(0 <= seconds <= 600 for seconds in slept) and len(set(slept)) > 40


ITEM = {"environment": "emea", "bundle_id": "com.contoso.securemail", "decision": "waits", "must_act": "portal"}
WAITS = {"exit_status": 75, "items": [ITEM], "table": ["a table"], "problems": [], "began": "then", "invocation": "a"}
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("told", "news"),
    [
        ({}, True),
        ({"gates": [["emea", "com.contoso.securemail", "portal"]], "at": "2026-02-27T00:00:00+00:00"}, False),
        ({"gates": [["emea", "com.contoso.securemail", "portal"]], "at": "2026-02-20T00:00:00+00:00"}, True),
        ({"gates": [["emea", "com.contoso.securemail", "signing"]], "at": "2026-02-27T00:00:00+00:00"}, True),
    ],
    ids=["never", "lately", "long ago", "another gate"],
)
def test_when_a_gate_is_news(told: dict[str, t.Any], news: bool) -> None:
    program = load("notify")
    assert program.is_news(program.gates(WAITS), told, NOW) is news


def test_what_systemd_stopped_before_it_began_is_not_told_as_the_run_before() -> None:
    program = load("notify")
    settings = {"log": "journalctl"}
    for last_run, invocation in (({}, ""), (WAITS, ""), (WAITS | {"exit_status": 1}, "b")):
        assert "did not run" in program.message(settings, "failure", last_run, invocation)[0]
    assert "failed" in program.message(settings, "failure", WAITS | {"exit_status": 1}, "a")[0]
    assert program.message(settings, "success", WAITS | {"exit_status": 0})[0] == ""


@pytest.mark.parametrize("answer", [500, 302], ids=["refuses", "leads elsewhere"])
def test_a_hook_that_does_not_take_the_message_is_named_without_its_address(site: UnattendedSite, answer: int) -> None:
    (site.folder / "state").mkdir()
    (site.folder / "state" / "last.json").write_text(json.dumps(WAITS | {"exit_status": 1}))
    with Webhook(answer).serving() as webhook:
        settings = site.settings(webhook_url_file=str(site.webhook_url_file(webhook.port)), sendmail="/bin/false")
        command = [sys.executable, str(PROGRAMS / "notify.py"), str(settings), "failure"]
        status, _stdout, stderr = run_bounded(command, dict(os.environ), site.folder)
    assert (status, len(webhook.posted)) == (1, 1)
    assert f"webhook: status {answer}" in stderr and "sendmail ended with 1" in stderr
    assert WEBHOOK_TOKEN not in stderr
