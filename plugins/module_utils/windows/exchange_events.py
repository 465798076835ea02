# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Exchange logged about notifications that it could not send: events 6 and 7 of "MSExchange Web Services".

Event 6 is one failed attempt, event 7 the end of a subscription after all of them. Only the XML is read: numbers, times
and the strings that Exchange put in, never the sentence around them, which follows the display language. Source of the
events: x500.co.uk, "Outbound EWS Streaming Notifications fail with EWS Errors 6 & 7".
"""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from ..core.errors import Refused
from .appcmd_reads import Question
from .cmdline import command_line
from .markup import parse
from .runner import CommandResult

SOURCE = "MSExchange Web Services"
FAILED, GAVE_UP = 6, 7
_NAMESPACE = {"e": "http://schemas.microsoft.com/win/2004/08/events/event"}
_URL = re.compile(r"https?://[^\s\]\"'<>]+", re.IGNORECASE)
#: .NET's word for what went wrong, which is part of no language: ``WebExceptionStatus``.
_STATUS = re.compile(r"Status: (\w+)")


@dataclass(frozen=True)
class SendEvent:
    """One event.

    :param time: as the event has it, UTC in ISO 8601.
    :param endpoints: the URLs among its strings.
    :param status: .NET's ``WebExceptionStatus``, such as ``ConnectFailure``; empty where it has none.
    """

    id: int
    time: str
    endpoints: tuple[str, ...]
    status: str

    def names(self, fqdn: str) -> bool:
        """Whether an endpoint is on this host."""
        return bool(self.endpoint(fqdn))

    def endpoint(self, fqdn: str) -> str:
        """The URL on this host; empty where the event names none."""
        return next((url for url in self.endpoints if _host(url) == fqdn.lower()), "")


def recent(seconds: int, count: int) -> Question[tuple[SendEvent, ...]]:
    """The newest events first.

    :param seconds: none older than this.
    :param count: at most so many.
    """
    chosen = (
        f"*[System[Provider[@Name='{SOURCE}'] and (EventID={FAILED} or EventID={GAVE_UP})"
        f" and TimeCreated[timediff(@SystemTime) <= {seconds * 1000}]]]"
    )
    line = command_line(
        "wevtutil", "qe", "Application", f"/q:{chosen}", f"/c:{count}", "/rd:true", "/f:xml", "/e:Events"
    )
    return Question(line, _understand)


def _understand(result: CommandResult) -> tuple[SendEvent, ...]:
    if result.rc != 0:
        raise Refused(
            f"The Application log cannot be read: exit code {result.rc}:"
            f" {' '.join((result.stderr or result.stdout).split())[:300]}",
            "Connect as a member of the host's Administrators or Event Log Readers group",
        )
    return tuple(
        _event(event) for event in parse(result.stdout, "wevtutil's list of events").iterfind("e:Event", _NAMESPACE)
    )


def _event(event: ET.Element) -> SendEvent:
    created = event.find("e:System/e:TimeCreated", _NAMESPACE)
    strings = [text for text in event.itertext() if text.strip()]
    endpoints = dict.fromkeys(url for text in strings for url in _URL.findall(text))
    statuses = [status for text in strings for status in _STATUS.findall(text)]
    return SendEvent(
        int(event.findtext("e:System/e:EventID", "0", _NAMESPACE)),
        created.get("SystemTime", "") if created is not None else "",
        tuple(endpoints),
        statuses[0] if statuses else "",
    )


def summarize(events: t.Sequence[SendEvent], fqdn: str) -> dict[str, t.Any]:
    """What concerns one listener: how often, when last, against which URL."""
    own = [event for event in events if event.names(fqdn)]
    last = own[0] if own else None
    return {
        "failed_sends": sum(event.id == FAILED for event in own),
        "subscriptions_given_up": sum(event.id == GAVE_UP for event in own),
        "last_time": last.time if last else "",
        "last_endpoint": last.endpoint(fqdn) if last else "",
        "last_status": next((event.status for event in own if event.status), ""),
    }


def _host(url: str) -> str:
    return re.split(r"[:/?#]", url.partition("://")[2], maxsplit=1)[0].lower()
