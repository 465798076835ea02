# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways into the API, and what is asked again when the server is busy or an answer is lost."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.xms.logins import FORMS, login_of
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    BEARER,
    CUSTOMER,
    PASSWORD,
    SERVICE_KEY,
    USER,
    FakeXms,
)

GET = ("GET", "/application/mobile/4")
PARAMS = {
    "username": USER,
    "password": PASSWORD,
    "bearer_token": BEARER,
    "service_key": SERVICE_KEY,
    "cloud_customer": CUSTOMER,
}
PATHS = {"local": "login", "cloud": "login/cloud", "cwc": "cwclogin"}


def _params(form: str, **changed: str) -> dict[str, t.Any]:
    return {"login": form, **PARAMS, **changed}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_opens_a_session_and_closes_it(form: str) -> None:
    fake = FakeXms()
    client = fake.client(login=login_of(_params(form)))
    client.request(*GET)
    fake.tokens.clear()  # the session ends in between
    client.request(*GET)
    client.close()
    assert fake.lines[0] == f"POST /authentication/{PATHS[form]}" and fake.logins == 2
    assert fake.requests[-1][1:] == ("/authentication/logout", {"login": USER} if form == "local" else {})
    assert not fake.tokens


@pytest.mark.parametrize("form", FORMS)
def test_a_refused_login_shows_nothing_secret(form: str) -> None:
    wrong = {name: f"canary-wrong-{name}" for name in ("password", "bearer_token", "service_key")}
    fake = FakeXms()
    login = login_of(_params(form, **wrong))
    assert "canary" not in repr(login)
    with pytest.raises(Refused) as caught:
        fake.client(login=login).request(*GET)
    assert "REDACTED" in caught.value.what and "canary" not in str(caught.value)


@pytest.mark.parametrize("key", ["two\r\nHost: elsewhere", "sch\u00fcssel"])
def test_a_service_key_that_is_no_header_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        login_of(_params("cwc", service_key=key))
    assert key not in str(caught.value)


# --- again


READS = [
    ("GET", "/application/mobile/4", None),
    ("POST", "/application/filter", {"search": "", "start": 0, "limit": 9}),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
@pytest.mark.parametrize("answer", [(503, "<p>busy"), (429, "{}"), (503, "", "3")])
def test_a_read_is_asked_again(method: str, path: str, body: t.Any, answer: tuple[int, str]) -> None:
    fake = FakeXms()
    fake.answers = {0: answer, 2: answer, 3: answer}  # the login, and two of three reads
    assert fake.client().request(method, path, body)["status"] == 0
    assert len(fake.requests) == 5 and len(fake.pauses) == 3 and fake.logins == 1


def test_a_read_whose_answer_is_lost_is_asked_again() -> None:
    fake = FakeXms()
    fake.cut_off = {1, 2}
    assert fake.client().request(*GET)["status"] == 0


def test_a_server_that_stays_busy_is_an_error_that_says_until_when() -> None:
    fake = FakeXms()
    fake.answers = {1: (503, "<p>maintenance", "86400")}
    with pytest.raises(Unreachable, match="HTTP 503 .*'86400'") as caught:
        fake.client().request(*GET)
    assert "run again later" in caught.value.remedy and fake.pauses == []


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/application/4"), ("POST", "/deliverygroups/deploy")])
def test_what_is_not_idempotent_is_sent_once(method: str, path: str) -> None:
    fake = FakeXms()
    fake.answers = {1: (503, "busy")}
    with pytest.raises(PushOpsError):
        fake.client().request(method, path)
    assert fake.lines[1:] == [f"{method} {path}"] and fake.pauses == []
