# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second and third attempts: bounded, and as patient as they are asked to be, within limits."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import Answer, AnswerLost
from ansible_collections.pushops.securemail.plugins.module_utils.core.retries import (
    ATTEMPTS,
    LONGEST_WAIT,
    patiently,
    seconds_asked,
)

GOOD, BUSY = Answer(200, "{}"), Answer(503, "")
LOST = AnswerLost("GET x brought no answer", "Check the address")
NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


class Server:
    def __init__(self, *answers: Answer | Exception) -> None:
        self.left = list(answers)
        self.pauses: list[float] = []

    def __call__(self) -> Answer:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask(self) -> Answer:
        return patiently(self, self.pauses.append)


@pytest.mark.parametrize("first", [BUSY, Answer(429, ""), LOST])
def test_what_was_not_now_is_asked_again(first: Answer | Exception) -> None:
    server = Server(first, first, GOOD)
    assert server.ask() == GOOD and server.pauses == [1.0, 2.0]


@pytest.mark.parametrize("code", [200, 302, 400, 401, 403, 404, 500, 502])
def test_any_other_answer_is_one(code: int) -> None:
    server = Server(Answer(code, ""))
    assert server.ask().code == code and server.pauses == []


def test_the_last_answer_stands_whatever_it_is() -> None:
    server = Server(*[BUSY] * ATTEMPTS, GOOD)
    assert server.ask() == BUSY and server.left == [GOOD]


def test_the_last_lost_answer_is_an_error() -> None:
    server = Server(*[LOST] * ATTEMPTS, GOOD)
    with pytest.raises(AnswerLost):
        server.ask()
    assert server.left == [GOOD]


def test_what_never_left_is_not_sent_again() -> None:
    server = Server(Unreachable("no such name", "Check the address"), GOOD)
    with pytest.raises(Unreachable):
        server.ask()
    assert server.left == [GOOD]


def test_a_longer_pause_is_kept_when_asked_for() -> None:
    server = Server(Answer(503, "", "7"), GOOD)
    assert server.ask() == GOOD and server.pauses == [7.0]


def test_who_asks_for_too_long_a_pause_is_not_waited_for() -> None:
    busy = Answer(429, "", str(int(LONGEST_WAIT) + 1))
    server = Server(busy, GOOD)
    assert server.ask() == busy and server.pauses == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("12", 12),
        (" 3 ", 3),
        ("-5", 0),
        ("soon", 0),
        ("\u0663", 0),
        ("Sat, 31 Jan 2026 12:00:20 GMT", 20),
        ("Sat, 31 Jan 2026 12:00:20 -0000", 20),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
    ],
)
def test_a_pause_is_a_number_or_a_date(text: str, seconds: float) -> None:
    assert seconds_asked(text, NOW) == seconds
