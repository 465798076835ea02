# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics and alert rules before Prometheus' own judge: promtool reads what the module writes, and runs the rules."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.pushops.securemail.tests.integration.certificate_site import CertificateSite
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, ROOT, Ansible

RULES = ROOT / "roles" / "apns_certificate" / "files" / "apns-certificate.rules.yml"
BUNDLE = 'bundle_id="com.contoso.securemail"'
DAY, HOURS = 86400, 1000
FOREVER = 10**9
#: An estate in which nothing is to be done: series -> value every hour, from the epoch on.
SOUND = {
    f"pushops_rotation_last_success_timestamp_seconds{{{BUNDLE}}}": f"0+3600x{HOURS}",
    f"pushops_apns_renewal_due_timestamp_seconds{{{BUNDLE}}}": f"{FOREVER}x{HOURS}",
    f"pushops_apns_in_service_not_after_timestamp_seconds{{{BUNDLE}}}": f"{FOREVER}x{HOURS}",
    f"pushops_apns_serves{{{BUNDLE}}}": f"1x{HOURS}",
    f"pushops_apns_issued_version{{{BUNDLE}}}": f"1x{HOURS}",
    f"pushops_apns_in_service_version{{{BUNDLE}}}": f"1x{HOURS}",
    f"pushops_apns_in_use_version{{{BUNDLE}}}": f"1x{HOURS}",
    f'pushops_apns_gate_waiting_since_timestamp_seconds{{{BUNDLE},gate="portal"}}': f"0x{HOURS}",
}


def promtool(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    own = ROOT / ".cache" / "promtool" / "promtool"
    program = str(own) if own.exists() else shutil.which("promtool")
    assert program, "promtool is missing: run make .cache/promtool/promtool"
    return subprocess.run([program, *words], input=stdin, capture_output=True, timeout=60, check=False)


def test_promtool_reads_the_metrics_that_the_module_writes(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    site = CertificateSite.create(tmp_path / "site")
    metrics = tmp_path / "apns.prom"
    predicted, done, again = ansible.play(
        CONTROLLER,
        *(
            site.task(check=check, metrics_path=str(metrics), **site.commands(), common_name='Odd "name" \\ here')
            for check in (True, False, False)
        ),
    ).tasks
    assert (predicted.changed, done.changed, again.changed) == (True, True, False)
    content = metrics.read_bytes()
    judged = promtool("check", "metrics", stdin=content)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, b"", b"")
    broken = promtool("check", "metrics", stdin=content.replace(b'"} ', b"} ", 1))
    assert broken.returncode != 0, "it judges nothing"


def test_the_rules_are_rules() -> None:
    judged = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert judged.returncode == 0, judged.stderr.decode()


def test_the_rules_know_only_metrics_that_are_written() -> None:
    asked = set(re.findall(r"\b(?:pushops|x509)_\w+", RULES.read_text()))
    assert asked == {series.partition("{")[0] for series in SOUND}


def series(name: str, labels: str = "") -> str:
    return f"{name}{{{BUNDLE}{labels}}}"


ISSUED, SERVING = series("pushops_apns_issued_version"), series("pushops_apns_in_service_version")
DUE, ENDS = (series(f"pushops_apns_{what}_timestamp_seconds") for what in ("renewal_due", "in_service_not_after"))
IN_USE = series("pushops_apns_in_use_version")
GATE = series("pushops_apns_gate_waiting_since_timestamp_seconds", ',gate="portal"')

#: A renewal as it goes by itself: due on day 10, a person answers the gate three days later.
RENEWED = {
    DUE: f"{10 * DAY}x312 {FOREVER}x700",
    ENDS: f"{40 * DAY}x312 {FOREVER}x700",
    GATE: f"0x239 {10 * DAY}x72 0x700",
    ISSUED: "1x239 2x800",
    SERVING: "1x312 2x700",
    IN_USE: "1x360 2x700",
}

#: What goes wrong -> alert, last hour of silence, first hour of alarm.
FAULTS: dict[str, tuple[dict[str, str], str, int, int]] = {
    "the scheduler stands still": (
        {series("pushops_rotation_last_success_timestamp_seconds"): f"0x{HOURS}"},
        "ApnsRotationMissing",
        72,
        74,
    ),
    "nobody renews": ({DUE: f"{DAY}x{HOURS}", ENDS: f"{31 * DAY}x{HOURS}"}, "ApnsRenewalOverdue", 8 * 24, 8 * 24 + 2),
    "nobody answers the gate": ({GATE: f"{DAY}x{HOURS}"}, "ApnsGateWaiting", 6 * 24, 6 * 24 + 2),
    "the issued one stays outside": ({ISSUED: f"2x{HOURS}"}, "ApnsIssuedNotInService", 119, 121),
    "the listener keeps the old one": ({IN_USE: f"0x{HOURS}"}, "ApnsInServiceNotInUse", 71, 73),
    "the end is near": ({ENDS: f"{10 * DAY}x{HOURS}"}, "ApnsCertificateEnds", 3 * 24, 3 * 24 + 2),
    "it has ended": ({ENDS: f"{10 * DAY}x{HOURS}"}, "ApnsCertificateEnds", 1, 20 * 24),
    "it does not serve": ({series("pushops_apns_serves"): f"0x{HOURS}"}, "ApnsCertificateDoesNotServe", 0, 2),
}


def rules() -> dict[str, dict[str, t.Any]]:
    return {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}


def filled_in(template: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], template)


def judge(tmp_path: pathlib.Path, given: dict[str, str], expected: dict[tuple[str, int], bool]) -> str:
    """Run the rules over series; what promtool holds against the expectation (alert, hour) -> whether it fires."""
    tests = []
    for (alert, hour), fires in expected.items():
        rule = rules()[alert]
        labels = {"bundle_id": "com.contoso.securemail", **({"gate": "portal"} if "Gate" in alert else {})}
        annotations = {name: filled_in(text, labels) for name, text in rule["annotations"].items()}
        alarm = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": annotations}
        tests.append({"eval_time": f"{hour}h", "alertname": alert, "exp_alerts": [alarm] if fires else []})
    inputs = [{"series": name, "values": values} for name, values in {**SOUND, **given}.items()]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1h",
        "tests": [{"interval": "1h", "input_series": inputs, "alert_rule_test": tests}],
    }
    path = tmp_path / "rules.test.yml"
    path.write_text(yaml.safe_dump(document))
    judged = promtool("test", "rules", str(path))
    return "" if judged.returncode == 0 else (judged.stdout + judged.stderr).decode()


@pytest.mark.parametrize("given", [{}, RENEWED], ids=["nothing is due", "renewed in time"])
def test_nobody_is_called_while_the_renewal_does_its_part(tmp_path: pathlib.Path, given: dict[str, str]) -> None:
    hours = (1, 200, 239, 245, 300, 311, 313, 320, 600, 900)
    assert judge(tmp_path, given, {(alert, hour): False for alert in rules() for hour in hours}) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_calls_once_it_is_sure(tmp_path: pathlib.Path, fault: str) -> None:
    given, alert, silent, alarm = FAULTS[fault]
    assert judge(tmp_path, given, {(alert, silent): False, (alert, alarm): True}) == ""


def test_every_rule_has_its_fault_and_the_judge_can_say_no(tmp_path: pathlib.Path) -> None:
    assert {alert for _given, alert, _silent, _alarm in FAULTS.values()} == set(rules())
    assert "FAILED" in judge(tmp_path, {}, {("ApnsCertificateEnds", 100): True})
