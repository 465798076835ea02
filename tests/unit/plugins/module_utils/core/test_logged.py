# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Exchange hosts logged, in the verdict of a run without a badge."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import Verdict, judge
from ansible_collections.pushops.securemail.plugins.module_utils.core.logged import logged_sentences

NOTHING = {"failed_sends": 0, "subscriptions_given_up": 0, "last_time": "", "last_endpoint": "", "last_status": ""}
FAILED = {
    "failed_sends": 7,
    "subscriptions_given_up": 1,
    "last_time": "2026-01-02T03:04:05Z",
    "last_endpoint": "https://l.example.com/mail",
    "last_status": "ConnectFailure",
}
MISSING = {"arrived": False, "content_free": True, "devices": []}


def facts(events: dict[str, t.Any], state: str = "Started") -> dict[str, t.Any]:
    return {
        "exchange": {"product": "Exchange Server 2019", "version": "15.2.986.5"},
        "app_pool": {"name": "MSExchangeServicesAppPool", "state": state},
        "flows": [{"fqdn": "l.example.com", "events": events}],
    }


def test_count_time_endpoint_and_cause() -> None:
    assert logged_sentences({"exch01": facts(FAILED)}) == [
        "LOGGED on exch01 (Exchange Server 2019, build 15.2.986.5): 7 x event 6 (a send failed),"
        " 1 x event 7 (given up), last at 2026-01-02T03:04:05Z against https://l.example.com/mail, ConnectFailure"
    ]


def test_silence_a_stopped_pool_a_host_without_answer_and_one_not_asked() -> None:
    lines = logged_sentences(
        {
            "a": facts(NOTHING, "Stopped"),
            "b": {"failed": True, "msg": "no route"},
            "c": {"unreachable": True},
            "d": None,
        }
    )
    assert lines == [
        "LOGGED on a (Exchange Server 2019, build 15.2.986.5): no event 6 or 7 names l.example.com",
        "LOGGED on a: MSExchangeServicesAppPool is Stopped",
        "LOGGED on b: not known, no route",
        "LOGGED on c: not known, no reason given",
    ]


def test_it_is_said_only_where_the_badge_is_missing() -> None:
    for probe, said in ((MISSING, True), ({**MISSING, "arrived": True}, False), (None, False)):
        lines = Verdict((), probe, exchange={"exch01": facts(FAILED)}).sentences()
        assert any(line.startswith("LOGGED") for line in lines) is said


def test_an_obstacle_breaks_its_link_though_nothing_would_change() -> None:
    result = {"changes": [], "obstacles": [{"link": "listener-egress", "sentence": "Group Policy blocks it"}]}
    found = Verdict(judge("exchange", ["listener-egress", "read-ahead"], {"exch01": result}), None)
    assert found.broken == ("listener-egress",)
    assert "  exch01: Group Policy blocks it" in found.sentences()
