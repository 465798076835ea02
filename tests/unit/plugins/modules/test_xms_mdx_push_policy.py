# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible calls it: arguments in, one JSON document out, a server in memory behind the transport."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Unreachable
from ansible_collections.pushops.securemail.plugins.modules import xms_mdx_push_policy
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import (
    LABELS,
    mdx_bytes,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    APPLIED,
    DESIRED,
    PASSWORD,
    URL,
    USER,
    FakeXms,
)

Result = dict[str, t.Any]
TYPES = {"str": str, "int": int, "bool": bool, "dict": dict, "list": list}


class Task:
    """One task against one server."""

    def __init__(self, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.fake = FakeXms()
        self.mdx = folder / "SecureMail.mdx"
        self.mdx.write_bytes(mdx_bytes(LABELS))
        self._capsys = capsys

    def run(self, check: bool = False, **changed: t.Any) -> Result:
        arguments = {
            "url": URL,
            "username": USER,
            "password": PASSWORD,
            "region": "EMEA",
            "customer_id": "contoso-7Q2M4",
            "platforms": [{"name": "ios", "mdx_path": str(self.mdx)}],
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **changed,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit) as left:
            xms_mdx_push_policy.main()
        out, err = self._capsys.readouterr()
        result: Result = json.loads(out)
        assert bool(left.value.code) == bool(result.get("failed"))
        assert "canary" not in out + err and "Traceback" not in out + err
        return {key: value for key, value in result.items() if key != "invocation"}

    def fails(self, **changed: t.Any) -> str:
        """The message of a run that changes nothing and says what to do."""
        before = copy.deepcopy(self.fake.apps)
        result = self.run(**changed)
        assert result["failed"] and result["remedy"] and self.fake.apps == before
        return str(result["msg"])


@pytest.fixture
def task(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    made = Task(tmp_path, capsys)
    monkeypatch.setattr(xms_mdx_push_policy, "HttpsTransport", lambda *arguments: made.fake)
    return made


def test_present_changed_and_idempotent_in_check_and_real(task: Task) -> None:
    predicted = task.run(check=True)
    assert predicted["changed"] and task.fake.policies()["Push notifications"] == "false"
    applied = task.run()
    for name in ("changed", "changes", "diff"):
        assert applied[name] == predicted[name]
    assert applied["diff"]["after"] == DESIRED and applied["policies"] == {"ios": APPLIED} and applied["app_id"] == 4
    for check in (False, True):
        again = task.run(check=check)
        assert not again["changed"] and again["changes"] == [] and again["policies"] == {"ios": APPLIED}
    assert not task.fake.tokens, "a session was left open"


def test_absent_changed_and_idempotent_in_check_and_real(task: Task) -> None:
    task.run()
    gone: Result = {"state": "absent", "region": None, "customer_id": None, "platforms": None}
    predicted = task.run(check=True, **gone)
    assert predicted["changed"] and task.fake.policies()["Push notifications"] == "true"
    applied = task.run(**gone)
    assert applied["diff"] == predicted["diff"] and applied["policies"] == {"ios": {"Push notifications": "false"}}
    assert task.fake.policies()["Push notifications region"] == "euw1", "absent touched another policy"
    for check in (False, True):
        assert not task.run(check=check, **gone)["changed"]


@pytest.mark.parametrize(
    ("option", "value", "title", "stored"),
    [
        ("network_access", "Unrestricted", "Network access", "na-0"),
        ("push_notifications", False, "Push notifications", "false"),
        ("region", "APAC", "Push notifications region", "aps1"),
        ("customer_id", "contoso-OTHER", "Push notifications customer ID", "contoso-OTHER"),
    ],
)
def test_one_option_changes_one_policy(task: Task, option: str, value: t.Any, title: str, stored: str) -> None:
    task.run()
    result = task.run(**{option: value})
    assert [change["name"] for change in result["changes"]] == [title]
    assert task.fake.policies()[title] == stored
    assert not task.run(**{option: value})["changed"]


def test_it_returns_what_it_documents(task: Task) -> None:
    documented = yaml.safe_load(xms_mdx_push_policy.RETURN)
    result = task.run()
    assert set(result) == set(documented) - {"remedy", "handoff"} | {"changed", "diff"}
    for name, about in documented.items():
        assert isinstance(about.get("sample", []), TYPES[about["type"]])
        assert name in ("remedy", "handoff") or isinstance(result[name], TYPES[about["type"]])
    assert result["app_id"] == documented["app_id"]["sample"]
    assert documented["policies"]["sample"]["ios"].items() <= result["policies"]["ios"].items()
    sample = {name: about["sample"] for name, about in documented["changes"]["contains"].items()}
    assert sample in result["changes"]
    assert task.fails(app="Nobody").endswith(f"{documented['remedy']['sample']}.")


def test_its_documentation_and_its_arguments_agree(task: Task) -> None:
    documented = set(yaml.safe_load(xms_mdx_push_policy.DOCUMENTATION)["options"])
    assert "platforms" in documented
    message = str(task.run(unheard_of=1)["msg"])
    assert all(name in message for name in documented)


@pytest.mark.parametrize(
    "changed", [{"region": None}, {"customer_id": None}, {"region": "Mars"}, {"platforms": [{"name": "../4"}]}]
)
def test_what_is_missing_or_no_choice_is_refused_before_anything_connects(task: Task, changed: Result) -> None:
    assert task.run(**changed)["failed"]
    assert task.fake.lines == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "http://xms.example.com:4443"}, "url is"),
        ({"customer_id": "two words"}, "customer_id is 'two words'"),
        ({"platforms": [{"name": "ios", "mdx_path": "/nowhere/app.mdx"}]}, "no file /nowhere/app.mdx"),
        ({"policy_names": {"Region": "PnRegion"}}, "policy_names is ['Region']"),
    ],
)
def test_bad_input_is_refused_before_anything_connects(task: Task, changed: Result, said: str) -> None:
    assert said in task.fails(**changed)
    assert task.fake.lines == []


def test_the_servers_refusals_leave_through_one_door(task: Task) -> None:
    assert "HTTP 200" in task.fails(password="canary-wrong")
    assert "one MDX app named 'Nobody'" in task.fails(app="Nobody")
    task.fake.answers[len(task.fake.requests)] = Unreachable("POST https://x brought no answer", "Check the address")
    assert "brought no answer" in task.fails()
    task.fake.answers[len(task.fake.requests) + 1] = (200, "<html>")
    assert "Expected JSON" in task.fails()


def test_a_token_that_the_server_repeats_is_hidden(task: Task) -> None:
    number = len(task.fake.requests) + 1
    task.fake.answers[number] = (200, '{"status": 4, "message": "canary-token-1:half is busy"}')
    assert "REDACTED is busy" in task.fails()


def test_the_transport_gets_the_tasks_own_settings(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[t.Any] = []

    def make(*given: t.Any) -> FakeXms:
        got.append(given)
        return task.fake

    monkeypatch.setattr(xms_mdx_push_policy, "HttpsTransport", make)
    task.run(ca_path="/etc/ca.pem", validate_certs=False, timeout=7)
    assert got == [("/etc/ca.pem", False, 7, True)]
