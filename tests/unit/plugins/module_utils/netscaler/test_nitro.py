# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One NITRO session: logged in late, again once, judged by HTTP code and errorcode; nothing secret in any error."""

from __future__ import annotations

import json

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.nitro import (
    AlreadyExists,
    NitroClient,
    NoSuchResource,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.netscaler.fake_netscaler import (
    PASSWORD,
    URL,
    USER,
    FakeNetScaler,
)

HTML = "<!DOCTYPE html><title>NetScaler Gateway</title>"
ENDED = (401, '{"errorcode": 444, "message": "Session expired or killed. Please login again"}')


def _error(fake: FakeNetScaler, password: str = PASSWORD) -> PushOpsError:
    with pytest.raises(PushOpsError) as caught:
        fake.client(password).get("nsversion")
    text = f"{caught.value} {caught.value.remedy}"
    assert "canary" not in text and caught.value.remedy
    return caught.value


def test_it_logs_in_on_first_use_and_out_when_closed() -> None:
    fake = FakeNetScaler()
    client = fake.client()
    assert fake.lines == []
    for _twice in range(2):
        assert client.get("nsversion") == [{"version": "NetScaler NS13.1"}]
    client.close()
    client.close()
    assert fake.lines == ["POST login", "GET nsversion", "GET nsversion", "POST logout"]
    assert fake.headers[1]["Cookie"] == "NITRO_AUTH_TOKEN=##canary-token-1" and "Cookie" not in fake.headers[0]
    assert not fake.tokens


@pytest.mark.parametrize("answer", [(500, HTML), ENDED, Unreachable("gone", "wait")])
def test_a_logout_that_fails_is_passed_over(answer: tuple[int, str] | Exception) -> None:
    fake = FakeNetScaler()
    client = fake.client()
    client.get("nsversion")
    fake.answers[2] = answer
    client.close()
    assert fake.lines[-1] == "POST logout"


def test_every_form_of_a_token_is_announced() -> None:
    fake, announced = FakeNetScaler(), set[str]()
    client = fake.client(on_secret=announced.add)
    client.get("nsversion")
    fake.tokens.clear()
    client.get("nsversion")
    assert announced == {f"{mark}canary-token-{number}" for mark in ("##", "%23%23") for number in (1, 2)}


def test_an_ended_session_is_opened_again_once_even_for_a_write() -> None:
    fake = FakeNetScaler()
    fake.answers[1] = ENDED
    fake.client().add("nsacl", aclname="a", aclaction="ALLOW")
    assert fake.lines == ["POST login", "POST nsacl", "POST logout", "POST login", "POST nsacl"]
    assert len(fake.table("nsacl")) == 1


def test_a_session_that_ends_again_at_once_is_an_error() -> None:
    fake = FakeNetScaler()
    fake.answers = {1: ENDED, 3: ENDED}
    assert "errorcode 444" in _error(fake).what and len(fake.lines) == 4


def test_a_refused_login_is_not_tried_again() -> None:
    fake = FakeNetScaler()
    problem = _error(fake, 'canary-\\wrong"')
    assert isinstance(problem, Refused) and USER in problem.what and "errorcode 354" in problem.what
    assert "REDACTED" in problem.what and len(fake.lines) == 1


@pytest.mark.parametrize("answer", ["{}", '{"errorcode": 0, "sessionid": ""}', '{"errorcode": 0, "sessionid": 7}'])
def test_a_login_without_a_session_is_not_nitro(answer: str) -> None:
    fake = FakeNetScaler()
    fake.answers[0] = (201, answer)
    assert isinstance(_error(fake), Unreachable)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("answer", [(200, HTML), (200, "[]"), (200, ""), (302, ""), (503, HTML)])
def test_anything_but_json_is_not_nitro(number: int, answer: tuple[int, str]) -> None:
    fake = FakeNetScaler()
    fake.answers[number] = answer
    problem = _error(fake)
    assert isinstance(problem, Unreachable)
    assert f"HTTP {answer[0]}" in problem.what or "brought no sessionid" in problem.what


@pytest.mark.parametrize(
    ("answer", "kind", "shown"),
    [
        ((404, {"errorcode": 258, "message": "No such resource [name, X]"}), NoSuchResource, "No such resource"),
        ((409, {"errorcode": 273, "message": "Resource already exists [name, X]"}), AlreadyExists, "HTTP 409"),
        ((403, {"errorcode": 2138, "message": "Not authorized"}), Refused, "HTTP 403"),
        ((401, {"errorcode": 2138, "message": "Not authorized"}), Refused, "errorcode 2138"),
        ((599, {"errorcode": 1092, "message": "Arguments cannot both be specified [..]"}), Refused, "1092"),
        ((200, {"errorcode": 1, "message": "canary-token?"}), Refused, "errorcode 1"),
        ((500, {"errorcode": 0, "message": "odd"}), Refused, "HTTP 500"),
    ],
)
def test_http_code_and_errorcode_are_both_judged(
    answer: tuple[int, dict[str, object]], kind: type[PushOpsError], shown: str
) -> None:
    fake = FakeNetScaler()
    fake.answers[1] = (
        answer[0],
        json.dumps({**answer[1], "message": str(answer[1]["message"]).replace("canary", "x")}),
    )
    problem = _error(fake)
    assert (
        isinstance(problem, kind)
        and shown in problem.what
        and "GET https://netscaler.example.com/nitro" in problem.what
    )
    assert fake.logins == 1


def test_a_token_that_the_netscaler_repeats_is_hidden() -> None:
    fake = FakeNetScaler()
    fake.answers[1] = (500, '{"errorcode": 1, "message": "session %23%23canary-token-1 = ##canary-token-1"}')
    assert "session REDACTED = REDACTED" in _error(fake).what


def test_a_list_of_nothing_has_no_key_and_an_object_alone_is_a_list() -> None:
    fake = FakeNetScaler()
    client = fake.client()
    assert client.get("nsacl") == []
    assert client.get("nsconfig") == [{"configchanged": False}]


def test_a_write_that_says_nothing_succeeded() -> None:
    fake = FakeNetScaler()
    fake.answers[1] = (201, "")
    fake.client().act("nsconfig", "save")


def test_names_are_encoded_twice_and_arguments_once() -> None:
    fake = FakeNetScaler()
    fake.client().delete("aaagroup_authorizationpolicy_binding", "R&D / mail", policy="a:b")
    assert fake.lines[-1] == (
        "DELETE aaagroup_authorizationpolicy_binding/R%2526D%2520%252F%2520mail?args=policy:a%3Ab"
    )


@pytest.mark.parametrize("url", ["http://ns.example.com", "ns.example.com", "https://ns.example.com/nitro", ""])
def test_a_url_of_another_form_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InvalidInput, match="url is"):
        NitroClient(url, USER, PASSWORD, FakeNetScaler())


def test_a_slash_at_the_end_of_the_url_does_no_harm() -> None:
    fake = FakeNetScaler()
    NitroClient(URL + "/", USER, PASSWORD, fake).get("nsversion")
    assert fake.lines[-1] == "GET nsversion"
