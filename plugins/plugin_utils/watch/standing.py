# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the push path of an environment while a playbook runs: each result changes a little of it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.pushops.securemail.plugins.module_utils.core import observations
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import (
    FAIL,
    NOT_TESTED,
    PASS,
    WARNING,
    Finding,
    judge,
    worst,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

#: Nothing was heard of the link yet, and one of its hosts is being asked.
UNKNOWN, ASKING = "unknown", "asking"
BADGE = "badge"
#: What somebody has to look at, the worst first.
PRESSING = (FAIL, NOT_TESTED, WARNING)

Result = t.Mapping[str, t.Any]

#: Module -> who is asked by it, a word of the check's id, and the links that its result tells of.
ANSWERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "xms_mdx_push_policy": ("xms", ("xms-policies",)),
    "netscaler_push_access": ("netscaler", ("registration-egress",)),
    "push_firewall_nftables": ("gateway", ("registration-egress", "listener-egress")),
    "push_proxy_squid": ("proxy", ("listener-egress",)),
    "exchange_ews_iis": ("exchange", ("read-ahead", "proxy-bypass")),
    "push_firewall_windows": ("host-firewall", ("listener-egress",)),
    "exchange_egress_info": ("egress", ("listener-egress",)),
    "apns_certificate": ("key-store", ("apns-certificate",)),
}
_FACTS, _VERDICT = "exchange_push_info", "push_path_verdict"
_OF_FACTS = ("read-ahead", "ews-health", "proxy-bypass", "listener-egress")
_BADGES = {"arrived": PASS, "not tested": UNKNOWN}


class Standing:
    """The path of one environment.

    :param name: of the environment.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.badge = UNKNOWN
        self._findings: dict[tuple[str, str], Finding] = {}
        self._asking: set[tuple[str, str]] = set()

    def asks(self, module: str, host: str) -> bool:
        """A task begins on a host. Whether its result will tell of the path."""
        links = _links(module)
        self._asking |= {(link, host) for link in links}
        return bool(links)

    def hears(self, module: str, host: str, result: Result, *, changed_now: bool = False) -> list[Finding]:
        """What is new in a task's result: findings that are not as before, the worst first.

        :param result: as registered, with ``failed``, ``skipped`` and ``unreachable``.
        :param changed_now: what the result lists as changes is done already, not only predicted.
        """
        self._asking = {(link, busy) for link, busy in self._asking if busy != host}
        if module == _VERDICT and not result.get("failed"):
            self.badge = _BADGES.get(result["badge"], FAIL)
            return self._note([_from_record(record) for record in result["checks"]])
        return self._note(_findings(module, host, result, changed_now))

    def state(self, link: str) -> str:
        """The worst that any host said of it; ``unknown`` or ``asking`` where none did."""
        if link == BADGE:
            return self.badge
        states = {finding.state for finding in self._findings.values() if finding.link == link}
        if any(one == link for one, _host in self._asking) and worst(states) in (PASS, "left out"):
            return ASKING
        return worst(states) if states else UNKNOWN

    @property
    def worst(self) -> str:
        """The worst of the whole path, the badge included."""
        return worst({self.state(link) for link in (*LINKS, BADGE)})

    @property
    def concern(self) -> Finding | None:
        """What to name if there is room for one thing: the first of the worst, in the order of the path."""
        for state in PRESSING:
            of_state = [finding for finding in self._findings.values() if finding.state == state]
            if of_state:
                return min(of_state, key=lambda finding: list(LINKS).index(finding.link))
        return None

    def _note(self, findings: t.Iterable[Finding]) -> list[Finding]:
        fresh = []
        for finding in findings:
            before = self._findings.get((finding.id, finding.host))
            self._findings[(finding.id, finding.host)] = finding
            if before is None or (before.state, before.evidence) != (finding.state, finding.evidence):
                fresh.append(finding)
        return sorted(fresh, key=lambda finding: finding.state != FAIL)


def _links(module: str) -> tuple[str, ...]:
    return _OF_FACTS if module == _FACTS else ANSWERS.get(module, ("", ()))[1]


def _findings(module: str, host: str, result: Result, changed_now: bool) -> t.Iterator[Finding]:
    if module == _FACTS:
        yield from observations.of_exchange(host, result, None)
        return
    asked, links = ANSWERS.get(module, ("", ()))
    for finding in judge(asked, links, {host: result}):
        if not changed_now:
            yield finding
        elif finding.state == NOT_TESTED and result.get("failed"):
            yield replace(finding, state=FAIL, evidence=str(result.get("msg", "no reason given")))
        elif finding.state == FAIL and result.get("changed") and not _hindered(finding.link, result):
            yield replace(finding, state=PASS, evidence=f"set now: {finding.evidence}")
        else:
            yield finding


def _hindered(link: str, result: Result) -> bool:
    """Whether something is left that the change did not mend."""
    waits = result.get("gate") and not result["gate"]["needed_by"]
    return bool(waits) or any(obstacle["link"] == link for obstacle in result.get("obstacles", []))


def _from_record(record: Result) -> Finding:
    asked = record["id"].partition(".")[2]
    return Finding(record["link"], asked, record["host"], record["state"], record["evidence"], record["remedy"])
