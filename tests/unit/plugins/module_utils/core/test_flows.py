# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared flows: what is taken, and which declarations are refused by name."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import parse_flows, permits

LISTENER = {"name": "listener", "destinations": ["203.0.113.11"], "ports": [443]}


def test_addresses_become_canonical_and_unique() -> None:
    (flow,) = parse_flows(
        [{**LISTENER, "sources": ["192.0.2.11/32", "192.0.2.11"], "destinations": ["2001:DB8:0::1", "203.0.113.0/28"]}]
    )
    assert flow.sources == ("192.0.2.11",)
    assert flow.destinations == ("2001:db8::1", "203.0.113.0/28")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "two words"}, "flows[0].name"),
        ({"name": "x" * 33}, "flows[0].name"),
        ({"fqdn": "203.0.113.11"}, "flows[0].fqdn"),
        ({"ports": []}, "flows[0].ports"),
        ({"ports": [443, 0]}, "flows[0].ports[1]"),
        ({"ports": [65536]}, "flows[0].ports[0]"),
        ({"destinations": []}, "flows[0].destinations"),
        ({"destinations": ["203.0.113.11", "203.0.113.300"]}, "flows[0].destinations[1]"),
        ({"destinations": ["203.0.113.11/24"]}, "flows[0].destinations[0]"),
        ({"destinations": ["fe80::1%eth0"]}, "flows[0].destinations[0]"),
        ({"destinations": ["0.0.0.0/0"]}, "flows[0].destinations[0]"),
        ({"sources": ["exch01"]}, "flows[0].sources[0]"),
        ({"sources": ["2001:db8::1", "fe80::1%eth0"]}, "flows[0].sources[1]"),
        ({"sources": ["2001:db8::1"]}, "flows[0].sources"),
    ],
)
def test_what_cannot_be_right_is_named(wrong: dict[str, t.Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_flows([{**LISTENER, **wrong}])
    assert refused.value.field == field
    assert refused.value.remedy


def test_two_flows_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"flows\[1\]\.name"):
        parse_flows([LISTENER, {**LISTENER, "ports": [8443]}])


@pytest.mark.parametrize(
    ("source", "destination", "port", "passes"),
    [
        ("192.0.2.11", "203.0.113.15", 443, True),
        ("192.0.2.11", "203.0.113.16", 443, False),
        ("192.0.2.11", "203.0.113.15", 444, False),
        ("192.0.2.12", "203.0.113.15", 443, False),
        ("2001:db8::9", "2001:db8::1", 8443, True),
        ("2001:db8::9", "2001:db8::1", 443, False),
        ("2001:db8::9", "::ffff:203.0.113.15", 443, False),
        ("192.0.2.11", "2001:db8::1", 8443, False),
        ("192.0.2.11", "LISTENER.example.com", 443, True),
        ("192.0.2.12", "listener.example.com", 443, False),
        ("192.0.2.11", "x.listener.example.com", 443, False),
    ],
)
def test_what_is_declared_answers_for_address_and_name(source: str, destination: str, port: int, passes: bool) -> None:
    named = {"name": "listener", "fqdn": "listener.example.com", "sources": ["192.0.2.11"]}
    flows = parse_flows(
        [
            {**named, "destinations": ["203.0.113.0/28"], "ports": [443]},
            {"name": "anyone", "destinations": ["2001:db8::1"], "ports": [8443]},
        ]
    )
    assert permits(flows, source, destination, port) is passes
    assert permits((), source, destination, port) is False
