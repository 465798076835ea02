# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan against a NetScaler in memory: whatever others have there, ours works, stays, goes, and touches nothing."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    NotConverged,
    Refused,
    UnexpectedState,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome, reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import authorization
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.desired import Desired, parse_networks
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.gateway import Gateway, read
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.push_access import PushAccess
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.netscaler.fake_netscaler import (
    GROUP,
    FakeNetScaler,
)

NAME = "pushops_registration"
NETWORKS = parse_networks(["203.0.113.23", "203.0.113.24"])
BINDING = "aaagroup_authorizationpolicy_binding"
TO_ALL = "CLIENT.IP.DST.IN_SUBNET(203.0.113.0/24)"
RULES = st.sampled_from(
    [
        "true",
        TO_ALL,
        "CLIENT.IP.DST.EQ(203.0.113.23)",
        "CLIENT.IP.DST.EQ(198.51.100.1)",
        "CLIENT.TCP.DSTPORT.EQ(22)",
        'HTTP.REQ.HEADER("User-Agent").CONTAINS("x")',
    ]
)
ACL_FIELDS = st.sampled_from(
    [
        {},
        {"destip": True, "destipval": "203.0.113.0-203.0.113.23"},
        {"destip": True, "destipval": "203.0.113.24"},
        {"srcip": True, "srcipval": "192.0.2.1"},
        {"destport": True, "destportval": "80", "protocol": "TCP"},
    ]
)
POLICIES = st.lists(
    st.tuples(RULES, st.sampled_from(["ALLOW", "DENY"]), st.integers(5, 120)), max_size=5, unique_by=lambda row: row[2]
)
ACLS = st.lists(
    st.tuples(ACL_FIELDS, st.sampled_from(["ALLOW", "DENY", "BRIDGE"]), st.integers(10, 60)),
    max_size=4,
    unique_by=lambda row: row[2],
)


def access(fake: FakeNetScaler, **changed: t.Any) -> PushAccess:
    desired = {"policy": NAME, "groups": (GROUP,), "networks": NETWORKS, **changed}
    return PushAccess(fake.client(), Desired(**desired))


def run(fake: FakeNetScaler, check: bool = False, **changed: t.Any) -> Outcome[Gateway]:
    resource = access(fake, **changed)
    try:
        return reconcile(resource, check)
    finally:
        resource.close()
        assert not fake.tokens, "a session was left open"


def names(outcome: Outcome[Gateway]) -> list[str]:
    return [change.name for change in outcome.plan.changes]


def passes(fake: FakeNetScaler) -> list[bool | None]:
    gateway = read(fake.client(), NAME, [GROUP])
    fake.tokens.clear()
    return [authorization.may_reach(gateway, gateway.group(GROUP), network, 443).passes for network in NETWORKS]


def populated(policies: list[tuple[str, str, int]], acls: list[tuple[dict[str, t.Any], str, int]]) -> FakeNetScaler:
    fake = FakeNetScaler()
    for number, (rule, action, priority) in enumerate(policies):
        fake.deny(f"theirs{number}", rule, priority, action)
    for number, (fields, action, priority) in enumerate(acls):
        fake.acl(f"acl{number}", action, priority, **fields)
    fake.save()
    return fake


@settings(deadline=None)
@given(POLICIES, ACLS)
def test_whatever_others_have_the_flow_passes_and_theirs_is_untouched(
    policies: list[tuple[str, str, int]], acls: list[tuple[dict[str, t.Any], str, int]]
) -> None:
    fake = populated(policies, acls)
    before = copy.deepcopy(fake.foreign(NAME))
    predicted = run(fake, check=True)
    assert fake.foreign(NAME) == before and predicted.changed
    applied = run(fake)
    assert applied.plan == predicted.plan and passes(fake) == [True, True]
    assert fake.foreign(NAME) == before
    for check in (False, True):
        lines = len(fake.lines)
        assert not run(fake, check=check).changed
        assert {line.split()[0] for line in fake.lines[lines:]} == {"POST", "GET"}, "only login, reads and logout"
    assert run(fake, present=False).changed and fake.foreign(NAME) == before
    assert not [row for rows in fake.tables.values() for row in rows if NAME in str(row)]
    assert not run(fake, present=False).changed


def test_one_session_and_one_save_and_only_what_differs() -> None:
    fake = FakeNetScaler()
    assert names(run(fake)) == [f"authorization policy {NAME}", f"binding in AAA group {GROUP}", "saved configuration"]
    writes = [line for line in fake.lines if not line.startswith("GET")]
    assert writes == [
        "POST login",
        "POST authorizationpolicy",
        f"PUT {BINDING}",
        "POST nsconfig?action=save",
        "POST logout",
    ]


def test_the_session_is_closed_on_failure_too() -> None:
    fake = FakeNetScaler()
    fake.answers[len(_reads(fake)) + 1] = (500, '{"errorcode": 1, "message": "broken"}')
    with pytest.raises(Refused, match="broken"):
        run(fake)
    assert fake.lines[-1] == "POST logout"


@pytest.mark.parametrize("broken", [(500, '{"errorcode": 1, "message": "broken"}'), Unreachable("gone", "wait")])
@pytest.mark.parametrize("present", [True, False])
def test_a_run_that_ends_before_any_of_its_writes_is_finished_by_the_next_one(
    present: bool, broken: tuple[int, str] | Exception
) -> None:
    """Policy without binding, binding without save, an ACL that is not applied: whatever is left half done."""
    start = FakeNetScaler()
    start.acl("deny", "DENY", 50)
    start.save()
    if not present:
        run(start)
    foreign = copy.deepcopy(start.foreign(NAME))
    whole = copy.deepcopy(start)
    run(whole, present=present)
    began = len(start.lines)
    writes = [number for number in range(began, len(whole.lines)) if not whole.lines[number].startswith("GET")][1:-1]
    assert len(writes) > 4
    for number in writes:
        fake = copy.deepcopy(start)
        fake.answers[number] = broken
        with pytest.raises((Refused, Unreachable)):
            run(fake, present=present)
        assert fake.lines[-1] == "POST logout" and not fake.tokens
        run(fake, present=present)
        assert fake.tables == whole.tables and fake.applied == whole.applied and fake.saved == whole.saved
        assert fake.foreign(NAME) == foreign and not run(fake, present=present).changed


def _reads(fake: FakeNetScaler) -> list[str]:
    """The requests of one read, counted on a copy."""
    trial = copy.deepcopy(fake)
    run(trial, check=True)
    return [line for line in trial.lines if line.startswith("GET")]


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda fake: fake.table(BINDING).clear(), [f"binding in AAA group {GROUP}", "saved configuration"]),
        (
            lambda fake: fake.table("authorizationpolicy")[0].update(rule="true"),
            [f"authorization policy {NAME}", "saved configuration"],
        ),
        (
            lambda fake: fake.table("authorizationpolicy")[0].update(action="DENY"),
            [f"authorization policy {NAME}", "saved configuration"],
        ),
        (
            lambda fake: fake.deny("theirs", "true", 50),
            [f"binding in AAA group {GROUP}", "saved configuration"],
        ),
        (
            lambda fake: fake.table(BINDING)[0].update(gotopriorityexpression="NEXT"),
            [f"binding in AAA group {GROUP}", "saved configuration"],
        ),
        (
            lambda fake: fake.acl("deny", "DENY", 10),
            [f"ACL {NAME}_203.0.113.24", f"ACL {NAME}_203.0.113.23", "applied ACLs", "saved configuration"],
        ),
    ],
)
def test_drift_is_mended_alone(break_it: t.Callable[[FakeNetScaler], None], expected: list[str]) -> None:
    fake = FakeNetScaler()
    run(fake)
    break_it(fake)
    fake.save()
    assert names(run(fake)) == expected and passes(fake) == [True, True]
    assert not run(fake).changed


@pytest.mark.parametrize(
    "break_it",
    [
        lambda row: row.update(aclaction="DENY"),
        lambda row: row.update(state="DISABLED"),
        lambda row: row.update(srcip=True, srcipval="192.0.2.1"),
        lambda row: row.update(destipval="203.0.113.1"),
        lambda row: row.update(priority="90"),
    ],
)
def test_an_acl_of_ours_that_somebody_edited_is_replaced(break_it: t.Callable[[dict[str, t.Any]], None]) -> None:
    fake = FakeNetScaler()
    fake.acl("deny", "DENY", 50, destip=True, destipval="203.0.113.24")
    run(fake)
    (ours,) = [row for row in fake.table("nsacl") if row["aclname"] == f"{NAME}_203.0.113.24"]
    break_it(ours)
    fake.applied = copy.deepcopy(fake.table("nsacl"))
    fake.save()
    outcome = run(fake)
    assert names(outcome) == [f"ACL {NAME}_203.0.113.24", "applied ACLs", "saved configuration"]
    assert passes(fake) == [True, True] and not run(fake).changed


def test_an_acl_that_is_needed_no_longer_goes() -> None:
    fake = FakeNetScaler()
    fake.acl("deny", "DENY", 50)
    run(fake)
    fake.table("nsacl")[:] = [row for row in fake.table("nsacl") if row["aclname"] != "deny"]
    fake.applied = copy.deepcopy(fake.table("nsacl"))
    fake.save()
    assert len(names(run(fake))) == 4 and fake.table("nsacl") == []


def test_somebody_was_quicker_and_that_is_judged_by_reading_again() -> None:
    fake = FakeNetScaler()
    resource = access(fake)
    plan = resource.plan(resource.read())
    resource.close()
    run(fake)
    resource.apply(plan)  # 409 for the policy, the binding as it is
    assert not resource.plan(resource.read()).changed
    resource.close()


def test_a_write_that_has_no_effect_is_an_error() -> None:
    fake = FakeNetScaler()
    fake.answers[len(_reads(fake)) + 1] = (201, "")
    with pytest.raises(NotConverged, match=f"authorization policy {NAME}"):
        run(fake)


def test_no_priority_is_left() -> None:
    fake = FakeNetScaler()
    fake.deny("theirs", TO_ALL, 1)
    with pytest.raises(UnexpectedState, match=r"No priority is free in AAA group Users before theirs \(1\)"):
        run(fake)
    fake = FakeNetScaler()
    fake.acl("deny", "DENY", 1)
    with pytest.raises(UnexpectedState, match=r"No priority is free before the ACL deny \(1\)"):
        run(fake)
    assert not fake.table("authorizationpolicy")


def test_reverse_split_tunneling_is_a_tunnel_too() -> None:
    fake = FakeNetScaler()
    fake.tables["vpnparameter"][0]["splittunnel"] = "REVERSE"
    assert run(fake).changed


@pytest.mark.parametrize("what", ["sta", "split", "nothing"])
def test_where_nothing_is_needed_nothing_is_done(what: str) -> None:
    fake = FakeNetScaler()
    if what == "sta":
        del fake.tables["vpnglobal_staserver_binding"]
    elif what == "split":
        fake.tables["vpnparameter"][0]["splittunnel"] = "ON"
    else:
        del fake.tables["vpnvserver"]
    assert not run(fake).changed


def test_a_session_policy_whose_rule_is_not_known_may_open_the_tunnel() -> None:
    fake = FakeNetScaler()
    fake.tables["vpnparameter"][0]["splittunnel"] = "ON"
    fake.tables["vpnsessionaction"] = [{"name": "a", "splittunnel": "OFF"}]
    fake.tables["vpnsessionpolicy"] = [{"name": "p", "rule": "REQ.HTTP.HEADER User-Agent CONTAINS x", "action": "a"}]
    fake.tables["vpnvserver_vpnsessionpolicy_binding"] = [{"name": "gw", "policy": "p", "priority": "10"}]
    gateway = read(fake.client(), NAME, [GROUP])
    assert authorization.settings(gateway, gateway.group(GROUP), "splittunnel") == ("OFF", "ON")
    fake.tokens.clear()
    assert run(fake).changed
    fake.tables["aaagroup_vpnsessionpolicy_binding"] = [{"groupname": GROUP, "policy": "q", "priority": "10"}]
    fake.tables["vpnsessionpolicy"].append({"name": "q", "rule": "ns_true", "action": "b"})
    fake.tables["vpnsessionaction"].append({"name": "b", "splittunnel": "ON"})
    gateway = read(fake.client(), NAME, [GROUP])
    assert authorization.settings(gateway, gateway.group(GROUP), "splittunnel") == ("ON",)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("policy_name", {"policy": "1st"}),
        ("policy_name", {"policy": "x" * 65}),
        ("groups", {"groups": ()}),
        ("groups", {"groups": ("a", "a")}),
        ("groups", {"groups": (" ",)}),
        ("destinations", {"networks": ()}),
        ("destinations", {"networks": parse_networks([f"203.0.{n}.1" for n in range(100)])}),
        ("port", {"port": 65536}),
    ],
)
def test_what_cannot_be_right_is_named_before_anything_connects(field: str, changed: dict[str, t.Any]) -> None:
    fake = FakeNetScaler()
    with pytest.raises(InvalidInput) as caught:
        access(fake, **changed)
    assert caught.value.field == field and fake.lines == []
