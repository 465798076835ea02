# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule as code: what AWX, Event-Driven Ansible, GitLab and GitHub are given, as far as it shows offline."""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
import yaml

from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT

EXAMPLES = ROOT / "docs" / "examples"
RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "rotate_on_alert.yml"
SCHEMA = ROOT / ".cache" / "rulebook" / "ruleset_schema.json"
ALERTS = ROOT / "roles" / "apns_certificate" / "files" / "apns-certificate.rules.yml"


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator() -> t.Any:
    """ansible-rulebook's own schema."""
    jsonschema = pytest.importorskip("jsonschema")
    assert SCHEMA.exists(), "the schema is missing: run make .cache/rulebook/ruleset_schema.json"
    return jsonschema.Draft7Validator(json.loads(SCHEMA.read_bytes()))


def test_the_rulebook_is_one(validator: t.Any) -> None:
    (ruleset,) = load(RULEBOOK)
    assert [problem.message for problem in validator.iter_errors([ruleset])] == []
    broken = {**ruleset, "rules": [{**rule, "action": {"run_playbok": {}}} for rule in ruleset["rules"]]}
    assert list(validator.iter_errors([broken])), "it judges nothing"


def test_the_rulebook_reacts_to_alerts_that_exist_and_runs_a_playbook_that_exists() -> None:
    (ruleset,) = load(RULEBOOK)
    (rule,) = ruleset["rules"]
    named = set(re.findall(r'alertname == "(\w+)"', rule["condition"]))
    assert named and named < {one["alert"] for one in load(ALERTS)["groups"][0]["rules"]}
    assert not named & {"ApnsGateWaiting", "ApnsCertificateDoesNotServe"}, "those are for people"
    name = rule["action"]["run_playbook"]["name"].removeprefix("pushops.securemail.")
    assert (ROOT / "playbooks" / f"{name}.yml").exists()


def awx() -> dict[str, t.Any]:
    (play,) = load(EXAMPLES / "awx.yml")
    return dict(play)


def test_the_rule_means_every_day_at_a_time_that_is_not_on_the_hour() -> None:
    rrule = pytest.importorskip("dateutil.rrule")
    text = awx()["vars"]["rrule"]
    assert re.fullmatch(r"DTSTART;TZID=[\w/]+:\d{8}T\d{6} RRULE:\S+", text), "as AWX wants it: both, one rule, a zone"
    assert "INTERVAL=" in text and "COUNT=" not in text and "SECONDLY" not in text
    rule = rrule.rrulestr(text.replace(" ", "\n"))
    # Over both changes of the clock, it stays at the same time of day.
    times = rule.between(*(datetime.datetime(2026, month, 1, tzinfo=datetime.UTC) for month in (3, 12)), inc=True)
    assert len(times) == 275 and {time.strftime("%H:%M") for time in times} == {"04:17"}
    assert len({time.utcoffset() for time in times}) == 2


def test_what_the_job_of_awx_names_is_made_before_it() -> None:
    play = awx()
    made = {
        next(iter(task.values()))["name"] if "name" not in task else task[module]["name"]: module
        for task in play["tasks"]
        for module in task
        if module.startswith("awx.awx.")
    }
    job = next(task["awx.awx.job_template"] for task in play["tasks"] if "awx.awx.job_template" in task)
    assert {job["project"], job["inventory"], *job["credentials"]} <= set(made)
    (schedule,) = (task["awx.awx.schedule"] for task in play["tasks"] if "awx.awx.schedule" in task)
    assert schedule["unified_job_template"] == job["name"]
    secret = next(task for task in play["tasks"] if "awx.awx.credential" in task)
    assert secret["no_log"] is True
    assert job["allow_simultaneous"] is False


def outcome_step(name: str) -> str:
    """The line that makes a status out of the outcome, as a shell gets it."""
    if name == "gitlab-ci.yml":
        return str(load(EXAMPLES / name)["rotate"]["script"][-1])
    return str(load(EXAMPLES / name)["jobs"]["rotate"]["steps"][-1]["run"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gitlab-ci.yml", {0: 0, 75: 75, 1: 1}), ("github-actions.yml", {0: 0, 75: 0, 1: 1})],
)
def test_a_pipeline_tells_waiting_from_failing(tmp_path: pathlib.Path, name: str, expected: dict[int, int]) -> None:
    step = outcome_step(name).replace(".venv/bin/python", sys.executable)
    found = {}
    for status in expected:
        (tmp_path / "outcome.json").write_text(json.dumps({"exit_status": status}))
        finished = subprocess.run(
            ["bash", "-e", "-c", step], cwd=tmp_path, env={"RUNNER_TEMP": str(tmp_path)}, check=False, timeout=30
        )
        found[status] = finished.returncode
    assert found == expected
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert "playbooks/rotate.yml" in text and "apns_certificate_outcome_path" in text
    assert not re.search(r"(--extra-vars|echo)[^\n]*VAULT_PASSWORD", text), "no secret in arguments"


def test_gitlab_waits_without_failing_and_never_runs_two() -> None:
    job = load(EXAMPLES / "gitlab-ci.yml")["rotate"]
    assert job["allow_failure"]["exit_codes"] == [75] and job["resource_group"] and job["interruptible"] is False
