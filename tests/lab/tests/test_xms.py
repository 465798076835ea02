# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's XenMobile Server, spoken to by a plain HTTP client."""

from __future__ import annotations

import pathlib
import typing as t
import zipfile
from xml.etree import ElementTree

import httpx
import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import loopback, xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import PASSWORD, Api, Json
from securemail_lab.lab import BUNDLE_ID, Lab
from securemail_lab.state import JsonFile
from securemail_lab.xms import console
from securemail_lab.xms.seed import LOGIN, MDX, seed
from securemail_lab.xms.sessions import Sessions
from securemail_lab.xms.store import Store


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> t.Iterator[Lab]:
    """A freshly installed server; it answers."""
    installed = xms_api.installed(tmp_path / "lab")
    with loopback.Running(installed, "xms"):
        yield installed


@pytest.fixture
def api(lab: Lab) -> t.Iterator[Api]:
    made = Api(lab)
    with made.http:
        yield made


@pytest.fixture
def session(api: Api) -> Api:
    assert api.log_in().status_code == 200
    return api


def _server(lab: Lab, **properties: str) -> None:
    JsonFile(lab.state("xms") / "server.json").write({"generation": "2021", "properties": properties})


def _values(app: Json, platform: str = "ios") -> dict[str, str]:
    return {policy["title"]: policy["policyValue"] for policy in app[platform]["policies"]}


def _check_in(lab: Lab, user: str = "alex@contoso.com") -> list[Json]:
    url = f"https://{lab.address('xms')}:{lab.port('xms-device')}/device/apps"
    answer = httpx.get(url, params={"user": user} if user else {}, verify=lab.client_tls())
    answer.raise_for_status()
    found: list[Json] = answer.json()
    return found


# --- sessions


def test_login_answers_a_token_of_two_halves_and_no_status(api: Api) -> None:
    answer = api.log_in().json()
    assert list(answer) == ["auth_token"] and len(answer["auth_token"].split(":")) == 2


def test_logout_ends_the_session_with_a_capital_status(session: Api) -> None:
    answer = session.post("/authentication/logout", {"login": LOGIN})
    assert answer.json() == {"Status": f"user {LOGIN} logged out successfully."}
    assert session.post("/application/filter", {}).status_code == 401


@pytest.mark.parametrize(
    ("login", "password", "code"), [(LOGIN, "wrong", 401), ("nobody", PASSWORD, 401), (LOGIN, None, 400)]
)
def test_a_login_that_fails_says_so_in_the_envelope(api: Api, login: str, password: t.Any, code: int) -> None:
    answer = api.log_in(password, login)
    assert answer.status_code == code and answer.json()["status"] != 0 and answer.json()["message"]


def test_a_role_without_the_api_permission_gets_403_that_is_not_json(lab: Lab, session: Api) -> None:
    with JsonFile(lab.state("xms") / "users.json").edit() as document:
        document["users"][LOGIN]["role"] = "helpdesk"
    for answer in (session.post("/application/filter", {}), session.log_in()):
        assert answer.status_code == 403 and "html" in answer.headers["content-type"]


@pytest.mark.parametrize("header", ["", "q1:q2"])
def test_no_session_no_answer(api: Api, header: str) -> None:
    api.http.headers["Auth_token"] = header
    for answer in (api.post("/application/filter", {}), api.http.get("/application/mobile/4"), api.put([])):
        assert answer.status_code == 401 and answer.json()["status"] != 0


def test_a_session_expires_after_the_minutes_of_the_server_property(lab: Lab, session: Api) -> None:
    assert session.post("/application/filter", {}).status_code == 200
    _server(lab, **{"xms.publicapi.timeout.type": "STATIC_TIMEOUT", "xms.publicapi.static.timeout": "0"})
    assert session.post("/application/filter", {}).status_code == 401


def test_the_other_kind_of_timeout_reads_its_own_property(lab: Lab, session: Api) -> None:
    _server(lab, **{"xms.publicapi.timeout.type": "INACTIVITY_TIMEOUT", "xms.publicapi.static.timeout": "0"})
    assert session.post("/application/filter", {}).status_code == 200
    _server(lab, **{"xms.publicapi.timeout.type": "INACTIVITY_TIMEOUT", "xms.publicapi.inactivity.timeout": "0"})
    assert session.post("/application/filter", {}).status_code == 401


@pytest.mark.parametrize(("kind", "lasts"), [("STATIC_TIMEOUT", False), ("INACTIVITY_TIMEOUT", True)])
def test_use_prolongs_a_session_by_inactivity_only(lab: Lab, kind: str, lasts: bool) -> None:
    minutes = {"xms.publicapi.static.timeout": "2", "xms.publicapi.inactivity.timeout": "2"}
    _server(lab, **{"xms.publicapi.timeout.type": kind}, **minutes)
    clock = iter([0.0, 0.6, 0.6, 1.2, 1.2])  # lab seconds: two minutes are one
    sessions = Sessions(Store(lab), lambda: next(clock))
    token = sessions.open(LOGIN)
    assert sessions.use(token) == LOGIN
    assert (sessions.use(token) == LOGIN) is lasts


# --- the list


def _names(api: Api, **query: t.Any) -> list[str]:
    listed = api.post("/application/filter", query).json()["applicationListData"]
    return [app["name"] for app in listed["appList"]]


def test_the_list_shows_documented_fields_and_totals(session: Api) -> None:
    listed = session.post("/application/filter", {"search": "secure m"}).json()["applicationListData"]
    assert (listed["totalMatchCount"], listed["totalCount"]) == (1, 4)
    (app,) = listed["appList"]
    assert (app["id"], app["name"], app["appType"], app["roles"]) == (4, "Secure Mail", "MDX", ["AllUsers"])
    assert "ios" not in app and "policies" not in app


def test_the_list_is_searched_filtered_sorted_and_paged(session: Api) -> None:
    everything = ["Secure Hub", "Secure Mail", "Secure Web", "Site survey"]
    assert _names(session) == everything
    assert _names(session, applicationSortColumn="id", sortOrder="DESC")[0] == "Secure Mail"
    assert _names(session, start="1", limit=2) == everything[1:3]
    assert _names(session, filterIds="['application.type.mdx']") == ["Secure Mail", "Secure Web"]
    assert _names(session, filterIds="['application.type.mdx','application.platform.android']") == ["Secure Mail"]
    assert _names(session, filterIds="['application.deliverygroup#Sales@_fn_@app.dg']") == []


@pytest.mark.parametrize(
    "query",
    [
        {"filterIds": ["application.type.mdx"]},
        {"filterIds": '["application.type.mdx"]'},
        {"filterIds": "['application.type.unheard']"},
        {"applicationSortColumn": "colour"},
        {"sortOrder": "up"},
        {"start": -1},
        {"limit": "ten"},
    ],
)
def test_a_query_of_another_form_is_refused(session: Api, query: Json) -> None:
    answer = session.post("/application/filter", query)
    assert answer.status_code == 400 and answer.json()["status"] != 0


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_a_body_that_is_no_json_object_is_refused(session: Api, content: bytes) -> None:
    answer = session.http.post("/application/filter", content=content)
    assert answer.status_code == 400 and answer.json()["status"] != 0


# --- one app


def test_a_freshly_uploaded_app_has_push_off_and_hides_what_the_api_does_not_show(session: Api) -> None:
    app = session.app()
    assert app["windows"] is None and app["android"]["appType"] == "mobile_android"
    assert _values(app).items() >= {
        ("Network access", "NetworkAccessUnrestricted"),
        ("Push notifications", "false"),
        ("Push notifications region", "US_EAST"),
        ("Push notifications customer ID", ""),
    }
    assert "bundleId" not in app["ios"] and all("enumValues" not in policy for policy in app["ios"]["policies"])


@pytest.mark.parametrize("identifier", ["1", "99", "x"])
def test_only_mobile_apps_are_shown(session: Api, identifier: str) -> None:
    answer = session.http.get(f"/application/mobile/{identifier}")
    assert answer.json()["status"] != 0 and "container" not in answer.json()


def test_a_server_of_2016_shows_the_app_under_another_key_and_takes_no_policies(lab: Lab, session: Api) -> None:
    JsonFile(lab.state("xms") / "server.json").write({"generation": "2016", "properties": {}})
    answer = session.put([{"policyName": "PushNotifications", "policyValue": "true"}]).json()
    assert answer["status"] == 0 and "container" not in answer
    assert _values(answer["result"])["Push notifications"] == "false"


# --- the update


def test_a_put_changes_the_named_policies_and_nothing_else(lab: Lab, session: Api) -> None:
    before = session.app()
    wanted = {"PushNotifications": "true", "PushNotificationsServiceHostname": "EU_WEST"}
    items = [
        {**policy, "policyValue": wanted[policy["policyName"]]}
        for policy in before["ios"]["policies"]
        if policy["policyName"] in wanted
    ]
    answer = session.put(items).json()
    assert answer["status"] == 0 and answer["container"] == session.app()
    for policy in before["ios"]["policies"]:
        policy["policyValue"] = wanted.get(policy["policyName"], policy["policyValue"])
    after = session.app()
    assert after.pop("lastModificationDate") > before.pop("lastModificationDate")
    assert after == before
    stored = JsonFile(lab.state("xms") / "apps.json").read()["apps"][3]
    assert _values(stored)["Push notifications region"] == "EU_WEST", "not on disk"
    assert _values(stored, "android")["Push notifications region"] == "US_EAST"


def test_a_put_sets_the_documented_properties_and_never_the_version(session: Api) -> None:
    settings = {"rate": False, "review": False}
    fields: Json = {"displayName": "Mail", "removeWithMdm": False, "store": {"faqs": [], "storeSettings": settings}}
    assert session.put([], **fields, appVersion="11.0").json()["status"] == 0
    shown = session.app()["ios"]
    assert (shown["displayName"], shown["removeWithMdm"], shown["appVersion"]) == ("Mail", False, "10.8.65")
    assert shown["store"]["storeSettings"] == settings and shown["store"]["faqs"] == []
    assert shown["store"]["rating"] and shown["description"], "what was not sent went away"


@pytest.mark.parametrize(
    "items",
    [
        [{"policyName": "NoSuchPolicy", "policyValue": "x"}],
        [{"policyValue": "true"}],
        [{"policyName": "PushNotifications", "policyValue": True}],
        [{"policyName": "PushNotifications", "policyValue": "On"}],
        [{"policyName": "PushNotificationsServiceHostname", "policyValue": "EMEA"}],
        [{"policyName": "BackgroundServicesExpiration", "policyValue": "a week"}],
        ["PushNotifications"],
        {"PushNotifications": "true"},
    ],
)
def test_one_bad_policy_refuses_the_whole_put(session: Api, items: t.Any) -> None:
    before = session.app()
    good = [{"policyName": "PushNotificationsTenantId", "policyValue": "contoso-7Q2M4"}]
    answer = session.put(good + items if isinstance(items, list) else items, displayName="Changed")
    assert answer.json()["status"] != 0 and answer.json()["message"]
    assert session.app() == before


@pytest.mark.parametrize(
    "fields", [{"displayName": 1}, {"removeWithMdm": "yes"}, {"appVersion": 1}, {"store": []}, {"store": {"faqs": {}}}]
)
def test_a_property_of_another_type_is_refused(session: Api, fields: Json) -> None:
    before = session.app()
    assert session.put([], **fields).json()["status"] != 0
    assert session.app() == before


@pytest.mark.parametrize(
    "path", ["windows/4", "symbian/4", "ios/3", "ios/99", "android_work/4"], ids=lambda path: path.replace("/", "-")
)
def test_a_put_needs_an_mdx_app_with_that_platform(session: Api, path: str) -> None:
    assert session.put([], path=f"/application/mobile/mdx/{path}").json()["status"] != 0


# --- what devices get, and edits by hand


def test_devices_get_the_label_of_an_enumeration(lab: Lab, session: Api) -> None:
    mail = {app["name"]: app for app in _check_in(lab)}["Secure Mail"]
    assert mail["bundle_id"] == BUNDLE_ID
    assert mail["policies"]["Push notifications region"] == {
        "name": "PushNotificationsServiceHostname",
        "value": "US_EAST",
        "label": "Americas",
    }
    assert mail["policies"]["Push notifications"]["label"] == "false"
    session.put([{"policyName": "PushNotificationsServiceHostname", "policyValue": "AP_SOUTH_EAST"}])
    mail = {app["name"]: app for app in _check_in(lab)}["Secure Mail"]
    assert mail["policies"]["Push notifications region"]["label"] == "APAC"


def test_devices_get_apps_of_a_delivery_group_only(lab: Lab) -> None:
    assert {app["name"] for app in _check_in(lab)} == {"Secure Mail", "Secure Web"}
    with JsonFile(lab.state("xms") / "apps.json").edit() as document:
        document["apps"][1]["disabled"] = True
        document["apps"][3]["roles"] = []
    assert _check_in(lab) == []
    with pytest.raises(httpx.HTTPStatusError):
        _check_in(lab, user="")


def test_an_edit_in_the_console_acts_at_once(lab: Lab, session: Api) -> None:
    console.set_policy(lab, "Push notifications region", "EMEA")
    assert _values(session.app())["Push notifications region"] == "EU_WEST"
    with pytest.raises(LookupError, match="Americas, EMEA, APAC"):
        console.set_policy(lab, "Push notifications region", "EU_WEST")
    with pytest.raises(LookupError, match="found 0"):
        console.set_policy(lab, "Push notification", "true")


def test_faults_act_at_once_and_as_often_as_they_say(lab: Lab, session: Api) -> None:
    faults = JsonFile(lab.state("xms") / "faults.json")
    faults.write({"html": True, "times": 1})
    assert session.post("/application/filter", {}).text.startswith("<!DOCTYPE html>")
    faults.write({"status": 7, "message": "Busy", "times": 1})
    assert session.post("/application/filter", {}).json() == {"status": 7, "message": "Busy"}
    faults.write({"down": True, "times": 1})
    assert session.post("/application/filter", {}).status_code == 503
    faults.write({"expire_sessions": True})
    assert session.post("/application/filter", {}).status_code == 401
    assert session.log_in().status_code == 200 and session.app()["id"] == 4


# --- the seed


def test_the_seed_keeps_what_is_there(lab: Lab) -> None:
    folder = lab.state("xms")
    for path in folder.iterdir():
        path.write_text("edited by hand", encoding="ascii")
    seed(lab)
    assert {path.read_text(encoding="ascii") for path in folder.iterdir()} == {"edited by hand"}


def test_no_password_is_on_the_servers_disk(lab: Lab) -> None:
    assert not any(PASSWORD in path.read_text(errors="replace") for path in lab.state("xms").iterdir())


def test_the_mdx_pairs_the_ids_of_the_server_with_labels(lab: Lab) -> None:
    with zipfile.ZipFile(lab.state("xms") / MDX) as archive:
        assert archive.namelist() == ["policy_metadata.xml", "manifest.xml"]
        root = ElementTree.fromstring(archive.read("policy_metadata.xml"))
        manifest = ElementTree.fromstring(archive.read("manifest.xml"))
    assert manifest.findtext("MobileApp/BundleID") == BUNDLE_ID
    policy = root.find("Policies/Policy[PolicyName='PushNotificationsServiceHostname']")
    assert policy is not None and policy.findtext("PolicyStrings/Title") == "Push notifications region"
    pairs = {
        value.findtext("PolicyEnumValueId"): value.findtext("PolicyEnumValueString")
        for value in policy.iterfind("PolicyEnumValues/PolicyEnumValue")
    }
    assert pairs == {"US_EAST": "Americas", "EU_WEST": "EMEA", "AP_SOUTH_EAST": "APAC"}
