# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback push_path on a pipe and on a terminal: what it says, what it keeps to itself, and ARA beside it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.certificate_site import (
    KEY_PASSPHRASE,
    PKCS12_PASSPHRASE,
    CertificateSite,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import (
    CONTROLLER,
    ROOT,
    Ansible,
    Inventory,
    Run,
    Task,
)
from ansible_collections.pushops.securemail.tests.integration.terminal import shown

CALLBACK = {"ANSIBLE_STDOUT_CALLBACK": "pushops.securemail.push_path"}
EMEA: Inventory = {"all": {**CONTROLLER["all"], "vars": {"push_environment_name": "emea"}}}
CANARY = "canary-of-the-callback"
ARA = ROOT / ".cache" / "ara"


@pytest.fixture
def site(tmp_path: pathlib.Path) -> CertificateSite:
    return CertificateSite.create(tmp_path / "site")


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def watched(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Ansible:
    return Ansible(tmp_path / "ansible", settings=CALLBACK, terminal=request.param)


def lines_of(run: Run) -> list[str]:
    return shown(run.stdout) if "\033[" in run.stdout else run.stdout.splitlines()


def leak(folder: pathlib.Path, **more: t.Any) -> Task:
    """A task that prints a secret and fails."""
    (folder / "secret").write_text(CANARY)
    command = {"argv": ["sh", "-c", f"cat {folder / 'secret'}; exit 3"]}
    return {"name": "Leak", "ansible.builtin.command": command, **more}


def test_a_gate_that_waits_breaks_its_link_and_its_answer_mends_it(ansible: Ansible, site: CertificateSite) -> None:
    watched = Ansible(ansible.home / "watched", settings=CALLBACK)
    waits = watched.play(EMEA, site.task())
    assert waits.status == 0, waits.output
    lines = waits.stdout.splitlines()
    assert lines[-1].startswith("emea  ·─·─·─·─·─·─✘─·  apns-certificate on controller: waits at the signing gate")
    legend = "● passes  ✘ broken  ▲ warning  ? not tested  ○ left out  ◌ being asked  · nothing heard"
    assert legend in lines
    mended = watched.play(EMEA, site.task(**site.commands()), site.task(check=True, **site.commands()))
    assert mended.stdout.splitlines()[-1] == "emea  ·─·─·─·─·─·─●─·", mended.output
    said = [line for line in mended.stdout.splitlines() if line.startswith("emea  apns-certificate on")]
    assert len(said) == 1 and "pass, set now: " in said[0], "the second task brings no news"


def test_check_mode_says_what_is_not_as_declared(watched: Ansible, site: CertificateSite) -> None:
    run = watched.play(EMEA, site.task(**site.commands()), check=True)
    assert "emea  apns-certificate on controller: fail, No certificate is in service" in "\n".join(lines_of(run))
    assert not site.store.exists()


def test_a_task_that_fails_is_named_with_its_reason(watched: Ansible) -> None:
    fails: Task = {"name": "Stop here", "ansible.builtin.fail": {"msg": "the estate is closed"}}
    ignored: Task = {**fails, "name": "Go on", "ignore_errors": True}
    run = watched.play(EMEA, ignored, fails)
    assert run.status == 2
    lines = lines_of(run)
    assert "FAILED Stop here on controller: the estate is closed" in lines
    assert not any("Go on" in line and "FAILED" in line for line in lines)
    assert lines[-2:] == ["emea  ·─·─·─·─·─·─·─·", "controller: 1 failed, 0 unreachable"]


def test_a_task_of_ours_that_fails_without_a_word_on_the_path_is_named(
    watched: Ansible, tmp_path: pathlib.Path
) -> None:
    environment = {
        "name": "emea",
        "region": "EMEA",
        "bundle_id": "com.contoso.securemail",
        "customer_id": "contoso-7Q2M4",
    }
    asked = [{"asked": "xms", "links": ["no-link"], "hosts": {}}]
    verdict: Task = {
        "name": "Judge",
        "pushops.securemail.push_path_verdict": {"environment": environment, "results": asked},
    }
    run = watched.play(EMEA, verdict)
    assert run.status == 2
    assert any(line.startswith("FAILED Judge on controller: results.links is ['no-link']") for line in lines_of(run))


def test_a_loop_is_not_taken_for_one_answer(watched: Ansible, site: CertificateSite) -> None:
    task = site.task(bundle_id="{{ item }}")
    run = watched.play(EMEA, {**task, "loop": ["com.contoso.one", "com.contoso.two"]}, check=True)
    assert run.status == 0, run.output
    assert "emea  ·─·─·─·─·─·─·─·" in lines_of(run)


def test_a_host_that_cannot_be_reached_is_said(watched: Ansible) -> None:
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    inventory: Inventory = {"all": {"hosts": {"away": away}}}
    run = watched.play(inventory, {"name": "Look", "ansible.builtin.raw": "true"})
    lines = lines_of(run)
    assert any(line.startswith("UNREACHABLE away, in Look: ") for line in lines), lines
    assert "away: 0 failed, 1 unreachable" in lines


def test_diffs_are_shown_where_they_are_asked_for(watched: Ansible, tmp_path: pathlib.Path) -> None:
    copies: Task = {
        "ansible.builtin.copy": {"content": "the new line\n", "dest": str(tmp_path / "file"), "mode": "0600"}
    }
    assert "the new line" not in watched.play(EMEA, copies, check=True).stdout
    assert "+the new line" in watched.play(EMEA, copies, check=True, diff=True).stdout


@pytest.mark.parametrize("more", [{}, {"no_log": True}, {"register": "kept"}], ids=["plain", "no_log", "registered"])
def test_it_is_silent_on_what_a_task_printed(watched: Ansible, tmp_path: pathlib.Path, more: dict[str, t.Any]) -> None:
    run = watched.play(EMEA, leak(tmp_path, **more))
    assert run.status == 2 and CANARY not in run.output
    assert "FAILED Leak on controller: " in "\n".join(lines_of(run))


@pytest.mark.parametrize("verbosity", [0, 4])
def test_passphrases_stay_unsaid(watched: Ansible, site: CertificateSite, verbosity: int) -> None:
    echo = {"portal_command": ["sh", "-c", "cat; exit 1"]}
    run = watched.play(EMEA, site.task(**{**site.commands(), **echo}), diff=True, verbosity=verbosity)
    assert run.status == 2
    assert KEY_PASSPHRASE not in run.output and PKCS12_PASSPHRASE not in run.output


def test_ara_records_the_run_beside_it(site: CertificateSite, tmp_path: pathlib.Path) -> None:
    if not (ARA / ".installed").exists():
        pytest.skip("ARA is not installed: make .cache/ara/.installed")
    settings = {
        **CALLBACK,
        "ANSIBLE_CALLBACK_PLUGINS": f"{ROOT}/tests/integration/callbacks:{ARA}/ara/plugins/callback",
        "ANSIBLE_CALLBACKS_ENABLED": "task_record,ara_default",
    }
    of_ara = {"PYTHONPATH": str(ARA), "ARA_BASE_DIR": str(tmp_path / "ara"), "ARA_API_CLIENT": "offline"}
    ansible = Ansible(tmp_path / "ansible", environment={**os.environ, **of_ara}, settings=settings)
    run = ansible.play(EMEA, site.task(**site.commands()))
    assert run.status == 0, run.output
    assert run.stdout.splitlines()[-1] == "emea  ·─·─·─·─·─·─●─·"
    recorded = []
    for what in ("task", "result"):
        words = [str(ARA / "bin" / "ara"), what, "list", "-f", "json"]
        asked = subprocess.run(words, env={**os.environ, **of_ara}, capture_output=True, check=True, timeout=60)
        (one,) = json.loads(asked.stdout)
        recorded.append(one)
    task, result = recorded
    assert (task["action"], result["status"]) == ("pushops.securemail.apns_certificate", "changed")
