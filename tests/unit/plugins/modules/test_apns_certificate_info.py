# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible calls it: arguments in, one JSON document out, nothing changed."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.pushops.securemail.plugins.module_utils.apple import apns
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.modules import apns_certificate_info
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    KEY_PASSPHRASE,
    Bench,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import BUNDLE_ID, NOW

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def bench(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, monkeypatch)
    made.run()
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def ask(**arguments: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"now": NOW.isoformat(), **arguments}), pytest.raises(SystemExit):
            apns_certificate_info.main()
        out, err = capsys.readouterr()
        assert KEY_PASSPHRASE not in out + err
        return {key: value for key, value in json.loads(out).items() if key != "invocation"}

    return ask


def test_it_returns_what_it_documents(bench: Bench, run: Run) -> None:
    documented = yaml.safe_load(apns_certificate_info.RETURN)
    certificate = str(bench.version() / "certificate.pem")
    result = run(path=str(bench.path), files=[certificate])
    assert set(result) == {"changed", *documented} - {"remedy"} and not result["changed"]
    bundle = result["bundles"][0]
    assert set(bundle) == set(documented["bundles"]["contains"])
    assert set(bundle["versions"][0]) == set(documented["bundles"]["contains"]["versions"]["contains"])
    assert set(result["files"][0]) == set(documented["files"]["contains"])
    assert (bundle["must_act"], result["files"][0]["decision"]["reason"]) == ("nobody", "valid")


def test_the_documented_samples_are_possible() -> None:
    documented = yaml.safe_load(apns_certificate_info.RETURN)["bundles"]["contains"]
    assert documented["must_act"]["sample"] == documented["gate"]["sample"] == "portal"
    assert documented["decision"]["contains"]["reason"]["sample"] == "superseded"


def test_the_proof_needs_a_passphrase_and_asks_with_it(bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def prove(_apns: apns.Apns, identity: t.Any, topic: str) -> Proof:
        asked.append((identity.passphrase, topic))
        return Proof("accepted", "yes")

    monkeypatch.setattr(apns.Apns, "prove", prove)
    refused = run(path=str(bench.path), proof={})
    assert refused["failed"] and "key_passphrase" in refused["msg"] and asked == []
    result = run(path=str(bench.path), proof={}, key_passphrase=KEY_PASSPHRASE)
    assert result["bundles"][0]["proof"] == {"reason": "accepted", "sentence": "yes"}
    assert asked == [(KEY_PASSPHRASE, BUNDLE_ID)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "one of the following is required: path, files"),
        ({"path": "/nowhere"}, "path is '/nowhere'"),
        ({"path": "/tmp", "now": "tomorrow"}, "now is 'tomorrow'"),
        ({"path": "/tmp", "renew_before_days": 0}, "renew_before_days is 0"),
        ({"path": "/tmp", "bundle_ids": ["*"]}, "bundle_ids[0] is '*'"),
        ({"path": "/tmp", "proof": {"port": 0}, "key_passphrase": "x"}, "proof.port is 0"),
        ({"files": ["/tmp"], "bundle_ids": [BUNDLE_ID]}, "bundle_ids"),
    ],
)
def test_what_cannot_be_right_is_named(run: Run, arguments: dict[str, t.Any], words: str) -> None:
    result = run(**arguments)
    assert result["failed"] and words in result["msg"]


def test_without_cryptography_or_httpx_it_says_what_to_install(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apns_certificate_info, "HTTPX_IMPORT_ERROR", "ImportError: no module")
    assert not run(path=str(bench.path)).get("failed"), "it is needed for the proof alone"
    assert "httpx[http2]" in run(path=str(bench.path), proof={}, key_passphrase=KEY_PASSPHRASE)["msg"]
    monkeypatch.setattr(apns_certificate_info, "CRYPTOGRAPHY_IMPORT_ERROR", "ImportError: no module")
    assert "cryptography >= 44" in run(path=str(bench.path))["msg"]
