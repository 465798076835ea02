# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, pages, patience and refusals of the developer API's client, against a server in memory."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.client import (
    PROGRAMS,
    DeveloperClient,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.tokens import ApiKey
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import Answer, AnswerLost

BASE = "https://api.enterprise.developer.apple.com"
NOW = 1_800_000_000.0


def pem(key: t.Any, encryption: t.Any = None) -> str:
    how = encryption or serialization.NoEncryption()
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode())


KEY = ec.generate_private_key(ec.SECP256R1())
API_KEY = ApiKey("issuer", "KEY1", pem(KEY))


@dataclass
class Server:
    """Gives the answers in order, the last one for ever, and remembers what was sent, and how long was waited."""

    answers: list[Answer]
    sent: list[tuple[str, str, dict[str, str], str | None]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    now: float = NOW

    def send(self, method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
        self.sent.append((method, url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def client(self, **changed: t.Any) -> DeveloperClient:
        return DeveloperClient(
            PROGRAMS["enterprise"],
            API_KEY,
            self,
            on_secret=self.secrets.append,
            clock=lambda: self.now,
            sleep=self.sleep,
            **changed,
        )

    def token(self, number: int) -> dict[str, t.Any]:
        token = self.sent[number][2]["Authorization"].removeprefix("Bearer ")
        assert token in self.secrets
        assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "KEY1", "typ": "JWT"}
        options: t.Any = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(token, KEY.public_key(), ["ES256"], options, audience="apple-developer-enterprise-v1")
        return dict(claims)


def page(*ids: str, following: str = "") -> Answer:
    links = {"next": following} if following else {}
    data = [{"type": "devices", "id": one, "attributes": {}} for one in ids]
    return Answer(200, json.dumps({"data": data, "links": links}))


def refusal(code: int, name: str = "ENTITY_ERROR", detail: str = "No.", retry_after: str = "") -> Answer:
    errors = [{"status": str(code), "code": name, "title": "Title", "detail": detail}]
    return Answer(code, json.dumps({"errors": errors}), retry_after)


def test_a_token_is_taken_by_another_library_and_made_anew_before_it_ends() -> None:
    server = Server([page()])
    client = server.client()
    client.list("devices")
    server.now += 10 * 60
    client.list("devices")
    server.now += 4.5 * 60
    client.list("devices")
    first, second, third = (server.token(number) for number in range(3))
    assert first == second == {"iss": "issuer", "iat": NOW, "exp": NOW + 900, "aud": "apple-developer-enterprise-v1"}
    assert third["iat"] == NOW + 14.5 * 60 and len(server.secrets) == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "canary",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        pem(KEY, serialization.BestAvailableEncryption(b"canary")),
    ],
    ids=["empty", "no key", "another curve", "RSA", "encrypted"],
)
def test_another_kind_of_key_is_refused_and_not_repeated(content: str) -> None:
    with pytest.raises(InvalidInput, match="P-256") as caught:
        DeveloperClient(PROGRAMS["enterprise"], ApiKey("issuer", "KEY1", content), Server([page()]))
    assert "canary" not in str(caught.value) and "BEGIN" not in str(caught.value)


def test_pages_are_followed_and_a_resource_on_two_counts_once() -> None:
    server = Server([page("1", "2", following=f"{BASE}/v1/devices?cursor=x"), page("2", "3")])
    assert [one["id"] for one in server.client().list("devices", _platform="IOS")] == ["1", "2", "3"]
    assert [sent[1] for sent in server.sent] == [
        f"{BASE}/v1/devices?filter%5Bplatform%5D=IOS&limit=200",
        f"{BASE}/v1/devices?cursor=x",
    ]


@pytest.mark.parametrize("following", ["https://evil.example.com/v1/devices", f"{BASE}.evil.example.com/v1/x"])
def test_a_token_goes_to_no_other_server(following: str) -> None:
    server = Server([page("1", following=following)])
    with pytest.raises(Unreachable, match="another server"):
        server.client().list("devices")
    assert len(server.sent) == 1


def test_pages_without_end_are_an_error() -> None:
    with pytest.raises(Unreachable, match="more than 500 pages"):
        Server([page("1", following=f"{BASE}/v1/devices?cursor=x")]).client().list("devices")


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("", 1.0), ("soon", 1.0)])
def test_too_many_requests_are_repeated_whatever_the_method(asked: str, waited: float) -> None:
    made = Answer(201, json.dumps({"data": {"type": "devices", "id": "1"}}))
    server = Server([refusal(429, "RATE_LIMIT_EXCEEDED", retry_after=asked), made])
    assert server.client().create("devices", {})["id"] == "1"
    assert server.slept == [waited]


def test_patience_ends() -> None:
    server = Server([refusal(429, "RATE_LIMIT_EXCEEDED")])
    with pytest.raises(Refused, match=r"RATE_LIMIT_EXCEEDED.*Run again later"):
        server.client().list("devices")
    assert server.slept == [1.0, 2.0]
    server = Server([refusal(429, "RATE_LIMIT_EXCEEDED", retry_after="3600")])
    with pytest.raises(Refused, match="asked again in '3600'"):
        server.client().list("devices")
    assert server.slept == []


def test_a_busy_server_is_asked_again_and_not_told_again() -> None:
    server = Server([Answer(503, "<html>busy</html>"), page("1")])
    assert len(server.client().list("devices")) == 1 and server.slept == [1.0]
    server = Server([Answer(503, "<html>busy</html>")])
    with pytest.raises(Unreachable):
        server.client().create("devices", {})
    assert len(server.sent) == 1


def test_a_lost_answer_to_a_creation_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server([page()])
    asked: list[str] = []

    def lose(method: str, *_rest: t.Any) -> Answer:
        asked.append(method)
        raise AnswerLost("It was cut off", "Look")

    monkeypatch.setattr(server, "send", lose)
    with pytest.raises(AnswerLost):
        server.client().create("devices", {})
    assert asked == ["POST"]


@pytest.mark.parametrize(
    ("code", "said"), [(401, "the clock"), (403, "role"), (409, "Correct the value"), (400, "Look")]
)
def test_a_refusal_is_explained(code: int, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        Server([refusal(code, "SOME.CODE", "Some detail.")]).client().list("devices")
    assert "SOME.CODE: Some detail." in caught.value.what and f"HTTP {code}" in caught.value.what


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "<html>log in</html>"),
        Answer(200, "[]"),
        Answer(200, '{"data": {}}'),
        Answer(302, ""),
        Answer(500, "{}"),
        Answer(409, '{"errors": []}'),
    ],
)
def test_an_answer_of_something_else_is_an_error(answer: Answer) -> None:
    with pytest.raises(PushOpsError, match="developer API"):
        Server([answer]).client().list("devices")


def test_a_server_that_repeats_the_token_does_not_show_it() -> None:
    server = Server([page()])
    client = server.client()
    client.list("devices")
    server.answers = [refusal(409, detail=f"You sent {server.secrets[0]}")]
    with pytest.raises(Refused, match="You sent REDACTED"):
        client.list("devices")
