# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible calls it: arguments in, one JSON document out, real site commands at both gates."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.plugins.modules import apns_certificate
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca

SECRETS = ("canary-key-passphrase", "canary-pkcs12-passphrase")
PORTAL = "import json; password = input(); print(json.dumps({'customer_id': 'contoso-7Q2M4'}))"
LEAKY = "import sys; sys.stderr.write('refused: ' + input()); sys.exit(1)"


class Task:
    """One task in a folder, with the test authority as signing command."""

    def __init__(self, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = tmp_path / "store"
        self._capsys = capsys
        key = tmp_path / "ca-key.pem"
        key.write_bytes(
            push_ca.new_private_key().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.signing = [sys.executable, str(push_ca.__file__), str(key), "{csr}", "{certificate}"]

    def run(self, check: bool = False, **changed: t.Any) -> dict[str, t.Any]:
        arguments = {
            "path": str(self.path),
            "bundle_id": push_ca.BUNDLE_ID,
            "region": "emea",
            "customer_id": "contoso-7Q2M4",
            "key_passphrase": SECRETS[0],
            "pkcs12_passphrase": SECRETS[1],
            "email": "postmaster@contoso.com",
            "common_name": "Secure Mail push EMEA",
            "signing_command": self.signing,
            "portal_command": [sys.executable, "-c", PORTAL, "{pkcs12}"],
            "now": push_ca.NOW.isoformat(),
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **changed,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            apns_certificate.main()
        out, err = self._capsys.readouterr()
        shown = {key: value for key, value in json.loads(out).items() if key != "invocation"}
        assert not any(secret in out + err for secret in SECRETS), "a secret came out"
        return shown


@pytest.fixture
def task(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Task:
    return Task(tmp_path, capsys)


def test_present_changed_and_idempotent_in_check_and_real(task: Task) -> None:
    predicted = task.run(check=True)
    assert predicted["changed"] and not task.path.exists()
    applied = task.run()
    assert applied["diff"] == predicted["diff"] and applied["stage"] == "in-service"
    for check in (False, True):
        assert not task.run(check=check)["changed"]


def test_it_returns_what_it_documents(task: Task) -> None:
    documented = yaml.safe_load(apns_certificate.RETURN)
    result = task.run(signing_command=[])
    assert set(result) - {"changed", "diff"} == set(documented) - {"remedy"}
    assert set(result["gate"]) == set(documented["gate"]["contains"])
    assert set(result["paths"]) == set(documented["paths"]["sample"])
    in_service = task.run()
    for name in ("certificate", "decision"):
        assert set(in_service[name]) == set(documented[name]["contains"])
    assert set(in_service["changes"][0]) == set(documented["changes"]["contains"])
    assert in_service["certificate"]["bundle_id"] == documented["certificate"]["contains"]["bundle_id"]["sample"]


def test_a_gate_that_waits_is_no_failure(task: Task) -> None:
    result = task.run(signing_command=[])
    assert result["gate"]["name"] == "signing" and "failed" not in result
    assert os.path.exists(result["gate"]["instructions"])


def test_a_failing_command_fails_the_task_with_a_remedy_and_without_the_password(task: Task) -> None:
    result = task.run(portal_command=[sys.executable, "-c", LEAKY, "{pkcs12}"])
    assert result["failed"] and result["remedy"] and "refused: REDACTED" in result["msg"]
    assert task.run()["stage"] == "in-service", "the next run carries on"


def test_absent_is_no_state(task: Task) -> None:
    assert "present" in task.run(state="absent")["msg"] and not task.path.exists()


def test_without_cryptography_it_says_what_to_install(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apns_certificate, "CRYPTOGRAPHY_IMPORT_ERROR", "ImportError: no module")
    result = task.run()
    assert result["failed"] and "cryptography >= 44" in result["msg"]
