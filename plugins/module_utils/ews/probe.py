# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Exchange tells of a change: subscribe, change something, wait, and leave nothing behind."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..core.errors import PushOpsError, Unreachable
from .receiver import Receiver

STATUS, CHANGE = "StatusEvent", "CreatedEvent"
#: A status event comes every minute; that long somebody stays to answer that the subscription ends.
LINGER = 75.0  # seconds

DELIVERED, NO_STATUS, NO_CHANGE = "delivered", "no-status", "no-change"
ANSWERED, BY_ITSELF = "answered", "by itself"
_REMEDY = (
    "Read events 6 and 7 of the Exchange hosts, which name this URL and the cause, and look whether a proxy or a"
    " firewall stands between them and the receiver"
)


class Drafts(t.Protocol):
    """What is done in the mailbox."""

    def subscribe(self, url: str) -> str: ...

    def add_draft(self) -> t.Any: ...

    def delete(self, draft: t.Any) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What Exchange did.

    :param reason: ``delivered``; ``no-status``: nothing came at all; ``no-change``: only status events.
    :param status_seconds: from the subscription to the first notification; ``None``: none came. ``change_seconds``
        likewise, from the draft to its notification.
    :param ended: ``answered``: the subscription is over; ``by itself``: it will be, within three minutes.
    :param left_behind: what could not be taken back, in sentences.
    """

    reason: str
    sentence: str
    remedy: str
    status_seconds: float | None
    change_seconds: float | None
    ended: str
    left_behind: tuple[str, ...] = ()

    def result(self) -> dict[str, t.Any]:
        return {**self.__dict__, "delivered": self.reason == DELIVERED, "left_behind": list(self.left_behind)}


def probe(drafts: Drafts, receiver: Receiver, url: str, timeout: float, linger: float = LINGER) -> Outcome:
    """Ask and wait.

    :param url: under which Exchange reaches the receiver.
    :param timeout: seconds to wait for each of both notifications.
    :raises PushOpsError: EWS refuses, or does not answer; what was begun is ended first.
    """
    left: list[str] = []
    status: float | None = None
    change: float | None = None
    try:
        drafts.subscribe(url)  # within: EWS may have done it, and its answer may be lost
        status = _seconds_until(receiver, STATUS, timeout)
        if status is not None:
            draft = _added(drafts)
            try:
                change = _seconds_until(receiver, CHANGE, timeout)
            finally:
                left += _deleted(drafts, draft)
    finally:
        _ended(receiver, linger)
    reason, sentence = _said(status, change, url, timeout)
    remedy = "" if reason == DELIVERED else _REMEDY
    ended = ANSWERED if receiver.ended else BY_ITSELF
    return Outcome(reason, sentence, remedy, status, change, ended, tuple(left))


def _seconds_until(receiver: Receiver, kind: str, timeout: float) -> float | None:
    began = time.monotonic()
    came = receiver.wait(lambda: kind in receiver.heard, timeout)
    return round(time.monotonic() - began, 2) if came else None


def _added(drafts: Drafts) -> t.Any:
    try:
        return drafts.add_draft()
    except Unreachable as problem:
        raise Unreachable(problem.what, f"Look for a draft that may stay in the mailbox. {problem.remedy}") from None


def _deleted(drafts: Drafts, draft: t.Any) -> list[str]:
    try:
        drafts.delete(draft)
    except PushOpsError as problem:
        return [f"A draft stays in the mailbox: {problem.what}"]
    return []


def _ended(receiver: Receiver, linger: float) -> None:
    """Have the subscription ended. Where nothing came, no answer can do it, and its own retries will."""
    receiver.end()
    if receiver.heard:
        receiver.wait(lambda: receiver.ended, linger)


def _said(status: float | None, change: float | None, url: str, timeout: float) -> tuple[str, str]:
    if status is None:
        return NO_STATUS, f"Exchange subscribed, and nothing came to {url} within {timeout:g} s"
    if change is None:
        return NO_CHANGE, f"Exchange reaches {url}, and told of no change within {timeout:g} s"
    return DELIVERED, f"Exchange told {url} of a change after {change:g} s"
