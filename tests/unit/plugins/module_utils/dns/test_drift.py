# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From answers to drift: what is compared, what is not trusted, and what is only unknown."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.dns.answers import Answer, Resolver, parse_resolvers
from ansible_collections.pushops.securemail.plugins.module_utils.dns.drift import (
    NameReport,
    concerns,
    judge,
    summary,
)

ONE, OTHER = Resolver("192.0.2.53"), Resolver("2001:db8::53", 5353)
PINNED = ("52.6.252.176", "52.7.0.0/24")
HERE = ("52.6.252.176", "52.7.0.9")
FLOW = Flow("listener", "listener.example.com", (), PINNED, (443,))


def said(resolver: Resolver, *addresses: str, family: str = "A", status: str = "NOERROR") -> Answer:
    return Answer(resolver, family, status, addresses, 60)


def codes(report: NameReport) -> list[str]:
    return [reason.code for reason in report.reasons]


def test_pinned_addresses_that_resolve_are_no_drift() -> None:
    report = judge(FLOW, [said(ONE, *HERE), said(ONE, family="AAAA")], [])
    assert (report.state, report.added, report.removed, report.unchanged) == ("as pinned", (), (), PINNED)
    assert (codes(report), concerns([report])) == (["as-pinned"], [])
    assert summary([report]) == "Names: listener.example.com resolve as pinned."


def test_addresses_that_came_and_went_are_drift_and_named() -> None:
    report = judge(FLOW, [said(ONE, "52.6.252.177", "52.7.0.9"), said(ONE, "2a01:b740::1", family="AAAA")], [])
    assert report.state == "drifted"
    assert report.added == ("52.6.252.177", "2a01:b740::1")
    assert (report.removed, report.unchanged) == (("52.6.252.176",), ("52.7.0.0/24",))
    assert codes(report) == ["address-added", "address-removed"]
    assert concerns([report]) == [
        "listener: listener.example.com resolves to 52.6.252.177, 2a01:b740::1, not pinned",
        "listener: listener.example.com no longer resolves to 52.6.252.176, pinned",
    ]


def test_a_name_that_is_gone_is_drift() -> None:
    gone = [said(ONE, family=family, status="NXDOMAIN") for family in ("A", "AAAA")]
    report = judge(FLOW, gone, [])
    assert (report.state, report.removed, codes(report)[0]) == ("drifted", PINNED, "nxdomain")
    empty = judge(FLOW, [said(ONE), said(ONE, family="AAAA")], [])
    assert (empty.state, codes(empty)[0]) == ("drifted", "no-address")


@pytest.mark.parametrize("status", ["TIMEOUT", "SERVFAIL", "REFUSED", "UNREACHABLE", "MALFORMED"])
def test_a_resolver_that_fails_says_nothing_about_the_name(status: str) -> None:
    failed = [said(ONE, family=family, status=status) for family in ("A", "AAAA")]
    report = judge(FLOW, failed, [])
    assert (report.state, report.added, report.removed, codes(report)) == ("unknown", (), (), [status.lower()])
    assert f"{status} from 192.0.2.53 (A), 192.0.2.53 (AAAA)" in concerns([report])[0]
    other = [said(OTHER, *HERE), said(OTHER, family="AAAA")]
    assert judge(FLOW, [*failed, *other], []).state == "as pinned"


def test_a_family_that_nobody_answered_for_is_not_called_removed() -> None:
    flow = Flow("listener", "listener.example.com", (), (*PINNED, "2a01:b740::1"), (443,))
    report = judge(flow, [said(ONE, *HERE), said(ONE, family="AAAA", status="TIMEOUT")], [])
    assert (report.state, report.removed) == ("as pinned", ())
    assert codes(report) == ["timeout", "as-pinned"]


@pytest.mark.parametrize("lie", ["10.0.0.1", "127.0.0.1", "0.0.0.0", "169.254.1.1", "203.0.113.9"])
def test_a_resolver_that_answers_outside_the_internet_is_not_trusted(lie: str) -> None:
    lies = [said(ONE, lie, "52.9.9.9"), said(ONE, family="AAAA")]
    report = judge(FLOW, lies, [])
    assert (report.state, report.added, report.removed, codes(report)) == (
        "unknown",
        (),
        (),
        ["special-purpose-answer"],
    )
    truth = [said(OTHER, *HERE), said(OTHER, family="AAAA")]
    assert judge(FLOW, [*lies, *truth], []).state == "as pinned"


def test_what_is_allowed_or_pinned_is_no_lie() -> None:
    flow = Flow("listener", "listener.example.com", (), ("203.0.113.21",), (443,))
    assert judge(flow, [said(ONE, "203.0.113.21")], []).state == "as pinned"
    report = judge(flow, [said(ONE, "203.0.113.21", "203.0.113.22")], ["203.0.113.0/24"])
    assert codes(report) == ["address-added"]


def test_resolvers_that_disagree_are_named() -> None:
    report = judge(FLOW, [said(ONE, *HERE), said(OTHER, status="NXDOMAIN")], [])
    assert report.state == "as pinned"
    (sentence,) = [reason.sentence for reason in report.reasons if reason.code == "resolvers-disagree"]
    assert sentence == ("resolvers disagree on A: 192.0.2.53: 52.6.252.176, 52.7.0.9; 2001:db8::53 port 5353: NXDOMAIN")


def test_without_a_resolver_all_is_unknown() -> None:
    report = judge(FLOW, [], [])
    assert (report.state, codes(report)) == ("unknown", ["no-resolver"])


_hosts = st.sets(st.integers(0x34000000, 0x34000020), max_size=12).map(
    lambda numbers: tuple(str(ipaddress.IPv4Address(number)) for number in sorted(numbers))
)


@given(_hosts.filter(bool), st.lists(_hosts, min_size=1, max_size=3))
def test_following_the_reported_drift_would_end_it(pinned: tuple[str, ...], views: list[tuple[str, ...]]) -> None:
    answers = [said(Resolver(f"192.0.2.{number}"), *view) for number, view in enumerate(views)]
    report = judge(Flow("f", "f.example.com", (), pinned, (443,)), answers, [])
    assert set(report.removed) | set(report.unchanged) == set(pinned)
    assert not set(report.removed) & set(report.unchanged)
    then = {*report.unchanged, *report.added}
    assert then == {address for view in views for address in view}
    if then:
        followed = judge(Flow("f", "f.example.com", (), tuple(sorted(then)), (443,)), answers, [])
        assert followed.state == "as pinned"


@pytest.mark.parametrize(
    ("resolver", "field"),
    [
        ({"address": "dns.example.com", "port": 53}, "resolvers[0].address"),
        ({"address": "192.0.2.0/24", "port": 53}, "resolvers[0].address"),
        ({"address": "192.0.2.53", "port": 0}, "resolvers[0].port"),
        ({"address": "192.0.2.53", "port": 65536}, "resolvers[0].port"),
    ],
)
def test_a_resolver_that_cannot_be_right_is_named(resolver: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_resolvers([resolver])
    assert refused.value.field == field
