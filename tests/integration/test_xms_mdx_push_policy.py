# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""xms_mdx_push_policy as users run it: ansible-playbook against the lab's XenMobile Server."""

from __future__ import annotations

import copy
import pathlib
import socket
import typing as t
from dataclasses import dataclass

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Inventory, Run
from securemail_lab.lab import Lab
from securemail_lab.state import JsonFile
from securemail_lab.xms.seed import LOGIN, MDX, seed

_CONTROLLER = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
LOCAL: Inventory = {"all": {"hosts": {"localhost": _CONTROLLER}}}
ABSENT = {"state": "absent", "region": None, "customer_id": None}
BEFORE = {
    "Network access": "Unrestricted",
    "Push notifications": "false",
    "Push notifications region": "Americas",
    "Push notifications customer ID": "",
}
AFTER = {
    "Network access": "Tunneled to the internal network",
    "Push notifications": "true",
    "Push notifications region": "EMEA",
    "Push notifications customer ID": "contoso-7Q2M4",
}


@dataclass(frozen=True)
class Xms:
    """The lab's server, and the module's task against it."""

    lab: Lab
    ansible: Ansible

    @property
    def apps(self) -> list[dict[str, t.Any]]:
        found: list[dict[str, t.Any]] = self.file("apps").read()["apps"]
        return found

    def file(self, name: str) -> JsonFile:
        return JsonFile(self.lab.state("xms") / f"{name}.json")

    def labels(self) -> dict[str, str]:
        """The push policies of Secure Mail on iOS as the console shows them."""
        shown = {}
        for policy in self.apps[-1]["ios"]["policies"]:
            words = {choice["id"]: choice["label"] for choice in policy["enumValues"]}
            shown[policy["title"]] = words.get(policy["policyValue"], policy["policyValue"])
        return {title: shown[title] for title in BEFORE}

    def run(self, *, check: bool = False, diff: bool = False, verbosity: int = 0, **changed: t.Any) -> Run:
        arguments = {
            "url": f"https://{self.lab.address('xms')}:{self.lab.port('xms')}",
            "username": LOGIN,
            "password": self.lab.secret("xms"),
            "ca_path": str(self.lab.ca_path),
            "platforms": [{"name": "ios", "mdx_path": str(self.lab.state("xms") / MDX)}],
            "region": "EMEA",
            "customer_id": "contoso-7Q2M4",
            "timeout": 5,
            **changed,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        task = {
            "name": "Push",
            "pushops.securemail.xms_mdx_push_policy": given,
            "environment": {"no_proxy": "*"},
        }
        done = self.ansible.play(LOCAL, task, check=check, diff=diff, verbosity=verbosity)
        assert "canary" not in done.output
        return done

    def changes(self, **arguments: t.Any) -> bool:
        done = self.run(**arguments)
        assert done.status == 0, done.output
        return done.result("Push").changed


@pytest.fixture
def xms(tmp_path: pathlib.Path, ansible: Ansible) -> t.Iterator[Xms]:
    lab = running_lab.create(tmp_path / "lab", "xms")
    seed(lab)
    with running_lab.serving(lab, "xms"):
        yield Xms(lab, ansible)


def test_present_changed_and_idempotent_in_check_and_real(xms: Xms) -> None:
    predicted = xms.run(check=True, diff=True)
    assert predicted.result("Push").changed and xms.labels() == BEFORE
    applied = xms.run(diff=True)
    assert applied.status == 0 and xms.labels() == AFTER
    assert applied.result("Push")["diff"] == predicted.result("Push")["diff"]
    assert applied.result("Push")["diff"]["before"] == BEFORE and applied.result("Push")["diff"]["after"] == AFTER
    for done in (predicted, applied):
        assert '-    "Push notifications region": "Americas"' in done.stdout
        assert '+    "Push notifications region": "EMEA"' in done.stdout
    stored = copy.deepcopy(xms.apps)
    assert not xms.changes() and not xms.changes(check=True)
    assert xms.apps == stored, "a run without a change wrote something"


def test_absent_changed_and_idempotent_in_check_and_real(xms: Xms) -> None:
    assert not xms.changes(**ABSENT, check=True) and not xms.changes(**ABSENT), "push is off on a fresh server"
    xms.changes()
    assert xms.changes(**ABSENT, check=True) and xms.labels() == AFTER
    assert xms.changes(**ABSENT) and xms.labels() == {**AFTER, "Push notifications": "false"}
    assert not xms.changes(**ABSENT) and not xms.changes(**ABSENT, check=True)


def test_drift_is_mended_and_nothing_else_touched(xms: Xms) -> None:
    xms.changes()
    expected = copy.deepcopy(xms.apps)
    with xms.file("apps").edit() as document:
        for policy in document["apps"][-1]["ios"]["policies"]:
            if policy["title"] == "Push notifications region":
                policy["policyValue"] = "AP_SOUTH_EAST"
    (change,) = xms.run().result("Push")["changes"]
    assert (change["before"], change["after"], change["link"]) == ("APAC", "EMEA", "xms-policies")
    after = xms.apps
    for app in (expected[-1], after[-1]):
        del app["lastModificationDate"]
    assert after == expected


def test_a_session_that_expires_in_between_is_opened_again(xms: Xms) -> None:
    xms.file("faults").write({"expire_sessions": True})
    assert xms.changes() and xms.labels() == AFTER


def test_a_session_that_never_lasts_is_an_error(xms: Xms) -> None:
    timeout = {"xms.publicapi.timeout.type": "STATIC_TIMEOUT", "xms.publicapi.static.timeout": "0"}
    xms.file("server").write({"generation": "2021", "properties": timeout})
    _fails(xms, "got 401", "Public API access")


def test_neither_password_nor_token_is_shown_at_the_highest_verbosity(xms: Xms) -> None:
    done = xms.run(diff=True, verbosity=4)
    assert done.status == 0 and done.result("Push").changed
    assert "auth_token" not in done.output.lower(), "the session is nobody's business"


# --- bad input: one clear error, nothing changed, exit code not 0, no traceback, no secret


def _fails(xms: Xms, said: str, remedy: str, **changed: t.Any) -> None:
    before = copy.deepcopy(xms.apps)
    done = xms.run(**changed)
    assert done.status != 0 and xms.apps == before
    assert done.recap["localhost"]["failures"] == 1 and done.recap["localhost"]["changed"] == 0
    message = done.result("Push")["msg"]
    assert said in message and remedy in message and "\n" not in message
    assert remedy in done.result("Push")["remedy"]
    assert "Traceback" not in done.output


def test_a_server_that_is_not_there(xms: Xms) -> None:
    with socket.socket() as closed:
        closed.bind((xms.lab.address("xms"), 0))
        url = f"https://{xms.lab.address('xms')}:{closed.getsockname()[1]}"
        _fails(xms, "brought no answer", "Check the address", url=url)


def test_a_name_that_nobody_knows(xms: Xms) -> None:
    _fails(xms, "xms.invalid", "Check the address", url="https://xms.invalid:4443")


def test_a_wrong_password(xms: Xms) -> None:
    _fails(xms, "The login as svc-pushops was refused", "Check user and password", password="canary-wrong")


def test_a_role_without_the_permission(xms: Xms) -> None:
    with xms.file("users").edit() as document:
        document["users"][LOGIN]["role"] = "helpdesk"
    _fails(xms, "got 403", "Public API access")


def test_a_certificate_of_an_authority_that_is_not_trusted(xms: Xms) -> None:
    _fails(xms, "certificate is not trusted", "ca_path", ca_path=None)


def test_an_authority_file_that_is_not_there(xms: Xms) -> None:
    _fails(xms, "ca_path is '/nowhere/ca.pem'", "authority", ca_path="/nowhere/ca.pem")


@pytest.mark.parametrize(
    ("fault", "said", "remedy"),
    [
        ({"html": True}, "Expected JSON", "portal or proxy"),
        ({"down": True}, "got HTTP 503", "busy or restarting"),
        ({"status": 7, "message": "Database is locked"}, "status 7, message 'Database is locked'", "server's log"),
    ],
    ids=["html", "down", "status"],
)
def test_a_server_that_is_not_itself(xms: Xms, fault: dict[str, t.Any], said: str, remedy: str) -> None:
    xms.file("faults").write(fault)
    _fails(xms, said, remedy)


def test_an_app_that_is_not_there(xms: Xms) -> None:
    _fails(xms, "one MDX app named 'Secure Post' on the server, found 0", "Correct app", app="Secure Post")


def test_two_apps_of_one_name(xms: Xms) -> None:
    with xms.file("apps").edit() as document:
        document["apps"].append({**document["apps"][-1], "id": 9})
    _fails(xms, "id 4 (MDX), id 9 (MDX)", "a name of its own")


def test_a_policy_title_that_is_not_there(xms: Xms) -> None:
    with xms.file("apps").edit() as document:
        for policy in document["apps"][-1]["ios"]["policies"]:
            policy["title"] = policy["title"].replace("Push notifications region", "Region der Push-Dienste")
    _fails(xms, "'Region der Push-Dienste'", "policy_names")
    assert xms.changes(policy_names={"Push notifications region": "PushNotificationsServiceHostname"})


def test_an_mdx_that_is_none(xms: Xms) -> None:
    _fails(
        xms, "is no .mdx", "was uploaded to the server", platforms=[{"name": "ios", "mdx_path": str(xms.lab.ca_path)}]
    )


def test_no_mdx(xms: Xms) -> None:
    _fails(xms, "whose ids the server does not list", "mdx_path", platforms=None)


def test_a_value_that_is_longer_than_the_server_takes(xms: Xms) -> None:
    with xms.file("server").edit() as settings:
        settings["longest_value"] = 64
    before = copy.deepcopy(xms.apps)
    refused = xms.run(customer_id="c" * 65)
    message = refused.result("Push")["msg"]
    assert refused.status != 0 and xms.apps == before, "half of it was taken"
    assert "longer than 64 characters" in message and "Correct the value" in message
    assert f"'Push notifications customer ID' to '{'c' * 40}...' (65 characters)" in message
    assert xms.changes(customer_id="c" * 64)


def test_an_api_that_takes_no_policies(xms: Xms) -> None:
    xms.file("server").write({"generation": "2016", "properties": {}})
    done = xms.run()
    assert done.status != 0 and xms.labels() == BEFORE
    assert "left every policy as it was" in done.result("Push")["msg"]
