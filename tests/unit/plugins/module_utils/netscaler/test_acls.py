# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extended ACLs: which one stops a flow, checked against packets one by one."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.acls import Acl, stopping

NETWORK = ipaddress.ip_network("203.0.113.20/30")
Json = dict[str, t.Any]


def _acl(**fields: t.Any) -> Acl:
    return Acl.of({"aclname": "x", "aclaction": "DENY", "priority": "10", **fields})


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, True),
        ({"destip": True, "destipval": "203.0.113.20-203.0.113.23"}, True),
        ({"destip": True, "destipval": "203.0.113.22"}, None),
        ({"destip": True, "destipval": "203.0.113.24"}, False),
        ({"destip": True, "destipop": "!=", "destipval": "203.0.113.24"}, True),
        ({"destip": True, "destipop": "NEQ", "destipval": "203.0.113.0-203.0.113.255"}, False),
        ({"destport": True, "destportval": "400-500", "protocol": "TCP"}, True),
        ({"destport": True, "destportval": "80", "protocol": "TCP"}, False),
        ({"destport": True, "destportop": "!=", "destportval": "80", "protocol": "TCP"}, True),
        ({"protocol": "UDP"}, False),
        ({"protocolnumber": "6"}, True),
        ({"protocolnumber": 17}, False),
        ({"srcip": True, "srcipval": "192.0.2.1"}, None),
        ({"vlan": "5"}, None),
        ({"Interface": "1/1"}, None),
        ({"established": True}, None),
        ({"established": False, "srcip": "false", "srcmacmask": "000000000000", "td": "0"}, True),
        ({"state": "DISABLED"}, False),
    ],
)
def test_what_an_acl_matches(fields: Json, answer: bool | None) -> None:
    assert _acl(**fields).matches(NETWORK, 443) is answer


@pytest.mark.parametrize(
    ("state", "applied"),
    [("APPLIED", True), ("NOTAPPLIED", False), ("RE-APPLY", False), ("SFAPPLIED", True), ("SFNOTAPPLIED61", False)],
)
def test_whether_the_packet_engine_has_it(state: str, applied: bool) -> None:
    assert _acl(kernelstate=state).applied is applied


@pytest.mark.parametrize("fields", [{"destipval": "x"}, {"destportval": "http"}, {"priority": "first"}])
def test_an_acl_that_cannot_be_read_is_said(fields: Json) -> None:
    with pytest.raises(UnexpectedState, match="The ACL 'x' cannot be read"):
        _acl(**fields)


def test_ours_is_read_as_it_was_written() -> None:
    for network in (ipaddress.IPv4Network("203.0.113.23/32"), ipaddress.IPv4Network("203.0.113.0/24")):
        ours = Acl.opening("pushops", network, 443, 9)
        assert Acl.of(ours.fields()) == ours
    assert ours.name == "pushops_203.0.113.0-203.0.113.255"


OCTETS = st.integers(18, 26)
ACLS = st.lists(
    st.builds(
        lambda action, priority, first, last: Acl(
            f"{action}{priority}", action, priority, (_number(min(first, last)), _number(max(first, last)))
        ),
        st.sampled_from(["ALLOW", "DENY", "BRIDGE"]),
        st.integers(1, 50),
        OCTETS,
        OCTETS,
    ),
    max_size=5,
    unique_by=lambda acl: acl.priority,
)


def _number(octet: int) -> int:
    return int(ipaddress.ip_address(f"203.0.113.{octet}"))


def _drops(acls: list[Acl], address: ipaddress.IPv4Address) -> bool:
    """What a packet meets: the first match decides."""
    for acl in sorted(acls, key=lambda each: each.priority):
        assert acl.destination
        if acl.destination[0] <= int(address) <= acl.destination[1]:
            return acl.action == "DENY"
    return False


@given(ACLS)
def test_what_stops_a_network_stops_some_packet_and_the_other_way_round(acls: list[Acl]) -> None:
    dropped = any(_drops(acls, address) for address in t.cast("ipaddress.IPv4Network", NETWORK))
    stopped = stopping(acls, NETWORK, 443)
    found = stopped[0] if stopped else None
    if dropped:
        assert found is not None
    if found is None:
        assert not dropped
    if stopped and stopped[1]:
        assert all(_drops(acls, address) for address in t.cast("ipaddress.IPv4Network", NETWORK))
    for address in t.cast("ipaddress.IPv4Network", NETWORK):
        assert (stopping(acls, ipaddress.ip_network(str(address)), 443) is not None) is _drops(acls, address)
