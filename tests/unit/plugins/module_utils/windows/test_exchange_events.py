# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events 6 and 7 from wevtutil's XML: one string or several, any language, only the listener's own."""

from __future__ import annotations

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.windows.exchange_events import recent, summarize
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"


def event(number: int, time: str, *strings: str) -> str:
    data = "".join(f"<Data>{text}</Data>" for text in strings)
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='MSExchange Web Services'/><EventID Qualifiers='32772'>{number}</EventID>"
        f"<TimeCreated SystemTime='{time}'/><EventRecordID>1</EventRecordID></System>"
        f"<EventData>{data}</EventData></Event>"
    )


PRINTED = "\r\n".join(
    [
        "<Events>",
        event(7, "2026-01-02T03:04:05.678Z", "9", "AAA=", f"https://{FQDN}/mail"),
        event(
            6, "2026-01-02T03:00:00.000Z", f"Échec [AAA=] [https://{FQDN.upper()}:443/mail] Status: ConnectFailure at"
        ),
        event(6, "2026-01-02T02:00:00.000Z", "AAA=", f"https://{FQDN}.example.net/", f"https://x/?https://{FQDN}"),
        event(6, "2026-01-02T01:00:00.000Z", "AAA=", ""),
        "</Events>",
    ]
)


def test_the_query_is_bounded_in_number_and_age_and_quoted_whole() -> None:
    assert recent(3600, 20).line == (
        "wevtutil qe Application \"/q:*[System[Provider[@Name='MSExchange Web Services']"
        ' and (EventID=6 or EventID=7) and TimeCreated[timediff(@SystemTime) <= 3600000]]]"'
        " /c:20 /rd:true /f:xml /e:Events"
    )


def test_only_what_names_the_listener_counts() -> None:
    events = recent(3600, 20).understand(CommandResult(0, PRINTED))
    assert len(events) == 4
    assert summarize(events, FQDN) == {
        "failed_sends": 1,
        "subscriptions_given_up": 1,
        "last_time": "2026-01-02T03:04:05.678Z",
        "last_endpoint": f"https://{FQDN}/mail",
        "last_status": "ConnectFailure",
    }


def test_none_is_no_error() -> None:
    events = recent(3600, 20).understand(CommandResult(0, "<Events>\r\n</Events>\r\n"))
    assert summarize(events, FQDN)["failed_sends"] == 0
    assert summarize(events, FQDN)["last_time"] == ""


def test_a_log_that_cannot_be_read_and_xml_that_is_none() -> None:
    with pytest.raises(Refused, match=r"exit code 5.*Zugriff"):
        recent(3600, 20).understand(CommandResult(5, "", "Zugriff verweigert"))
    with pytest.raises(UnexpectedState, match="wevtutil"):
        recent(3600, 20).understand(CommandResult(0, "<Events>"))
