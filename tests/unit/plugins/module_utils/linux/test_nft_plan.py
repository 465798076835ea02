# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan over rule sets as nft 1.0.6 prints them; a small model of nft applies its transactions."""

from __future__ import annotations

import ipaddress
import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Plan
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import parse, shown
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening, plan, transaction
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.nft_table import Json, Nft, chain

ACCEPT: list[Json] = [{"accept": None}]
DROP_443: list[Json] = [
    {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}},
    {"drop": None},
]


def flow(name: str = "listener", **given: t.Any) -> Flow:
    values: Json = {"fqdn": "", "sources": (), "destinations": ("203.0.113.11",), "ports": (443,), **given}
    return Flow(name, **values)


def opening(*flows: Flow, **given: t.Any) -> Opening:
    values: Json = {"hook": "forward", "chain": None, "present": True, **given}
    return Opening(flows=flows, **values)


def converge(nft: Nft, asked: Opening) -> Plan:
    """Plan, run the transaction, and see that planning again finds nothing."""
    made = plan(parse(nft.document()), asked)
    nft.run(transaction(made))
    assert plan(parse(nft.document()), asked).changes == ()
    return made


def comments(nft: Nft, where: str = "forward") -> list[str]:
    return [e["rule"].get("comment", "") for e in nft.entries if "rule" in e and e["rule"]["chain"] == where]


def set_names(nft: Nft) -> set[str]:
    return {e["set"]["name"] for e in nft.entries if "set" in e}


def gateway() -> Nft:
    nft = Nft(chain("input", "input"), chain("forward", "forward"), chain("nat", "postrouting", kind="nat"))
    nft.rule("forward", ACCEPT, "the host's own")
    return nft


def test_one_flow_becomes_a_set_and_two_rules_at_the_head() -> None:
    nft = gateway()
    made = converge(nft, opening(flow(sources=("192.0.2.11",), fqdn="listener.example.com")))
    assert comments(nft) == [
        "pushops.securemail listener out listener.example.com",
        "pushops.securemail listener reply listener.example.com",
        "the host's own",
    ]
    assert set_names(nft) == {"pushops_forward_listener_dst4", "pushops_forward_listener_src4"}
    assert {change.link for change in made.changes} == {"listener-egress"}
    assert comments(nft, "input") == []
    reply, out = (change.after.split(" comment ")[0] for change in made.changes if " rule " in change.name)
    ends = "@pushops_forward_listener_dst4", "@pushops_forward_listener_src4"
    assert out == "ip daddr {} ip saddr {} tcp dport 443 ct state established,new counter accept".format(*ends)
    assert reply == "ip saddr {} ip daddr {} tcp sport 443 ct state established counter accept".format(*ends)


def test_a_host_without_a_base_chain_needs_nothing() -> None:
    assert plan(parse(Nft(chain("helper")).document()), opening(flow())).changes == ()


def test_every_base_chain_on_the_hook_is_opened_in_its_own_families() -> None:
    nft = Nft(chain("forward", "forward", "ip"), chain("forward", "forward", "ip6"), chain("br", "forward", "bridge"))
    converge(nft, opening(flow(destinations=("203.0.113.11", "2001:db8::11"))))
    kept = {(e["set"]["family"], e["set"]["name"], e["set"]["type"]) for e in nft.entries if "set" in e}
    assert kept == {
        ("ip", "pushops_forward_listener_dst4", "ipv4_addr"),
        ("ip6", "pushops_forward_listener_dst6", "ipv6_addr"),
    }


def test_flows_from_the_host_itself_get_their_replies_on_input() -> None:
    nft = Nft(chain("input", "input"), chain("output", "output"), chain("mark", "output", kind="route"))
    converge(nft, opening(flow(), hook="output"))
    assert comments(nft, "output") == ["pushops.securemail listener out"]
    assert comments(nft, "input") == ["pushops.securemail listener reply"]
    assert comments(nft, "mark") == []
    converge(nft, opening(flow("ssh", ports=(22,)), hook="input"))
    assert comments(nft, "output") == ["pushops.securemail ssh reply", "pushops.securemail listener out"]


def test_only_the_elements_that_differ_travel() -> None:
    nft = gateway()
    many = [str(ipaddress.ip_address("198.51.100.0") + 2 * number) for number in range(100)]
    converge(nft, opening(flow(destinations=tuple(many))))
    made = plan(parse(nft.document()), opening(flow(destinations=(*many[1:], "203.0.113.99"))))
    assert [next(iter(command)) for command in transaction(made)] == ["delete", "create"]
    assert [change.name.rsplit(": ")[-1] for change in made.changes] == ["198.51.100.0", "203.0.113.99"]
    assert [change.link for change in made.changes] == ["", "listener-egress"]


@pytest.mark.parametrize("version", [4, 6])
def test_of_ten_thousand_prefixes_the_fifty_that_changed_travel(version: int) -> None:
    nft = gateway()
    base, size = ("10.0.0.0", 24) if version == 4 else ("2001:db8::", 64)
    step = 2 << (32 if version == 4 else 128) - size  # every second prefix, so that none is next to another
    many = [f"{ipaddress.ip_address(base) + step * number}/{size}" for number in range(10_050)]
    converge(nft, opening(flow(destinations=tuple(many[:10_000]))))
    made = converge(nft, opening(flow(destinations=tuple(many[25:10_025]))))
    sent = transaction(made)
    assert [next(iter(command)) for command in sent] == ["delete", "create"]
    gone, come = (command[verb]["element"]["elem"] for command, verb in zip(sent, ("delete", "create"), strict=True))
    assert [shown(element) for element in gone] == many[:25] and [shown(e) for e in come] == many[10_000:10_025]
    assert len(json.dumps(sent)) < 50 * 100 + 500 and len(made.changes) == 50


def test_neighbors_of_one_set_become_one_command() -> None:
    nft = gateway()
    converge(nft, opening(flow()))
    made = plan(parse(nft.document()), opening(flow(destinations=("203.0.113.11", "203.0.113.13", "203.0.113.15"))))
    (command,) = transaction(made)
    assert command["create"]["element"]["elem"] == ["203.0.113.13", "203.0.113.15"]
    assert len(made.changes) == 2


@pytest.mark.parametrize(
    "blocking",
    [
        DROP_443,
        [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}],
        [{"jump": {"target": "helper"}}],
        [{"goto": {"target": "empty"}}],
        [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@verdicts"}}],
        [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", {"drop": None}]]}}}],
    ],
    ids=["drop", "reject", "jump", "goto", "named verdicts", "verdicts"],
)
def test_a_rule_behind_one_that_may_drop_moves_to_the_head(blocking: list[Json]) -> None:
    nft = gateway()
    nft.entries += [chain("helper"), chain("empty")]
    nft.rule("helper", DROP_443)
    converge(nft, opening(flow()))
    nft.rule("forward", blocking, "foreign", head=True)
    made = converge(nft, opening(flow()))
    assert [change.link for change in made.changes] == ["listener-egress"] * 2
    assert all("behind" in change.before for change in made.changes)
    assert comments(nft)[2:] == ["foreign", "the host's own"]


def test_a_foreign_rule_that_cannot_drop_may_stand_before_ours() -> None:
    nft = gateway()
    nft.entries.append(chain("helper"))
    nft.rule("helper", ACCEPT)
    converge(nft, opening(flow()))
    for harmless in (ACCEPT, [{"jump": {"target": "helper"}}], [{"counter": {"packets": 0, "bytes": 0}}]):
        nft.rule("forward", harmless, "foreign", head=True)
    assert plan(parse(nft.document()), opening(flow())).changes == ()


def test_doubles_are_reduced_to_one() -> None:
    nft = gateway()
    converge(nft, opening(flow()))
    ours = next(e["rule"] for e in nft.entries if "rule" in e and "out" in e["rule"].get("comment", ""))
    nft.rule("forward", ours["expr"], ours["comment"])
    nft.rule("forward", ours["expr"], ours["comment"], head=True)
    made = converge(nft, opening(flow()))
    assert len(made.changes) == 2
    assert {change.link for change in made.changes} == {""}
    assert comments(nft).count("pushops.securemail listener out") == 1


def test_several_ports_are_one_rule_for_each_direction() -> None:
    nft = gateway()
    made = converge(nft, opening(flow("apns", ports=(443, 2197, 5223))))
    rules = [change.after for change in made.changes if "rule" in change.name]
    assert ["dport 443,2197,5223" in rule or "sport 443,2197,5223" in rule for rule in rules] == [True, True]


def test_a_rule_that_was_edited_is_replaced() -> None:
    nft = gateway()
    converge(nft, opening(flow()))
    ours = next(e["rule"] for e in nft.entries if "rule" in e and "out" in e["rule"].get("comment", ""))
    ours["expr"][1]["match"]["right"] = 8443
    (change,) = converge(nft, opening(flow())).changes
    assert "tcp dport 8443" in change.before
    assert "tcp dport 443" in change.after


def test_a_new_name_in_the_comment_breaks_no_link() -> None:
    nft = gateway()
    converge(nft, opening(flow(fqdn="old.example.com")))
    made = converge(nft, opening(flow(fqdn="new.example.com")))
    assert [change.link for change in made.changes] == ["", ""]


def test_what_is_no_longer_declared_goes_away() -> None:
    nft = gateway()
    converge(nft, opening(flow(), flow("registration", sources=("192.0.2.0/24",))))
    converge(nft, opening(flow()))
    assert set_names(nft) == {"pushops_forward_listener_dst4"}
    assert not any("registration" in comment for comment in comments(nft))


def test_absent_takes_back_what_is_named_or_everything() -> None:
    nft = gateway()
    before = nft.document()
    converge(nft, opening(flow(), flow("registration")))
    converge(nft, opening(flow("registration"), present=False))
    assert set_names(nft) == {"pushops_forward_listener_dst4"}
    assert [comment.split()[-1] for comment in comments(nft)] == ["out", "reply", "own"]
    converge(nft, opening(present=False))
    assert nft.document() == before


def test_a_set_that_somebody_else_uses_stays() -> None:
    nft = gateway()
    converge(nft, opening(flow()))
    destination = {"payload": {"protocol": "ip", "field": "daddr"}}
    theirs = {"match": {"op": "==", "left": destination, "right": "@pushops_forward_listener_dst4"}}
    nft.rule("forward", [theirs, {"accept": None}], "foreign")
    converge(nft, opening(present=False))
    assert set_names(nft) == {"pushops_forward_listener_dst4"}
    assert comments(nft) == ["the host's own", "foreign"]


def test_a_set_of_our_name_and_another_type_is_left_alone() -> None:
    nft = gateway()
    name = "pushops_forward_listener_dst4"
    body = {"family": "inet", "table": "filter", "name": name, "type": "inet_service", "handle": 3}
    nft.entries.append({"set": body})
    with pytest.raises(UnexpectedState, match=r"type inet_service.*Delete the set"):
        plan(parse(nft.document()), opening(flow()))


def test_one_chain_can_be_named() -> None:
    nft = Nft(chain("forward", "forward"), chain("other", "forward"))
    converge(nft, opening(flow(), chain=("inet", "filter", "other")))
    assert comments(nft) == []
    with pytest.raises(InvalidInput, match=r"chain is 'inet filter nowhere'.*inet filter forward, inet filter other"):
        plan(parse(nft.document()), opening(flow(), chain=("inet", "filter", "nowhere")))


@pytest.mark.parametrize("document", [[], {}, {"nftables": [{"rule": {}}]}, {"nftables": [{"chain": None}]}, None])
def test_a_document_of_another_shape_is_refused(document: t.Any) -> None:
    with pytest.raises(UnexpectedState, match="unknown shape"):
        parse(document)


NETWORKS = st.tuples(st.integers(0, 63), st.integers(26, 32)).map(
    lambda pair: str(ipaddress.ip_network((int(ipaddress.ip_address("203.0.113.0")) + pair[0], pair[1]), strict=False))
)
ADDRESSES = st.lists(NETWORKS, min_size=1, max_size=6).map(tuple)
FLOWS = st.lists(
    st.builds(flow, st.sampled_from(["a", "b", "c"]), destinations=ADDRESSES, sources=st.just(()) | ADDRESSES),
    max_size=3,
    unique_by=lambda each: each.name,
)


def addresses(listed: t.Iterable[t.Any]) -> set[int]:
    found: set[int] = set()
    for element in listed:
        text = f"{element['prefix']['addr']}/{element['prefix']['len']}" if isinstance(element, dict) else element
        fresh = {int(address) for address in ipaddress.ip_network(text)}
        assert not fresh & found, "interval overlaps with an existing one"
        found |= fresh
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(FLOWS, min_size=1, max_size=4))
def test_any_history_ends_in_exactly_what_is_declared_last(history: list[list[Flow]]) -> None:
    nft = gateway()
    for flows in history:
        made = converge(nft, opening(*flows))
        assert len({change.name for change in made.changes}) == len(made.changes)
        for declared in flows:
            held = next(
                e["set"] for e in nft.entries if e.get("set", {}).get("name", "").endswith(f"{declared.name}_dst4")
            )
            assert addresses(held["elem"]) == {
                int(address) for text in declared.destinations for address in ipaddress.ip_network(text)
            }
        assert comments(nft)[-1] == "the host's own"
        assert len(comments(nft)) == 2 * len(flows) + 1
