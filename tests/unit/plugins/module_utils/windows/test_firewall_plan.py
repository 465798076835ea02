# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a host's own rules, carried out on a netsh that knows rules by name alone."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_plan import (
    after,
    own_rules,
    plan,
    surplus,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_policy import (
    Policy,
    Profile,
    StoredRule,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_rules import Rule
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_spec import Desired, parse_desired
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_verdict import judge_flow
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.windows import conftest
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.windows.netsh_table import Split, carry_out

LISTENER = Flow("listener", "l.example.com", (), ("203.0.113.21", "203.0.113.22", "2001:db8::21"), (443,))
NAME = "pushops.securemail listener"
RIGHT = (
    "v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=443|RA4=203.0.113.21|RA4=203.0.113.22|RA6=2001:db8::21|"
    f"Name={NAME}|Desc=l.example.com|"
)
BLOCKING = {name: Profile(True, True, True) for name in ("domain", "private", "public")}


def host(*texts: str) -> Policy:
    return Policy(BLOCKING, tuple(StoredRule(f"{{{n}}}", Rule.parse(text)) for n, text in enumerate(texts)))


def lines_of(policy: Policy, desired: Desired) -> list[str]:
    return [line for change in plan(policy, desired).changes for line in change.action]


def test_a_missing_rule_is_one_line_with_all_addresses(split_arguments: Split) -> None:
    (line,) = lines_of(host(), Desired(False, (LISTENER,)))
    assert split_arguments(line)[5:] == [
        f"name={NAME}", "dir=out", "action=allow", "enable=yes", "profile=any", "protocol=TCP", "remoteport=443",
        "remoteip=203.0.113.21,203.0.113.22,2001:db8::21", "description=l.example.com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        RIGHT.replace("v2.30", "v2.33"),
        RIGHT.replace("RA4=203.0.113.21|RA4=203.0.113.22", "RA4=203.0.113.21-203.0.113.22"),
        RIGHT.replace("RA4=203.0.113.21", "RA4=203.0.113.21/255.255.255.255"),
        RIGHT.replace("Dir=Out|", "Dir=Out|Profile=Domain|Profile=Private|Profile=Public|"),
        RIGHT.replace("RA6=2001:db8::21", "RA6=2001:0DB8:0:0::0021"),
        f"{RIGHT}FieldOfTheFuture=7|",
    ],
)
def test_a_rule_of_the_same_meaning_stays(text: str) -> None:
    assert not plan(host(text), Desired(False, (LISTENER,))).changed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Active=TRUE", "Active=FALSE"),
        ("Action=Allow", "Action=Block"),
        ("Protocol=6", "Protocol=17"),
        ("RPort=443", "RPort=80"),
        ("RPort=443|", ""),
        ("RPort=443", "RPort=443|RPort=80"),
        ("RA4=203.0.113.22|", ""),
        ("RA6=2001:db8::21|", ""),
        ("RA4=203.0.113.22", "RA4=203.0.113.22|RA4=203.0.113.23"),
        ("RA4=203.0.113.22", "RA4=203.0.113.22|RA4=LocalSubnet"),
        ("RPort=443", "RPort=443|LA4=192.0.2.1"),
        ("RPort=443", "RPort=443|App=C:\\x.exe"),
        ("RPort=443", "RPort=443|Svc=x"),
        ("RPort=443", "RPort=443|Profile=Domain"),
        ("RPort=443", "RPort=443|IFType=Lan"),
        ("Desc=l.example.com", "Desc=other"),
    ],
)
def test_a_rule_of_another_meaning_is_replaced_and_the_flow_is_never_shut(
    split_arguments: Split, old: str, new: str
) -> None:
    before, desired = host(RIGHT.replace(old, new)), Desired(False, (LISTENER,))
    assert RIGHT.replace(old, new) != RIGHT
    lines = lines_of(before, desired)
    assert [split_arguments(line)[3] for line in lines] == ["add", "delete", "set"]
    for count in range(1, len(lines) + 1):
        between = carry_out(before, lines[:count], split_arguments)
        if "Block" not in new or count > 1:  # a block rule wins until it is gone
            assert judge_flow(between, "domain", LISTENER).passes is True
        repaired = carry_out(between, lines_of(between, desired), split_arguments)
        assert not plan(repaired, desired).changed, "a run that ended here cannot be carried on"
        assert [stored.rule.name for stored in repaired.rules] == [NAME]


def test_doubles_become_one_and_are_shown(split_arguments: Split) -> None:
    before, desired = host(RIGHT, RIGHT), Desired(False, (LISTENER,))
    (change,) = plan(before, desired).changes
    assert isinstance(change.before, list) and len(change.before) == 2 and change.link == ""
    assert len(carry_out(before, change.action, split_arguments).rules) == 1


def test_rules_of_others_and_of_group_policy_are_not_touched() -> None:
    inbound = RIGHT.replace("Dir=Out", "Dir=In")
    policy = host("v2.30|Action=Block|Active=TRUE|Dir=Out|Name=pushops.security|", inbound)
    foreign = StoredRule("{P}", Rule.parse(RIGHT), group_policy=True)
    policy = Policy(policy.profiles, (*policy.rules, foreign))
    assert own_rules(policy) == {}
    assert not plan(policy, Desired(True, ())).changed


def test_absent_takes_the_named_flows_or_all() -> None:
    other = RIGHT.replace(NAME, "pushops.securemail other")
    named = plan(host(RIGHT, other), Desired(True, (LISTENER,))).changes
    assert [change.name for change in named] == [f"outbound rule '{NAME}'"]
    assert len(plan(host(RIGHT, other), Desired(True, ())).changes) == 2


def test_a_flow_without_a_common_family_is_cut_to_what_can_run() -> None:
    flow = Flow("listener", "", ("192.0.2.11",), ("203.0.113.21", "2001:db8::21"), (443, 8443))
    (line,) = lines_of(host(), Desired(False, (flow,)))
    assert 'remoteip=203.0.113.21"' in line and "localip=192.0.2.11" in line and "remoteport=443,8443" in line


@pytest.mark.parametrize(
    ("flows", "field"),
    [
        ([], "flows"),
        ([{"name": "a", "destinations": ["192.0.2.1"]}, {"name": "A", "destinations": ["192.0.2.1"]}], "flows[1].name"),
    ],
)
def test_what_cannot_be_asked_is_named(flows: list[dict[str, t.Any]], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_desired({"state": "present", "flows": flows, "profile": "domain"})
    assert refused.value.field == field


def many(first: int, count: int, version: int = 4) -> tuple[str, ...]:
    """Every second address, so that none can be joined with its neighbor."""
    base = ipaddress.ip_address("198.18.0.1" if version == 4 else "2001:db8::1")
    return tuple(str(base + 2 * number) for number in range(first, first + count))


def listener(destinations: tuple[str, ...], sources: tuple[str, ...] = ()) -> Flow:
    return Flow("listener", "l.example.com", sources, destinations, (443,))


def test_more_addresses_than_a_line_holds_are_several_rules_of_one_name(split_arguments: Split) -> None:
    flow = listener(many(0, 1500) + many(0, 20, 6), ("192.0.2.1", "2001:db8:1::1"))
    before, desired = host(), Desired(False, (flow,))
    (change,) = plan(before, desired).changes
    done = carry_out(before, change.action, split_arguments)
    assert all(7500 < len(line) <= 8191 for line in change.action[:-1])
    assert change.name == f"outbound rule '{NAME}'" and change.link == "listener-egress"
    assert [stored.rule.name for stored in done.rules] == [NAME] * len(change.action) == [NAME] * 3
    assert isinstance(change.after, list) and len(change.after) == 3
    for held in (done, after(before, desired)):
        assert not plan(held, desired).changed and surplus(held, desired.flows) == []
        assert judge_flow(held, "domain", flow).passes is True
        assert judge_flow(held, "domain", listener(("198.18.0.2",))).passes is False
    kinds = [(bool(stored.rule.all("LA4")), bool(stored.rule.all("LA6"))) for stored in done.rules]
    assert kinds == [(True, False), (True, False), (True, True)]


def test_long_addresses_fill_their_lines_and_never_more() -> None:
    base = ipaddress.ip_address("2001:db8:1111:2222:3333:4444:5555:6661")
    addresses = tuple(str(base + 2 * number) for number in range(500))
    for length in range(1, 41):  # an address and its comma: every way in which a line can end
        lines = lines_of(host(), Desired(False, (Flow("listener", "x" * length, (), addresses, (443,)),)))
        assert len(lines) == 3 and all(8100 < len(line) <= 8191 for line in lines[:-1])


def test_a_source_list_too_long_for_a_line_is_refused() -> None:
    with pytest.raises(InvalidInput, match="8191 at most"):
        plan(host(), Desired(False, (listener(many(0, 2), many(2, 900)),)))


@pytest.mark.parametrize(("old", "new"), [((0, 1500), (50, 1500)), ((0, 1500), (0, 2)), ((0, 2), (0, 1500))])
def test_several_rules_are_replaced_and_no_common_address_is_ever_shut(
    split_arguments: Split, old: tuple[int, int], new: tuple[int, int]
) -> None:
    was = Desired(False, (listener(many(*old)),))
    before = carry_out(host(), lines_of(host(), was), split_arguments)
    desired = Desired(False, (listener(many(*new)),))
    common = listener(tuple(sorted({*many(*old)} & {*many(*new)})))
    lines = lines_of(before, desired)
    for count in range(1, len(lines) + 1):
        between = carry_out(before, lines[:count], split_arguments)
        assert judge_flow(between, "domain", common).passes is True
        repaired = carry_out(between, lines_of(between, desired), split_arguments)
        assert not plan(repaired, desired).changed, "a run that ended here cannot be carried on"
        assert {stored.rule.name for stored in repaired.rules} == {NAME}


def test_one_of_several_rules_is_missed_and_one_too_many_is_named(split_arguments: Split) -> None:
    desired = Desired(False, (listener(many(0, 1500)),))
    right = carry_out(host(), lines_of(host(), desired), split_arguments)
    for wrong in (right.local[1:], (*right.local, right.local[0]), (*right.local[1:], right.local[-1])):
        before = right.with_local(wrong)
        assert surplus(before, desired.flows) == ([NAME] if len(wrong) > 3 else [])
        assert not plan(carry_out(before, lines_of(before, desired), split_arguments), desired).changed
        assert plan(before, desired).changed
    absent = Desired(True, desired.flows)
    assert carry_out(right, lines_of(right, absent), split_arguments).rules == ()


_octets = st.lists(st.integers(0, 20), min_size=1, max_size=6)
_names = st.sampled_from(["listener", "registration", "listener.1", "gone"])
_texts = st.builds(
    lambda name, octets, active, case: (
        f"v2.30|Action=Allow|Active={active}|Dir=Out|Protocol=6|RPort=443|"
        + "".join(f"RA4=203.0.113.{octet}|" for octet in octets)
        + f"Name={('pushops.securemail ' + name).upper() if case else 'pushops.securemail ' + name}|"
    ),
    _names,
    _octets,
    st.sampled_from(["TRUE", "FALSE"]),
    st.booleans(),
)
_flows = st.dictionaries(st.sampled_from(["listener", "registration"]), _octets, max_size=2).map(
    lambda flows: tuple(
        Flow(name, "", (), tuple(f"203.0.113.{octet}" for octet in octets), (443,)) for name, octets in flows.items()
    )
)


@given(st.lists(_texts, max_size=6), _flows, st.booleans())
def test_planning_twice_is_empty_and_check_mode_predicts(
    texts: list[str], flows: tuple[Flow, ...], absent: bool
) -> None:
    before, desired = host(*texts), Desired(absent or not flows, flows)
    done = carry_out(before, lines_of(before, desired), conftest.split_arguments)
    assert not plan(done, desired).changed
    predicted = after(before, desired)
    assert not plan(predicted, desired).changed
    assert sorted(own_rules(predicted)) == sorted(own_rules(done))
    for flow in flows:
        assert judge_flow(predicted, "domain", flow).passes == judge_flow(done, "domain", flow).passes
