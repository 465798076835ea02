# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""xms_mdx_app and xms_push_info as Ansible calls them: arguments in, one JSON document out, a server in memory."""

from __future__ import annotations

import copy
import hashlib
import json
import pathlib
import types
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.pushops.securemail.plugins.modules import xms_mdx_app, xms_push_info
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import (
    BUNDLE_ID,
    LABELS,
    app_package,
    mdx_bytes,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    PASSWORD,
    URL,
    USER,
    FakeXms,
    app,
    platform,
    push_policies,
)

Result = dict[str, t.Any]
TYPES = {"str": str, "int": int, "bool": bool, "dict": dict, "list": list}


class Task:
    """One task against one server."""

    def __init__(self, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.fake = FakeXms()
        self.mdx = folder / "SecureMail.mdx"
        self.mdx.write_bytes(app_package("10.8.70", push_policies()))
        self.labels = folder / "Labels.mdx"
        self.labels.write_bytes(mdx_bytes(LABELS))
        self._capsys = capsys

    def run(self, module: types.ModuleType, check: bool = False, **arguments: t.Any) -> Result:
        given = {"url": URL, "username": USER, "password": PASSWORD, "_ansible_check_mode": check, **arguments}
        given = {name: value for name, value in given.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit) as left:
            module.main()
        out, err = self._capsys.readouterr()
        result: Result = json.loads(out)
        assert bool(left.value.code) == bool(result.get("failed"))
        assert "canary" not in out + err and "Traceback" not in out + err
        assert not self.fake.tokens, "a session was left open"
        return {key: value for key, value in result.items() if key != "invocation"}

    def app(self, check: bool = False, **arguments: t.Any) -> Result:
        return self.run(xms_mdx_app, check, **{"mdx_path": str(self.mdx), "bundle_id": BUNDLE_ID, **arguments})

    def info(self, **arguments: t.Any) -> Result:
        result = self.run(xms_push_info, **arguments)
        assert not any(line.startswith(("PUT", "DELETE")) for line in self.fake.lines)
        return result


@pytest.fixture
def task(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    made = Task(tmp_path, capsys)
    for module in (xms_mdx_app, xms_push_info):
        monkeypatch.setattr(module, "HttpsTransport", lambda *arguments: made.fake)
    return made


@pytest.mark.parametrize("module", [xms_mdx_app, xms_push_info])
def test_documentation_and_arguments_agree(task: Task, module: types.ModuleType) -> None:
    documented = set(yaml.safe_load(module.DOCUMENTATION)["options"])
    needed = {"mdx_path": "x"} if "mdx_path" in documented else {}
    message = str(task.run(module, unheard_of=1, **needed)["msg"])
    assert documented <= set(module.ARGUMENTS) and all(name in message for name in documented)


@pytest.mark.parametrize("module", [xms_mdx_app, xms_push_info])
@pytest.mark.parametrize("form", [{"login": "cloud"}, {"login": "cwc"}, {"password": None}])
def test_a_login_without_its_secret_is_refused_before_anything_connects(
    task: Task, module: types.ModuleType, form: Result
) -> None:
    assert "is local" in str(task.run(module, **form)["msg"]) or "login is" in str(task.run(module, **form)["msg"])
    assert task.fake.lines == []


# --- xms_mdx_app


def test_present_changed_and_idempotent_in_check_and_real(task: Task) -> None:
    before = copy.deepcopy(task.fake.apps)
    predicted = task.app(check=True)
    assert predicted["changed"] and task.fake.apps == before and predicted["version"] == "10.8.65"
    applied = task.app()
    assert [applied[name] for name in ("changes", "diff")] == [predicted[name] for name in ("changes", "diff")]
    assert applied["sha256"] == hashlib.sha256(task.mdx.read_bytes()).hexdigest()
    for check in (False, True):
        again = task.app(check=check)
        assert not again["changed"] and again["version"] == "10.8.70" and again["sha256"] == ""


def test_absent_needs_the_id_that_the_info_module_shows(task: Task) -> None:
    gone: Result = {"state": "absent", "mdx_path": None}
    refused = task.app(**gone)
    assert refused["failed"] and "confirm_absent" in refused["msg"] and len(task.fake.apps) == 2
    (shown,) = task.info()["apps"]
    for check in (True, False):
        assert task.app(check=check, confirm_absent=shown["id"], **gone)["changed"]
    assert len(task.fake.apps) == 1
    assert not task.app(**gone)["changed"]


def test_the_app_module_returns_what_it_documents(task: Task) -> None:
    documented = yaml.safe_load(xms_mdx_app.RETURN)
    result = task.app()
    assert set(result) == set(documented) - {"remedy", "handoff"} | {"changed", "diff"}
    for name, about in documented.items():
        assert isinstance(about.get("sample", []), TYPES[about["type"]])
        assert name in ("remedy", "handoff") or isinstance(result[name], TYPES[about["type"]])
    assert set(documented["changes"]["contains"]) == set(result["changes"][0])
    task.mdx.write_bytes(app_package("10.8.1", push_policies()))
    assert task.app()["remedy"] == documented["remedy"]["sample"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mdx_path": "/nowhere/app.mdx"}, "no file /nowhere/app.mdx"),
        ({"bundle_id": "com.fabrikam.mail"}, "mdx_path is"),
        ({"platform": "android"}, "for android, not for ios"),
        ({"url": "http://xms.example.com:4443"}, "url is"),
    ],
)
def test_bad_input_is_refused_before_anything_connects(task: Task, changed: Result, said: str) -> None:
    result = task.app(**changed)
    assert result["failed"] and said in result["msg"] and result["remedy"] and task.fake.lines == []


# --- xms_push_info


def test_it_reads_in_five_requests(task: Task) -> None:
    task.info()
    assert task.fake.lines == [
        "POST /authentication/login",
        "POST /application/filter",
        "GET /application/mobile/4",
        "POST /deliverygroups/filter",
        "POST /authentication/logout",
    ]


def test_the_info_module_returns_what_it_documents(task: Task) -> None:
    documented = yaml.safe_load(xms_push_info.RETURN)
    result = task.info()
    assert set(result) == set(documented) - {"remedy"} | {"changed"} and not result["changed"]
    for name, about in documented.items():
        assert name == "remedy" or isinstance(result[name], TYPES[about["type"]])
    (found,) = result["apps"]
    assert set(found) == set(documented["apps"]["contains"])
    assert set(found["platforms"][0]) == set(documented["apps"]["contains"]["platforms"]["contains"])
    sample = {name: about["sample"] for name, about in documented["findings"]["contains"].items()}
    assert sample in result["findings"] and result["takes_policies"] == documented["takes_policies"]["sample"]
    assert documented["delivery_groups"]["sample"][0] in result["delivery_groups"]
    assert "remedy" in task.info(password="canary-wrong")


def test_labels_come_from_the_mdx_and_are_compared_with_the_environment(task: Task) -> None:
    found = task.info(mdx_paths={"ios": str(task.labels)}, region="EMEA", customer_id="contoso-7Q2M4")
    ios, android = found["apps"][0]["platforms"]
    assert ios["policies"]["Push notifications region"] == "Americas" and ios["version"] == "10.8.65"
    assert android["policies"]["Push notifications region"] == "use1"
    codes = [(finding["platform"], finding["code"]) for finding in found["findings"]]
    assert codes[:3] == [("ios", "push-off"), ("ios", "other-region"), ("ios", "other-customer")]


@pytest.mark.parametrize(
    ("apps", "codes"),
    [
        ([app(9, "Secure Web")], ["app-absent"]),
        ([app(9, "Secure Mail", "App Store App")], ["app-absent"]),
        ([app(8, "Secure Mail", ios=platform([])), app(9, "Secure Mail", ios=platform([]))], ["app-twice"]),
        ([{**app(9, "Secure Mail", ios=platform([])), "disabled": True}], ["app-disabled"]),
        ([{**app(9, "Secure Mail", ios=platform([])), "roles": []}], ["not-given-out"]),
    ],
)
def test_what_is_wrong_with_the_app_itself_is_a_finding(task: Task, apps: list[Result], codes: list[str]) -> None:
    task.fake.apps = apps
    assert [finding["code"] for finding in task.info()["findings"]] == codes


def test_groups_that_are_all_off_are_a_finding(task: Task) -> None:
    task.fake.groups.all[0]["disabled"] = True
    assert "groups-disabled" in [finding["code"] for finding in task.info()["findings"]]


def test_a_role_that_may_not_see_groups_still_learns_the_rest(task: Task) -> None:
    task.fake.answers = {3: (403, "<html>Forbidden</html>"), 6: (403, "<html>Forbidden</html>")}
    result = task.info()
    assert result["delivery_groups"] is None and len(result["apps"]) == 1


def test_every_app_and_the_older_form_of_the_answer(task: Task) -> None:
    task.fake.root_key = "result"
    result = task.info(app="")
    assert [found["name"] for found in result["apps"]] == ["Secure Web", "Secure Mail"]
    assert result["takes_policies"] == "unlikely"


def test_a_platform_that_nobody_knows_is_refused(task: Task) -> None:
    result = task.info(mdx_paths={"iphone": str(task.labels)})
    assert result["failed"] and "mdx_paths" in result["msg"] and task.fake.lines == []
