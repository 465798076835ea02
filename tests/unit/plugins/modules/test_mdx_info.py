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

from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx import contradictions, errors
from ansible_collections.pushops.securemail.plugins.modules import mdx_info
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx import packages
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.core.mdx.packages import (
    BUNDLE_ID,
    DAY,
    NOW,
    ipa,
    mdx,
    written,
)

Run = t.Callable[..., dict[str, t.Any]]
DOCUMENTED = yaml.safe_load(mdx_info.RETURN)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def ask(**arguments: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"now": NOW.isoformat(), **arguments}), pytest.raises(SystemExit):
            mdx_info.main()
        return {key: value for key, value in json.loads(capsys.readouterr().out).items() if key != "invocation"}

    return ask


def _same_keys(found: dict[str, t.Any], documented: dict[str, t.Any]) -> None:
    assert set(found) == set(documented)
    for key, description in documented.items():
        inner = found[key][0] if isinstance(found[key], list) and found[key] else found[key]
        if "contains" in description:
            _same_keys(inner, description["contains"])


def test_it_returns_what_it_documents(tmp_path: pathlib.Path, run: Run) -> None:
    sandbox = packages.profile(Entitlements={"aps-environment": "development"})
    result = run(path=written(tmp_path, mdx(ipa(embedded=sandbox))), bundle_id=BUNDLE_ID)
    assert result.pop("changed") is False
    _same_keys(result, {key: value for key, value in DOCUMENTED.items() if key not in ("reason", "remedy")})
    sample = {key: value["sample"] for key, value in DOCUMENTED["contradictions"]["contains"].items()}
    assert result["contradictions"] == [sample]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (errors, DOCUMENTED["reason"]["description"][0]),
        (contradictions, DOCUMENTED["contradictions"]["contains"]["reason"]["description"][0]),
    ],
)
def test_every_reason_is_documented(module: t.Any, text: str) -> None:
    codes = [
        value for name, value in vars(module).items() if name.isupper() and isinstance(value, str) and "-" in value
    ]
    assert codes and all(f"V({code})" in text for code in codes)


def test_it_looks_ahead(tmp_path: pathlib.Path, run: Run) -> None:
    path = written(tmp_path, mdx())
    assert run(path=path)["contradictions"] == []
    later = run(path=path, now=(NOW + 400 * DAY).isoformat())["contradictions"]
    assert [one["reason"] for one in later] == ["profile-expired", "signing-certificate-expired"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"path": "/nowhere.mdx"}, "There is no file /nowhere.mdx"),
        ({"path": "/tmp", "now": "tomorrow"}, "now is 'tomorrow'"),
        ({"path": "/tmp", "renew_before_days": 0}, "renew_before_days is 0"),
        ({"path": "/tmp", "bundle_id": "com.contoso.*"}, "bundle_id is 'com.contoso.*'"),
    ],
)
def test_what_cannot_be_right_is_named(run: Run, arguments: dict[str, t.Any], words: str) -> None:
    result = run(**arguments)
    assert result["failed"] and words in result["msg"] and result["remedy"]


def test_why_a_file_cannot_be_read_is_a_code(tmp_path: pathlib.Path, run: Run) -> None:
    result = run(path=written(tmp_path, b"<html>"))
    assert (result["failed"], result["reason"]) == (True, "not-a-zip")


def test_without_cryptography_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdx_info, "CRYPTOGRAPHY_IMPORT_ERROR", "ImportError: no module")
    assert "cryptography >= 44" in run(path="/nowhere.mdx")["msg"]
