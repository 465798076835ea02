# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery groups of the lab's XenMobile Server decide who gets an app."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import Api, Json, Xms
from securemail_lab.xms import groups

ALEX = "alex@contoso.com"


@pytest.fixture
def xms(tmp_path: pathlib.Path) -> t.Iterator[Xms]:
    with xms_api.running(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def api(xms: Xms) -> Api:
    with xms.file("deliverygroups").edit() as document:
        document["groups"].append(groups.new(2, "Sales", ["kim@contoso.com"]))
    return xms.api


def _group(api: Api, name: str = "AllUsers") -> Json:
    role: Json = api.http.get(f"/deliverygroups/{name}").json()["role"]
    return role


def _names(apps: list[Json]) -> list[str]:
    return sorted(app["name"] for app in apps)


def test_groups_are_listed_with_their_apps(api: Api) -> None:
    listed = api.post("/deliverygroups/filter", {"start": "0", "limit": "1000"}).json()["dgListData"]
    assert [group["name"] for group in listed["dgList"]] == ["AllUsers", "Sales"]
    assert _names(listed["dgList"][0]["applications"]) == ["Secure Hub", "Secure Mail", "Secure Web", "Site survey"]
    assert listed["dgList"][0]["applications"][0]["required"] is False
    query = {"search": "sal", "sortOrder": "desc", "deliveryGroupSortColumn": "id"}
    assert api.post("/deliverygroups/filter", query).json()["dgListData"]["totalMatchCount"] == 1
    assert _group(api, "2") == _group(api, "Sales") == listed["dgList"][1]


def test_a_put_replaces_the_lists_and_apps_know_it(xms: Xms, api: Api) -> None:
    body = {"name": "AllUsers", "applications": [{"name": "Secure Mail", "priority": 2, "required": "true"}]}
    assert api.http.put("/deliverygroups", json=body).json()["status"] == 0
    assert _group(api)["applications"] == [{"name": "Secure Mail", "priority": 2, "required": True}]
    assert api.app(2)["roles"] == [] and api.app(4)["roles"] == ["AllUsers"]
    assert _names(xms.check_in()) == ["Secure Mail"]


def test_a_put_empties_what_it_leaves_out(xms: Xms, api: Api) -> None:
    assert api.http.put("/deliverygroups", json={"id": 2, "description": "Sales people"}).json()["status"] == 0
    assert _group(api, "Sales")["users"] == [] and _group(api, "Sales")["description"] == "Sales people"


def test_a_group_reaches_its_members_only(xms: Xms, api: Api) -> None:
    members = _group(api, "Sales")["users"]
    body = {"name": "Sales", "users": members, "applications": [{"name": "Secure Mail"}]}
    assert api.http.put("/deliverygroups", json=body).json()["status"] == 0
    assert api.http.put("/deliverygroups", json={"name": "AllUsers"}).json()["status"] == 0
    assert _names(xms.check_in("kim@contoso.com")) == ["Secure Mail"] and xms.check_in(ALEX) == []


def test_a_disabled_group_gives_nothing(xms: Xms, api: Api) -> None:
    assert api.http.put("/deliverygroups/AllUsers/disable", json={}).json()["status"] == 0
    assert xms.check_in() == [] and _group(api)["disabled"]
    assert api.http.put("/deliverygroups/1/enable").json()["status"] == 0
    assert _names(xms.check_in()) == ["Secure Mail", "Secure Web"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Nobody"},
        {"name": "AllUsers", "applications": [{"name": "No such app"}]},
        {"name": "AllUsers", "applications": "Secure Mail"},
        {"name": "AllUsers", "applications": [{"name": "Secure Mail", "required": 1}]},
        {"name": "AllUsers", "users": ["kim"]},
    ],
)
def test_a_put_of_another_form_changes_nothing(xms: Xms, api: Api, body: Json) -> None:
    before = xms.file("deliverygroups").read(), xms.file("apps").read()
    answer = api.http.put("/deliverygroups", json=body)
    assert answer.status_code == 400 and answer.json()["status"] != 0
    assert (xms.file("deliverygroups").read(), xms.file("apps").read()) == before


def test_a_deployment_is_pending_until_each_device_checked_in(xms: Xms, api: Api) -> None:
    def status() -> Json:
        answer: Json = api.http.get("/deliverygroups/getdeploymentstatus/AllUsers").json()
        return {name: answer[name] for name in ("name", "nbSuccess", "nbFailure", "nbPending")}

    for device in ("iphone-1", "iphone-2"):
        xms.check_in(device=device)
    assert status() == {"name": "AllUsers", "nbSuccess": 0, "nbFailure": 0, "nbPending": 0}
    assert api.post("/deliverygroups/deploy", [1]).json()["status"] == 0
    assert status()["nbPending"] == 2
    xms.check_in(device="iphone-2")
    assert (status()["nbSuccess"], status()["nbPending"]) == (1, 1)
    assert api.post("/deliverygroups/deploy", ["AllUsers", "Sales"]).json()["status"] == 0
    assert status()["nbPending"] == 2
    for body in (["Nobody"], [], {}, [{}]):
        assert api.post("/deliverygroups/deploy", body).status_code == 400
