# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a flow passes: block before allow, Group Policy before the host's own, and what cannot be proved."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_policy import (
    Policy,
    Profile,
    StoredRule,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_rules import Rule
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_verdict import judge_flow

FLOW = Flow("listener", "listener.example.com", (), ("203.0.113.20/30", "2001:db8::20"), (443,))
V4 = Flow("listener", "", (), ("203.0.113.20", "203.0.113.21"), (443,))
PUBLIC = Flow("listener", "", (), ("52.17.147.220",), (443,))
HEAD = "v2.30|Active=TRUE|Dir=Out|"


def policy(
    *rules: str, blocks: bool = False, enabled: bool = True, merges: bool = True, by_policy: t.Sequence[str] = ()
) -> Policy:
    profile = Profile(enabled, blocks, merges)
    stored = [
        StoredRule(f"{{{number}}}", Rule.parse(f"{HEAD}{rule}|Name=R{number}|")) for number, rule in enumerate(rules)
    ]
    stored += [
        StoredRule(f"{{P{number}}}", Rule.parse(f"{HEAD}{rule}|Name=P{number}|"), group_policy=True)
        for number, rule in enumerate(by_policy)
    ]
    return Policy({"domain": profile, "private": profile, "public": profile}, tuple(stored))


ALLOW = "Action=Allow|Protocol=6|RPort=443|RA4=203.0.113.20/255.255.255.252|RA6=2001:db8::20"


@pytest.mark.parametrize(
    ("host", "flow", "passes"),
    [
        (policy(), FLOW, True),
        (policy(blocks=True), FLOW, False),
        (policy(blocks=True, enabled=False), FLOW, True),
        (policy("Action=Block", enabled=False), FLOW, True),
        (policy(ALLOW, blocks=True), FLOW, True),
        (policy(ALLOW, blocks=True, merges=False), FLOW, False),
        (policy(blocks=True, merges=False, by_policy=[ALLOW]), FLOW, True),
        (policy("Action=Block", merges=False), FLOW, True),
        (policy(ALLOW, "Action=Block|RA4=203.0.113.23", blocks=True), FLOW, False),
        (policy(ALLOW, blocks=True, by_policy=["Action=Block|RPort=443|Protocol=6"]), FLOW, False),
        (
            policy("Action=Allow|RA4=203.0.113.20-203.0.113.22", "Action=Allow|RA4=203.0.113.23", blocks=True),
            FLOW,
            False,
        ),
        (policy("Action=Allow|RA4=203.0.113.20", "Action=Allow|RA4=203.0.113.21", blocks=True), V4, True),
        (policy("Action=Block|Protocol=17"), FLOW, True),
        (policy("Action=Block|RPort=80"), FLOW, True),
        (policy("Action=Block|RPort2_10=400-500"), FLOW, False),
        (policy("Action=Block|Profile=Public"), FLOW, True),
        (policy("Action=Block|Profile=Public|Profile=Domain"), FLOW, False),
        (policy("Action=Block|App=C:\\x.exe"), FLOW, True),
        (policy("Action=Block|App=%SystemRoot%\\system32\\inetsrv\\w3wp.exe"), FLOW, False),
        (policy("Action=Block|Svc=dnscache"), FLOW, True),
        (policy("Action=Block|AppPkgId=S-1-15-2-1"), FLOW, True),
        (policy("Action=Block|RA6=2001:db8::20"), V4, True),
        (policy("Action=Block|RA6=2001:db8::20"), FLOW, False),
        (policy("Action=Allow|RA4=203.0.113.0/24|Security=Authenticate", blocks=True), V4, None),
        (policy("Action=Block|IFType=Lan"), FLOW, None),
        (policy("Action=Block|Future3=1"), FLOW, None),
        (policy("Action=Block|RA42=Internet|RA62=Internet"), FLOW, None),
        (policy("Action=Block|RA4=203.0.113.20,203.0.113.21"), V4, None),
        (policy("Action=Block|RA4=LocalSubnet|RA6=LocalSubnet"), PUBLIC, True),
        (policy("Action=Block|RA4=LocalSubnet|RA6=LocalSubnet"), V4, None),
        (policy("Action=Block|LA4=192.0.2.11"), V4, None),
        (policy("Action=ByPass"), FLOW, True),
        (policy("Action=ByPass", blocks=True), FLOW, False),
    ],
)
def test_verdicts(host: Policy, flow: Flow, passes: bool | None) -> None:
    verdict = judge_flow(host, "domain", flow)
    assert verdict.passes is passes
    assert bool(verdict.reasons) is (passes is not True)


@pytest.mark.parametrize("field", ["Active=FALSE", "Dir=In"])
def test_rules_that_are_off_or_inbound_count_for_nothing(field: str) -> None:
    rule = Rule.parse(f"v2.30|{field}|Action=Block|Name=x|")
    rest = "Dir=Out" if "Active" in field else "Active=TRUE"
    rule = Rule(rule.version, (*rule.fields, tuple(rest.split("=", 1))))  # type: ignore[arg-type]
    profiles = policy().profiles
    assert judge_flow(Policy(profiles, (StoredRule("x", rule),)), "domain", FLOW).passes is True


def test_local_addresses_go_by_the_sources() -> None:
    flow = Flow("listener", "", ("192.0.2.11",), ("203.0.113.20",), (443,))
    assert judge_flow(policy("Action=Block|LA4=192.0.2.11"), "domain", flow).passes is False
    assert judge_flow(policy("Action=Block|LA4=192.0.2.12"), "domain", flow).passes is True
    assert judge_flow(policy("Action=Allow|LA4=192.0.2.0/24", blocks=True), "domain", flow).passes is True


def test_every_port_of_a_flow_must_pass() -> None:
    flow = Flow("listener", "", (), ("203.0.113.20",), (443, 8443))
    assert judge_flow(policy("Action=Allow|Protocol=6|RPort=443", blocks=True), "domain", flow).passes is False
    assert judge_flow(policy("Action=Allow|Protocol=6|RPort2_10=1-9000", blocks=True), "domain", flow).passes is True


def test_reasons_name_the_rule_its_id_and_the_addresses() -> None:
    host = policy(ALLOW, by_policy=["Action=Block|RA4=203.0.113.21-203.0.113.22"])
    (reason,) = judge_flow(host, "domain", FLOW).reasons
    assert reason == "203.0.113.21, 203.0.113.22 blocked by Group Policy rule 'P0' ({P0})"


# --- against an oracle that asks for each address on its own

_octets = st.integers(0, 7)
_ranges = st.tuples(_octets, _octets).map(lambda ends: (min(ends), max(ends)))
_rules = st.lists(
    st.tuples(st.sampled_from(["Allow", "Block"]), st.lists(_ranges, max_size=2), st.booleans()), max_size=6
)


@given(_rules, st.lists(_ranges, min_size=1, max_size=2), st.booleans(), st.booleans())
def test_intervals_say_what_each_address_says(
    rules: list[tuple[str, list[tuple[int, int]], bool]], wanted: list[tuple[int, int]], blocks: bool, merges: bool
) -> None:
    texts: dict[bool, list[str]] = {True: [], False: []}
    for action, ranges, foreign in rules:
        fields = "".join(f"|RA4=203.0.113.{first}-203.0.113.{last}" for first, last in ranges)
        texts[foreign].append(f"Action={action}{fields}")
    asked = {octet for first, last in wanted for octet in range(first, last + 1)}
    flow = Flow("listener", "", (), tuple(f"203.0.113.{octet}" for octet in asked), (443,))

    def passes(octet: int) -> bool:
        meets = [
            action
            for action, ranges, foreign in rules
            if (foreign or merges) and (not ranges or any(first <= octet <= last for first, last in ranges))
        ]
        return "Block" not in meets and ("Allow" in meets or not blocks)

    verdict = judge_flow(policy(*texts[False], by_policy=texts[True], blocks=blocks, merges=merges), "domain", flow)
    assert verdict.passes is all(map(passes, asked))
    named = {str(ipaddress.ip_address(f"203.0.113.{octet}")) for octet in asked if not passes(octet)}
    assert bool(named) is bool(verdict.reasons)
