# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that may be sent again, because twice does no more than once: a few times, and within limits."""

from __future__ import annotations

import datetime
import email.utils
import time
import typing as t

from .https import Answer, AnswerLost

ATTEMPTS = 3
#: Codes that say "not now" (RFC 9110, 15.6.4; RFC 6585, 4).
TOO_MANY = 429
BUSY = (TOO_MANY, 503)
#: Seconds: who asks for more gets the answer back at once, so that a person can decide.
LONGEST_WAIT = 30.0
_FIRST_WAIT = 1.0


def patiently(
    send: t.Callable[[], Answer], pause: t.Callable[[float], None] = time.sleep, repeatable: bool = True
) -> Answer:
    """Send until there is an answer that is not "not now".

    :param pause: waits for so many seconds.
    :param repeatable: whether twice does no more than once. Else only what was turned away unread (429) is sent again.
    :raises AnswerLost: the last attempt, too, brought no answer.
    """
    for attempt in range(1, ATTEMPTS):
        wait = _FIRST_WAIT * 2 ** (attempt - 1)
        try:
            answer = send()
        except AnswerLost:
            if not repeatable:
                raise
        else:
            if answer.code not in (BUSY if repeatable else (TOO_MANY,)):
                return answer
            wait = max(wait, seconds_asked(answer.retry_after, datetime.datetime.now(datetime.UTC)))
            if wait > LONGEST_WAIT:
                return answer
        pause(wait)
    return send()


def seconds_asked(retry_after: str, now: datetime.datetime) -> float:
    """What a ``Retry-After`` asks for, as a number or as a date (RFC 9110, 10.2.3); 0 where it cannot be read."""
    text = retry_after.strip()
    if text.isdecimal() and text.isascii():
        return float(text)
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    return max(0.0, (then - now).total_seconds())
