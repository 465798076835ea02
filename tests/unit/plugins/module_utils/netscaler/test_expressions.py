# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions: ours match the declared networks and no neighbor; those of others are never guessed."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.desired import parse_networks
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.expressions import matches, opening, same

NETWORK = ipaddress.ip_network("54.154.200.233")
ADDRESSES = st.ip_addresses(network="198.51.100.0/27")
NETWORKS = st.tuples(ADDRESSES, st.integers(28, 32)).map(
    lambda pair: str(ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False))
)


def test_our_own_expression() -> None:
    networks = parse_networks(["54.154.204.192", "54.154.200.233", "54.154.200.233/32", "2001:db8::/64"])
    assert opening(networks, 443) == (
        "(CLIENT.IP.DST.EQ(54.154.200.233) || CLIENT.IP.DST.EQ(54.154.204.192)"
        " || CLIENT.IPV6.DST.IN_SUBNET(2001:db8::/64)) && CLIENT.TCP.DSTPORT.EQ(443)"
    )
    assert opening(networks[:1], 8443) == "CLIENT.IP.DST.EQ(54.154.200.233) && CLIENT.TCP.DSTPORT.EQ(8443)"


@given(st.lists(NETWORKS, min_size=1, max_size=4), ADDRESSES, st.sampled_from([442, 443, 444, 4430]))
def test_it_matches_what_is_declared_and_nothing_else(declared: list[str], address: object, port: int) -> None:
    networks = parse_networks(declared)
    is_declared = any(ipaddress.ip_address(str(address)) in network for network in networks)
    asked = ipaddress.ip_network(str(address))
    assert matches(opening(networks, 443), asked, port) is (is_declared and port == 443)


@given(st.lists(NETWORKS, min_size=1, max_size=4), NETWORKS)
def test_an_answer_about_a_network_holds_for_each_of_its_addresses(declared: list[str], asked: str) -> None:
    rule = opening(parse_networks(declared), 443)
    network = ipaddress.ip_network(asked)
    answer = matches(rule, network, 443)
    each = {matches(rule, ipaddress.ip_network(str(address)), 443) for address in network}
    assert answer is None or each == {answer}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("ns_true", True),
        ("false || true && false", False),
        ("(false || true) && true", True),
        ("!true", False),
        ("!(CLIENT.TCP.DSTPORT.EQ(80))", True),
        ("CLIENT.TCP.DSTPORT.NE(443)", False),
        ("CLIENT.TCP.DSTPORT.BETWEEN(1,1023)", True),
        ("CLIENT.TCP.DSTPORT.BETWEEN(1,1023).NOT", False),
        ("CLIENT.IP.DST.IN_SUBNET(54.154.0.0/16)", True),
        ("CLIENT.IP.DST.IN_SUBNET(54.155.0.0/16)", False),
        ("CLIENT.IPV6.DST.EQ(2001:db8::1)", False),
        # What hangs on the session is not known, unless it does not matter.
        ('HTTP.REQ.HEADER("User-Agent").CONTAINS("CitrixReceiver")', None),
        ('HTTP.REQ.URL.CONTAINS("a && b)") || true', True),
        ('HTTP.REQ.URL.CONTAINS("(") && CLIENT.TCP.DSTPORT.EQ(80)', False),
        ("REQ.IP.DESTIP == 54.154.200.233 -netmask 255.255.255.255", None),
        ("CLIENT.IP.DST.EQ(54.154.0.0/16)", None),
        # Nor is what nobody could have meant.
        ("", None),
        ("(true", None),
        ("true)", None),
        ("true &&", None),
        ("CLIENT.TCP.DSTPORT.BETWEEN(1)", None),
        ('"open', None),
        ("CLIENT.IP.DST.EQ(54.154.200.999)", None),
    ],
)
def test_expressions_of_others(text: str, answer: bool | None) -> None:
    assert matches(text, NETWORK, 443) is answer


@given(st.text("()!&|truefalsCLIENT.PDSEQ0123\"' ", max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    assert matches(text, NETWORK, 443) in (True, False, None)


def test_blanks_make_no_difference() -> None:
    assert same("A.EQ(1)&&B", " A.EQ( 1 ) && B ") and not same("A", "B")
