# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe and its receiver against an Exchange that keeps quiet, forgets, or refuses half-way."""

from __future__ import annotations

import contextlib
import http.client
import pathlib
import threading
import time
import typing as t
import urllib.parse

import pytest
from exchangelib.properties import Notification

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError, Refused, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.ews.mailbox import Notifications
from ansible_collections.pushops.securemail.plugins.module_utils.ews.probe import CHANGE, STATUS, Outcome, probe
from ansible_collections.pushops.securemail.plugins.module_utils.ews.receiver import Receiver

PATH = "/only-here"


class Words:
    """Notifications of one word."""

    def read(self, content: bytes) -> list[str]:
        if content not in (STATUS.encode(), CHANGE.encode()):
            raise ValueError(content)
        return [content.decode()]

    def answer(self, *, go_on: bool) -> bytes:
        return b"OK" if go_on else b"Unsubscribe"


class Exchange:
    """Sends what it is told to, in a thread of its own, until an answer ends it.

    :param tells: the kinds of events that it sends at all.
    :param repeats: whether it sends a status event again and again, as the real one does each minute.
    """

    def __init__(self, *tells: str, repeats: bool = False) -> None:
        self._tells, self._repeats = tells, repeats
        self._url = ""
        self._sent = threading.Event()
        self.drafts: list[object] = []
        self.answers: list[bytes] = []

    def subscribe(self, url: str) -> str:
        self._url = url
        threading.Thread(target=self._status, daemon=True).start()
        return "subscription"

    def add_draft(self) -> object:
        self.drafts.append(draft := object())
        if CHANGE in self._tells:
            threading.Thread(target=post, args=(self._url, CHANGE.encode(), self.answers), daemon=True).start()
        return draft

    def delete(self, draft: object) -> None:
        self.drafts.remove(draft)

    def _status(self) -> None:
        while STATUS in self._tells and b"Unsubscribe" not in self.answers:
            post(self._url, STATUS.encode(), self.answers)
            if not self._repeats:
                return
            self._sent.wait(0.05)


def post(url: str, content: bytes, answers: list[bytes]) -> int:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("POST", parts.path, content)
        response = connection.getresponse()
        answers.append(response.read())
        return response.status
    finally:
        connection.close()


@pytest.fixture
def receiver() -> t.Iterator[Receiver]:
    with Receiver("127.0.0.1", 0, PATH, CHANGE, Words()) as made:
        yield made


def url(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}{PATH}"


def until(condition: t.Callable[[], bool]) -> bool:
    """The client reads an answer a moment after it was sent."""
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def run(exchange: Exchange, receiver: Receiver, timeout: float = 2.0) -> Outcome:
    return probe(exchange, receiver, url(receiver), timeout, linger=5.0)


def test_a_change_ends_the_subscription(receiver: Receiver) -> None:
    exchange = Exchange(STATUS, CHANGE)
    outcome = run(exchange, receiver)
    assert (outcome.reason, outcome.ended, outcome.left_behind) == ("delivered", "answered", ())
    assert until(lambda: exchange.answers == [b"OK", b"Unsubscribe"]) and exchange.drafts == []


def test_silence_ends_by_itself_and_writes_nothing(receiver: Receiver) -> None:
    exchange = Exchange()
    outcome = run(exchange, receiver, timeout=0.1)
    assert (outcome.reason, outcome.ended) == ("no-status", "by itself")
    assert "within 0.1 s" in outcome.sentence and outcome.remedy and exchange.drafts == []


def test_status_events_alone_are_answered_until_one_ends_it(receiver: Receiver) -> None:
    exchange = Exchange(STATUS, repeats=True)
    outcome = run(exchange, receiver, timeout=0.2)
    assert (outcome.reason, outcome.ended, outcome.change_seconds) == ("no-change", "answered", None)
    assert until(lambda: exchange.answers[-1] == b"Unsubscribe") and exchange.drafts == []


def test_a_draft_that_cannot_be_deleted_is_named(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange(STATUS, CHANGE)

    def refuse(_draft: object) -> None:
        raise Refused("EWS answers ErrorAccessDenied", "Ask")

    monkeypatch.setattr(exchange, "delete", refuse)
    outcome = run(exchange, receiver)
    assert outcome.reason == "delivered"
    assert outcome.left_behind == ("A draft stays in the mailbox: EWS answers ErrorAccessDenied",)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Refused("EWS answers ErrorQuotaExceeded", "Empty the mailbox"), "ErrorQuotaExceeded"),
        (Unreachable("ReadTimeout", "Look at EWS"), "a draft that may stay in the mailbox. Look at EWS"),
    ],
    ids=["refused", "lost"],
)
def test_a_draft_that_fails_ends_the_subscription_first(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, problem: PushOpsError, said: str
) -> None:
    """And where only the answer was lost, the draft is named."""
    exchange = Exchange(STATUS, repeats=True)

    def fail() -> object:
        raise problem

    monkeypatch.setattr(exchange, "add_draft", fail)
    with pytest.raises(type(problem), match=said):
        run(exchange, receiver)
    assert receiver.ended and until(lambda: exchange.answers[-1] == b"Unsubscribe")


def test_a_subscription_whose_answer_was_lost_is_ended(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange(STATUS, repeats=True)
    subscribe = exchange.subscribe

    def lose_the_answer(url: str) -> str:
        subscribe(url)
        assert until(lambda: exchange.answers[:1] == [b"OK"])
        raise Unreachable("ReadTimeout", "Look at EWS")

    monkeypatch.setattr(exchange, "subscribe", lose_the_answer)
    with pytest.raises(Unreachable, match="ReadTimeout"):
        run(exchange, receiver)
    assert receiver.ended and until(lambda: exchange.answers[-1] == b"Unsubscribe")


def test_a_refused_subscription_keeps_nobody_waiting(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange()

    def refuse(_url: str) -> str:
        raise Refused("EWS answers ErrorAccessDenied", "Ask")

    def wait(*_arguments: object) -> bool:
        raise AssertionError("nothing can come")

    monkeypatch.setattr(exchange, "subscribe", refuse)
    monkeypatch.setattr(receiver, "wait", wait)
    with pytest.raises(Refused, match="ErrorAccessDenied"):
        run(exchange, receiver)


_NOTIFICATION = (
    '{doctype}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body><m:SendNotification>'
    '<m:ResponseMessages><m:SendNotificationResponseMessage ResponseClass="Success">'
    "<m:ResponseCode>NoError</m:ResponseCode><m:Notification><t:SubscriptionId>{text}</t:SubscriptionId>"
    "<t:MoreEvents>false</t:MoreEvents><t:StatusEvent><t:Watermark>A</t:Watermark></t:StatusEvent></m:Notification>"
    "</m:SendNotificationResponseMessage></m:ResponseMessages></m:SendNotification></s:Body></s:Envelope>"
)
_FILE = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file://{}'>]>"
_LAUGHS = "<!DOCTYPE x [<!ENTITY e0 'ha'>{}]>".format(
    "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
)


def test_entities_are_left_alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    seen: list[str] = []
    read = Notification.from_xml.__func__  # type: ignore[attr-defined]

    def watch(cls: type, elem: t.Any, account: t.Any) -> t.Any:
        seen.append("".join(elem.itertext()))
        return read(cls, elem, account)

    monkeypatch.setattr(Notification, "from_xml", classmethod(watch))
    for doctype, text in ((_FILE.format(secret), "&e;"), (_LAUGHS, "&e9;")):
        with contextlib.suppress(ValueError):
            Notifications().read(_NOTIFICATION.format(doctype=doctype, text=text).encode())
    assert not any("canary" in text or "haha" in text for text in seen), seen


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"<html/>", b"<a>" * 50_000], ids=["none", "bytes", "html", "deep"]
)
def test_what_is_no_notification_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="Error"):
        Notifications().read(content)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [(PATH, b"<!DOCTYPE x>", 400), ("/elsewhere", STATUS.encode(), 404), (PATH, b"x" * 300_000, 404)],
)
def test_strangers_are_told_nothing(receiver: Receiver, path: str, content: bytes, status: int) -> None:
    answers: list[bytes] = []
    assert post(f"http://127.0.0.1:{receiver.port}{path}", content, answers) == status
    assert answers == [b""] and receiver.heard == frozenset() and not receiver.ended


def test_an_address_that_is_not_here_is_refused() -> None:
    with pytest.raises(Refused, match="Nothing can listen on 192.0.2.1 port 80"):
        Receiver("192.0.2.1", 80, PATH, CHANGE, Words())
