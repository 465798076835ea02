# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on purpose at the lab's XenMobile Server, by a schedule on disk."""

from __future__ import annotations

import json
import pathlib
import typing as t

import httpx
import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import Json, Xms

PUT = [{"policyName": "PushNotifications", "policyValue": "true"}]


@pytest.fixture
def xms(tmp_path: pathlib.Path) -> t.Iterator[Xms]:
    with xms_api.running(tmp_path / "lab") as made:
        yield made


def _schedule(xms: Xms, *entries: Json) -> None:
    xms.file("faults").write({"schedule": list(entries)})


def _push(xms: Xms) -> str:
    policies = xms.file("apps").read()["apps"][-1]["ios"]["policies"]
    return next(policy["policyValue"] for policy in policies if policy["policyName"] == "PushNotifications")


def test_a_busy_server_says_when_to_come_again(xms: Xms) -> None:
    _schedule(xms, {"kind": "http-503", "retry_after": 7, "nth": 2})
    assert xms.api.post("/application/filter", {}).status_code == 200
    answer = xms.api.post("/application/filter", {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7") and "html" in answer.headers[
        "content-type"
    ]
    assert xms.api.post("/application/filter", {}).status_code == 200


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_ends_before_or_after_the_server_has_acted(xms: Xms, after: bool) -> None:
    _schedule(xms, {"kind": "reset", "on": "PUT /application", "after": after})
    with pytest.raises(httpx.TransportError):
        xms.api.put(PUT)
    assert _push(xms) == ("true" if after else "false")
    assert xms.api.put(PUT).json()["status"] == 0


@pytest.mark.parametrize(("kind", "code"), [("html", 200), ("http-500", 500)])
def test_a_page_in_place_of_json(xms: Xms, kind: str, code: int) -> None:
    _schedule(xms, {"kind": kind, "on": "GET /application"})
    answer = xms.api.http.get("/application/mobile/4")
    assert answer.status_code == code and answer.text.startswith("<!DOCTYPE html>")
    assert xms.api.app()["id"] == 4


def test_half_of_an_answer(xms: Xms) -> None:
    _schedule(xms, {"kind": "truncated"}, {"kind": "short", "nth": 2})
    answer = xms.api.http.get("/application/mobile/4")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    with pytest.raises(httpx.RemoteProtocolError):
        xms.api.http.get("/application/mobile/4")
    assert xms.api.app()["id"] == 4


def test_fields_nobody_knows_in_another_order(xms: Xms) -> None:
    usual = xms.api.app()
    _schedule(xms, {"kind": "strange"})
    answer = xms.api.http.get("/application/mobile/4").json()
    assert "labUnknown" in answer and "labUnknown" in answer["container"]["ios"]["policies"][0]
    strange = [name for name in answer["container"] if not name.startswith("labUnknown")]
    assert strange == list(usual)[::-1]


def test_a_slow_answer_comes_all_the_same(xms: Xms) -> None:
    _schedule(xms, {"kind": "slow", "seconds": 0.2})
    with pytest.raises(httpx.ReadTimeout):
        xms.api.http.get("/application/mobile/4", timeout=0.1)
    _schedule(xms, {"kind": "slow", "seconds": 0.01})
    assert xms.api.app()["id"] == 4


def test_a_session_ends_between_two_requests(xms: Xms) -> None:
    _schedule(xms, {"kind": "expired", "on": "PUT /application"})
    assert xms.api.app()["id"] == 4
    assert xms.api.put(PUT).status_code == 401 and _push(xms) == "false"
    assert xms.api.log_in().status_code == 200 and xms.api.put(PUT).json()["status"] == 0


def test_an_unknown_kind_is_no_silent_fault(xms: Xms) -> None:
    _schedule(xms, {"kind": "meteor"})
    assert xms.api.http.get("/application/mobile/4").status_code == 500
