# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app on the lab's XenMobile Server: playbooks/xms.yml, uploads and mishaps, against both API generations."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t
import zipfile
from dataclasses import dataclass

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.connect_proxy import ConnectProxy
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Inventory, Run
from securemail_lab.lab import BUNDLE_ID, Lab
from securemail_lab.state import JsonFile
from securemail_lab.xms import groups, mdx
from securemail_lab.xms.policies import SECURE_MAIL
from securemail_lab.xms.seed import LOGIN, MDX, seed

REGISTRATION = "eu-west-1.pushreg.xm.citrix.com:443"
OLD, NEW = "10.8.65", "10.8.70"


@dataclass(frozen=True)
class Estate:
    """The lab's server, and an environment that names it."""

    lab: Lab
    ansible: Ansible

    @property
    def url(self) -> str:
        return f"https://{self.lab.address('xms')}:{self.lab.port('xms')}"

    @property
    def mdx(self) -> pathlib.Path:
        return self.lab.state("xms") / MDX

    def file(self, name: str) -> JsonFile:
        return JsonFile(self.lab.state("xms") / f"{name}.json")

    def server(self, **settings: t.Any) -> None:
        with self.file("server").edit() as document:
            document.update(settings)

    def mishaps(self, *entries: dict[str, t.Any]) -> None:
        self.file("faults").write({"schedule": list(entries)})

    def wrap(self, version: str, bundle_id: str = BUNDLE_ID, size: int = 0) -> None:
        """Put another .mdx in the place of the one that was uploaded, with an app of some size in it."""
        self.mdx.write_bytes(mdx.package("Secure Mail", bundle_id, version, SECURE_MAIL["ios"]))
        with zipfile.ZipFile(self.mdx, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr("SecureMail.bin", bytes(size))

    def secure_mail(self) -> dict[str, t.Any]:
        (found,) = [app for app in self.file("apps").read()["apps"] if app["name"] == "Secure Mail"]
        del found["lastModificationDate"]
        return found

    def policy(self, title: str) -> str:
        (found,) = [policy for policy in self.secure_mail()["ios"]["policies"] if policy["title"] == title]
        return str(found["policyValue"])

    def inventory(self, **variables: t.Any) -> Inventory:
        declared = {
            "push_region": "emea",
            "push_bundle_id": BUNDLE_ID,
            "push_customer_id": "contoso-7Q2M4",
            "push_client_certificate_auth": False,
            "xms_push_app_url": self.url,
            "xms_push_app_username": LOGIN,
            "xms_push_app_password": self.lab.secret("xms"),
            "xms_push_app_ca_path": str(self.lab.ca_path),
            "xms_push_app_mdx_path": str(self.mdx),
            "xms_push_app_upload": True,
            **variables,
        }
        host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        return {"all": {"vars": declared, "children": {"xms": {"hosts": {"xms01": host}}}}}

    def playbook(self, check: bool = False, **variables: t.Any) -> Run:
        done = self.ansible.playbook(
            "pushops.securemail.xms", self.inventory(**variables), check=check, variables={"no_proxy": "*"}
        )
        assert "canary" not in done.output
        return done

    def module(self, name: str, environment: t.Mapping[str, str] | None = None, **arguments: t.Any) -> Run:
        given = {
            "url": self.url,
            "username": LOGIN,
            "password": self.lab.secret("xms"),
            "ca_path": str(self.lab.ca_path),
            "timeout": 5,
            **arguments,
        }
        task = {
            "name": "Ask",
            f"pushops.securemail.{name}": {key: value for key, value in given.items() if value is not None},
            "environment": dict(environment or {"no_proxy": "*"}),
        }
        host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        done = self.ansible.play({"all": {"hosts": {"localhost": host}}}, task)
        assert "canary" not in done.output and "Traceback" not in done.output
        return done

    def app(self, **arguments: t.Any) -> Run:
        return self.module("xms_mdx_app", **{"mdx_path": str(self.mdx), "bundle_id": BUNDLE_ID, **arguments})


@pytest.fixture
def estate(tmp_path: pathlib.Path, ansible: Ansible, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Estate]:
    monkeypatch.setenv("no_proxy", "*")
    lab = running_lab.create(tmp_path / "lab", "xms")
    seed(lab)
    with running_lab.serving(lab, "xms"):
        yield Estate(lab, ansible)


def _tallies(run: Run) -> tuple[int, int]:
    return run.recap["xms01"]["changed"], run.recap["xms01"]["failures"]


def test_the_playbook_twice_against_the_api_of_2021(estate: Estate) -> None:
    estate.wrap(NEW)
    estate.server(reset_on_upload=True)
    variables: dict[str, t.Any] = {
        "xms_push_app_sta": True,
        "xms_push_app_background_gateway": "gateway.contoso.com:443",
    }
    before = estate.secure_mail()
    predicted = estate.playbook(check=True, **variables)
    assert _tallies(predicted) == (2, 0) and estate.secure_mail() == before
    applied = estate.playbook(**variables)
    assert _tallies(applied) == (2, 0), applied.output
    stored = estate.secure_mail()
    assert stored["ios"]["appVersion"] == NEW and estate.policy("Background network services") == REGISTRATION
    assert (stored["roles"], stored["android"]) == (before["roles"], before["android"])
    for check in (False, True):
        assert _tallies(estate.playbook(check=check, **variables)) == (0, 0)
    assert estate.secure_mail() == stored
    # Drift: somebody turns push off in the console.
    with estate.file("apps").edit() as document:
        for policy in document["apps"][-1]["ios"]["policies"]:
            policy["policyValue"] = {"PushNotifications": "false"}.get(policy["policyName"], policy["policyValue"])
    (change,) = estate.playbook(**variables).result(" : Set the MDX push policies")["changes"]
    assert (change["name"], change["before"], change["after"]) == ("Push notifications", "false", "true")
    assert estate.secure_mail() == stored


def test_the_playbook_twice_against_the_api_of_2016(estate: Estate) -> None:
    """Policies come with an upload alone there, and an upload resets all of them."""
    estate.server(generation="2016", reset_on_upload=True)
    with estate.file("apps").edit() as document:
        for policy in document["apps"][-1]["ios"]["policies"]:
            policy["policyValue"] = {"MaxOfflinePeriod": "12"}.get(policy["policyName"], policy["policyValue"])
    before = estate.secure_mail()
    refused = estate.playbook()
    assert _tallies(refused) == (0, 1) and estate.secure_mail() == before
    steps = refused.result(" : Set the MDX push policies")["handoff"]
    assert "Set 'Push notifications region' to 'EMEA'" in steps and "Configure > Apps" in steps[0]
    assert _tallies(estate.playbook(xms_push_app_fallback="reupload")) == (1, 0)
    assert estate.policy("Push notifications") == "true" and estate.policy("Maximum offline period (hours)") == "12"
    stored = estate.secure_mail()
    for check in (False, True):
        assert _tallies(estate.playbook(check=check, xms_push_app_fallback="reupload")) == (0, 0)
    assert estate.secure_mail() == stored


def test_an_app_that_is_yet_to_come_is_predicted_and_then_has_its_policies(estate: Estate) -> None:
    trial: dict[str, t.Any] = {"xms_push_app_name": "Secure Mail trial", "xms_push_app_delivery_groups": ["AllUsers"]}
    before = estate.file("apps").read()
    predicted = estate.playbook(check=True, **trial)
    assert _tallies(predicted) == (1, 0) and estate.file("apps").read() == before
    stands = predicted.result("Let the upload stand")["ansible_facts"]["xms_push_app_result"]
    assert [(change["name"], change["link"]) for change in stands["changes"]] == [
        ("version", "xms-policies"),
        ("delivery groups", "xms-policies"),
    ]
    assert _tallies(estate.playbook(**trial)) == (2, 0)
    assert _tallies(estate.playbook(**trial)) == (0, 0)


def test_an_upload_that_fails_stands_for_the_policies(estate: Estate) -> None:
    failed = estate.playbook(xms_push_app_mdx_path="/nowhere/SecureMail.mdx")
    assert failed.recap["xms01"]["failures"] == 1 and failed.recap["xms01"]["changed"] == 0
    stands = failed.result("Let the failed upload stand")["ansible_facts"]["xms_push_app_result"]
    assert stands["failed"] and "no file /nowhere/SecureMail.mdx" in stands["msg"]


def test_titles_in_another_language_need_names(estate: Estate) -> None:
    estate.server(language="de")
    refused = estate.playbook()
    message = refused.result(" : Set the MDX push policies")["msg"]
    assert _tallies(refused) == (0, 1) and "'Pushbenachrichtigungen' (PushNotifications)" in message
    names = {
        "Network access": "NetworkAccess",
        "Push notifications": "PushNotifications",
        "Push notifications region": "PushNotificationsServiceHostname",
        "Push notifications customer ID": "PushNotificationsTenantId",
    }
    for check in (True, False):
        declared: dict[str, t.Any] = {"xms_push_app_policy_names": names, "xms_push_app_upload": False}
        assert _tallies(estate.playbook(check=check, **declared)) == (1, 0)


@pytest.mark.parametrize(("form", "generation"), [("cloud", "2021"), ("cwc", "2016")])
def test_the_logins_of_citrix_cloud(estate: Estate, form: str, generation: str) -> None:
    customer = {"login": LOGIN, "secret": "portal", "customer": "contoso"}
    estate.server(generation=generation, cloud=customer)
    secret = {"cloud": "bearer_token", "cwc": "service_key"}[form]
    arguments: dict[str, t.Any] = {"login": form, secret: estate.lab.secret("portal"), "cloud_customer": "contoso"}
    found = estate.module("xms_push_info", username=None, password=None, **arguments)
    assert found.result("Ask")["apps"][0]["name"] == "Secure Mail", found.output
    refused = estate.module("xms_push_info", username=None, password=None, **{**arguments, secret: "canary-wrong"})
    assert "was refused" in refused.result("Ask")["msg"]


# --- the app


def test_a_new_app_and_its_end(estate: Estate) -> None:
    with estate.file("deliverygroups").edit() as document:
        document["groups"].append(groups.new(7, "Trial & error", ["pilot"]))
    arguments = {"app": "Secure Mail trial", "delivery_groups": ["Trial & error"]}
    made = estate.app(**arguments).result("Ask")
    assert made.changed and made["delivery_groups"] == ["Trial & error"] and made["version"] == OLD
    assert not estate.app(**arguments).result("Ask").changed
    gone: dict[str, t.Any] = {"app": "Secure Mail trial", "state": "absent", "mdx_path": None}
    assert "confirm_absent" in estate.app(**gone).result("Ask")["msg"]
    assert estate.app(**gone, confirm_absent=made["app_id"]).result("Ask").changed
    assert not estate.app(**gone, confirm_absent=made["app_id"]).result("Ask").changed


def test_a_delivery_group_gets_the_app_and_keeps_all_else(estate: Estate) -> None:
    with estate.file("deliverygroups").edit() as document:
        document["groups"].append({**groups.new(7, "Sales", ["anna"]), "devicePolicies": [{"name": "Passcode"}]})
    with estate.file("apps").edit() as document:
        document["apps"][1]["roles"].append("Sales")
    expected = estate.secure_mail()
    assert estate.app(delivery_groups=["Sales"]).result("Ask").changed
    assert estate.secure_mail() == {**expected, "roles": ["AllUsers", "Sales"]}
    (group,) = [one for one in estate.file("deliverygroups").read()["groups"] if one["name"] == "Sales"]
    assert group["devicePolicies"] == [{"name": "Passcode"}] and group["users"] == [{"uniqueName": "anna"}]
    assert estate.file("apps").read()["apps"][1]["roles"] == ["AllUsers", "Sales"]
    assert not estate.app(delivery_groups=["Sales"]).result("Ask").changed


UPLOAD = "POST /application/mobile/mdx"


@pytest.mark.parametrize(
    "mishap",
    [
        {"kind": "reset", "on": UPLOAD, "bytes": 1 << 20},
        {"kind": "reset", "on": UPLOAD, "after": True},
        {"kind": "short", "on": UPLOAD},
        {"kind": "slow", "on": UPLOAD, "seconds": 4},
        {"kind": "expired", "on": UPLOAD},
        {"kind": "strange", "on": "GET /application"},
        {"kind": "http-503", "on": "POST /application/filter", "retry_after": 1},
        {"kind": "reset", "on": "GET /application"},
    ],
    ids=lambda mishap: f"{mishap['kind']}-{mishap['on'].split()[0]}{'-after' if 'after' in mishap else ''}",
)
@pytest.mark.parametrize("name", ["Secure Mail", "Secure Mail trial"])
def test_a_mishap_never_leaves_half_an_app_or_two(estate: Estate, mishap: dict[str, t.Any], name: str) -> None:
    # More than fits between client and server, so that an end in the middle is one.
    estate.wrap(NEW, size=32 << 20 if "bytes" in mishap else 0)
    estate.mishaps(mishap)
    done = estate.app(app=name, upload_timeout=2, timeout=2)
    assert done.status == 0, done.output
    found = [app for app in estate.file("apps").read()["apps"] if app["name"] == name]
    assert [app["ios"]["appVersion"] for app in found] == [NEW]
    assert not list((estate.lab.state("xms") / "uploads").glob("*"))
    assert not estate.app(app=name).result("Ask").changed


@pytest.mark.parametrize(
    ("mishap", "said"),
    [
        ({"kind": "reset", "on": UPLOAD}, "had the whole file"),
        ({"kind": "html", "on": UPLOAD}, "Expected JSON"),
        ({"kind": "truncated", "on": UPLOAD}, "Expected JSON"),
        ({"kind": "http-500", "on": UPLOAD}, "HTTP 500"),
        ({"kind": "http-503", "on": UPLOAD}, "busy or restarting"),
        ({"kind": "http-503", "on": "POST /application/filter", "retry_after": 3600}, "'3600'"),
    ],
    ids=["reset", "html", "truncated", "500", "503", "retry-after"],
)
def test_what_is_no_answer_ends_in_one_error_and_the_next_run_mends_it(
    estate: Estate, mishap: dict[str, t.Any], said: str
) -> None:
    estate.wrap(NEW)
    estate.mishaps(mishap)
    failed = estate.app(app="Secure Mail trial").result("Ask")
    assert failed.status == "failed" and said in failed["msg"] and failed["remedy"]
    assert estate.app(app="Secure Mail trial").status == 0
    found = [app for app in estate.file("apps").read()["apps"] if app["name"] == "Secure Mail trial"]
    assert [app["ios"]["appVersion"] for app in found] == [NEW]


def test_an_account_without_access_to_apps_is_told_so(estate: Estate) -> None:
    with estate.file("users").edit() as document:
        document["users"][LOGIN]["role"] = "helpdesk"
    refused = estate.app().result("Ask")
    assert refused.status == "failed" and "got 403" in refused["msg"] and "Public API access" in refused["msg"]


def test_another_app_is_refused_and_nothing_changes(estate: Estate) -> None:
    estate.wrap(NEW, "com.fabrikam.mail")
    before = copy.deepcopy(estate.file("apps").read())
    assert "the app com.contoso" in estate.app().result("Ask")["msg"]
    # The server knows its apps, too.
    assert "com.fabrikam.mail" in estate.app(bundle_id=None).result("Ask")["msg"]
    assert estate.file("apps").read() == before


def test_the_certificates_of_the_server_are_never_touched(estate: Estate) -> None:
    certificates = estate.file("certificates").read()
    push = estate.lab.state("xms") / "push.p12"
    push.write_bytes(bytes.fromhex("30820bfc020103"))
    refused = estate.app(mdx_path=str(push)).result("Ask")
    assert "not a certificate or key" in refused["msg"] and "push portal" in refused["remedy"]
    estate.wrap(NEW)
    assert estate.app().status == 0 and estate.file("certificates").read() == certificates


def test_through_a_proxy(estate: Estate) -> None:
    with ConnectProxy("svc-proxy", "canary-proxy-password") as proxy:
        through = {"https_proxy": f"http://svc-proxy:canary-proxy-password@127.0.0.1:{proxy.port}", "no_proxy": ""}
        assert estate.module("xms_push_info", through).status == 0
        asked = len(proxy.asked)
        assert asked == 5 and set(proxy.asked) == {estate.url.removeprefix("https://")}
        assert estate.module("xms_push_info", through, use_proxy=False).status == 0
        assert len(proxy.asked) == asked


def test_the_info_module_says_what_is_in_the_way(estate: Estate) -> None:
    before = json.dumps(estate.file("apps").read())
    found = estate.module(
        "xms_push_info", mdx_paths={"ios": str(estate.mdx)}, region="EMEA", customer_id="contoso-7Q2M4"
    ).result("Ask")
    codes = {(finding["platform"], finding["code"]) for finding in found["findings"]}
    assert {("ios", "push-off"), ("ios", "other-region"), ("ios", "other-customer")} <= codes
    assert found["delivery_groups"] == [{"name": "AllUsers", "disabled": False}] and not found.changed
    assert json.dumps(estate.file("apps").read()) == before
