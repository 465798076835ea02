# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with the API: logged in late, again once, judged by code and status; nothing secret in any error."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.xms.client import XmsClient
from ansible_collections.pushops.securemail.plugins.module_utils.xms.logins import local_user
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    PASSWORD,
    URL,
    USER,
    FakeXms,
)

GET = ("GET", "/application/mobile/4")
HTML = "<!DOCTYPE html><title>Log on</title>"


def _error(fake: FakeXms, password: str = PASSWORD) -> PushOpsError:
    with pytest.raises(PushOpsError) as caught:
        fake.client(password).request(*GET)
    text = f"{caught.value} {caught.value.remedy}"
    assert "canary" not in text and "\n" not in text and caught.value.remedy
    return caught.value


def test_it_logs_in_on_first_use_and_out_when_closed() -> None:
    fake = FakeXms()
    client = fake.client()
    assert fake.lines == []
    for _twice in range(2):
        assert client.request(*GET)["container"]["name"] == "Secure Mail"
    client.close()
    client.close()
    get = "GET /application/mobile/4"
    assert fake.lines == ["POST /authentication/login", get, get, "POST /authentication/logout"]
    assert not fake.tokens


def test_a_client_that_was_never_used_closes_without_a_word() -> None:
    fake = FakeXms()
    fake.client().close()
    assert fake.lines == []


@pytest.mark.parametrize("answer", [(500, HTML), (401, "{}"), Unreachable("gone", "wait")])
def test_a_logout_that_fails_is_passed_over(answer: tuple[int, str] | Exception) -> None:
    fake = FakeXms()
    client = fake.client()
    client.request(*GET)
    fake.answers[2] = answer
    client.close()
    assert fake.lines[-1] == "POST /authentication/logout"


def test_every_token_is_announced() -> None:
    fake, announced = FakeXms(), list[str]()
    client = XmsClient(URL, local_user(USER, PASSWORD), fake, announced.append)
    client.request(*GET)
    fake.tokens.clear()
    client.request(*GET)
    assert announced == ["canary-token-1:half", "canary-token-2:half"]


@pytest.mark.parametrize("answer", [(401, '{"status": 1, "message": "expired"}'), (401, ""), (403, HTML)])
def test_an_ended_session_is_opened_again_once(answer: tuple[int, str]) -> None:
    fake = FakeXms()
    fake.answers[1] = answer
    assert fake.client().request(*GET)["status"] == 0
    assert fake.logins == 2 and len(fake.requests) == 5
    assert fake.tokens == {"canary-token-2:half"}, "the first session was left open"


@pytest.mark.parametrize("code", [401, 403])
def test_a_session_that_ends_again_at_once_is_an_error(code: int) -> None:
    fake = FakeXms()
    fake.answers = {1: (code, HTML), 4: (code, HTML)}
    problem = _error(fake)
    assert isinstance(problem, Refused) and str(code) in problem.what and "Public API access" in problem.remedy
    assert len(fake.requests) == 5, "more than one second try"


@pytest.mark.parametrize("code", [400, 401, 403])
def test_a_refused_login_is_not_tried_again(code: int) -> None:
    fake = FakeXms()
    fake.answers[0] = (code, json.dumps({"status": 1, "message": f"no: {PASSWORD}"}))
    problem = _error(fake)
    assert isinstance(problem, Refused) and USER in problem.what and str(code) in problem.what
    assert "REDACTED" in problem.what and len(fake.requests) == 1


def test_a_wrong_password_that_the_server_repeats_stays_inside() -> None:
    assert "login" in _error(FakeXms(), 'canary-\\wrong"').what


def test_a_password_is_redacted_as_it_stands_in_a_json_body_too() -> None:
    fake = FakeXms()
    fake.answers[0] = (502, f"<p>bad request: {json.dumps({'password': PASSWORD})}</p>")
    assert "REDACTED" in _error(fake).what


@pytest.mark.parametrize("answer", ["{}", '{"auth_token": ""}', '{"auth_token": 7}'])
def test_a_login_without_a_token_is_not_the_api(answer: str) -> None:
    fake = FakeXms()
    fake.answers[0] = (200, answer)
    assert isinstance(_error(fake), Unreachable)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("answer", [(200, HTML), (200, "[]"), (200, ""), (302, ""), (500, HTML), (404, "not found")])
def test_anything_but_json_is_not_the_api(number: int, answer: tuple[int, str]) -> None:
    fake = FakeXms()
    fake.answers[number] = answer
    problem = _error(fake)
    assert isinstance(problem, Unreachable) and f"HTTP {answer[0]}" in problem.what and answer[1][:9] in problem.what


def test_a_long_page_is_shown_in_part() -> None:
    fake = FakeXms()
    fake.answers[0] = (200, "x" * 5000)
    assert len(str(_error(fake))) < 600


@pytest.mark.parametrize(
    ("code", "answer", "shown"),
    [
        (200, {"status": 1250, "message": "User id not found"}, "status 1250, message 'User id not found'"),
        (200, {"status": -1}, "status -1"),
        (500, {"status": 1, "message": "broken"}, "but got 500"),
        (500, {"status": 0}, "but got 500"),
        (400, {"status": 1, "message": "bad policy"}, "bad policy"),
    ],
)
def test_http_code_and_status_are_both_judged(code: int, answer: dict[str, object], shown: str) -> None:
    fake = FakeXms()
    fake.answers[1] = (code, json.dumps(answer))
    problem = _error(fake)
    assert isinstance(problem, Refused) and shown in problem.what and "GET https://xms.example.com" in problem.what
    assert fake.logins == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://xms.example.com:4443",
        "xms.example.com:4443",
        "https://",
        "https://xms.example.com:99999",
        "https://xms.example.com:port",
        "https://xms.example.com:4443/xenmobile/api/v1",
        "https://xms..example.com:4443",
        "https://[::1:4443",
        "",
    ],
)
def test_a_url_of_another_form_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InvalidInput, match="url is"):
        XmsClient(url, local_user(USER, PASSWORD), FakeXms())


def test_credentials_in_the_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput) as caught:
        XmsClient("https://svc:canary@xms.example.com:4443", local_user(USER, PASSWORD), FakeXms())
    assert "canary" not in str(caught.value)


def test_a_slash_at_the_end_of_the_url_does_no_harm() -> None:
    fake = FakeXms()
    XmsClient(URL + "/", local_user(USER, PASSWORD), fake).request(*GET)
    assert fake.lines[-1] == "GET /application/mobile/4"
