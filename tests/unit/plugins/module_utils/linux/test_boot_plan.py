# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded at boot, and what a revert restores: both bring our part back, and touch nothing else."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.intervals import Interval, merge
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Change
from ansible_collections.pushops.securemail.plugins.module_utils.linux import boot, boot_plan, nft_revert
from ansible_collections.pushops.securemail.plugins.module_utils.linux.boot import BootState, unit_text
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import snapshot
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import parse
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening, plan, transaction
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.nft_table import Json, Nft, chain

NFT = "/usr/sbin/nft"


def gateway() -> Nft:
    nft = Nft(chain("input", "input"), chain("forward", "forward"), chain("other", "forward"))
    nft.rule("forward", [{"accept": None}], "the host's own")
    nft.rule("other", [{"drop": None}])
    return nft


def opening(*flows: Flow, present: bool = True, where: str = "", hook: str = "forward") -> Opening:
    return Opening(hook, ("inet", "filter", where) if where else None, flows, present)


def converge(nft: Nft, asked: Opening) -> None:
    nft.run(transaction(plan(parse(nft.document()), asked)))


def meaning(nft: Nft) -> tuple[dict[str, list[Interval]], dict[str, list[tuple[str, str]]]]:
    """Addresses by set, and rules by chain: ours in any order before the others in theirs."""
    ruleset = parse(nft.document())
    sets = {
        " ".join(name): merge(addresses for _element, addresses in held.intervals)
        for name, held in ruleset.sets.items()
    }
    rules = {
        str(name): sorted((r.comment, r.canonical) for r in held if r.comment.startswith("pushops"))
        + [(r.comment, r.canonical) for r in held if not r.comment.startswith("pushops")]
        for name, held in ruleset.rules.items()
    }
    return sets, rules


FLOWS = st.lists(
    st.builds(
        Flow,
        st.sampled_from(["a", "b", "c"]),
        st.just(""),
        st.sampled_from([(), ("192.0.2.11",), ("192.0.2.0/28", "2001:db8:1::/64")]),
        st.sampled_from([("203.0.113.1", "203.0.113.8/29"), ("2001:db8::1", "203.0.113.2")]),
        st.sampled_from([(443,), (443, 8443)]),
    ),
    max_size=3,
    unique_by=lambda flow: flow.name,
)
OPENINGS = st.builds(
    lambda flows, present, where, hook: opening(*flows, present=present, where=where, hook=hook),
    FLOWS,
    st.booleans(),
    st.sampled_from(["", "forward", "other"]),
    st.just("forward"),
) | st.builds(lambda flows, hook: opening(*flows, hook=hook), FLOWS, st.sampled_from(["input", "output"]))


@settings(max_examples=150, deadline=None)
@given(st.lists(OPENINGS, min_size=1, max_size=4))
def test_what_is_loaded_at_boot_is_what_runs(history: list[Opening]) -> None:
    running = gateway()
    for asked in history:
        predicted = boot_plan.wanted(parse(running.document()), asked)
        converge(running, asked)
        loaded = boot_plan.wanted(parse(running.document()), asked)
        assert list(boot_plan.changes(asked.hook, state(predicted), loaded)) == [], "check mode predicts another file"
        assert "handle" not in str(loaded)
    booted = gateway()
    for hook in ("forward", "input", "output"):
        nothing = opening(Flow("unheard-of", "", (), ("203.0.113.99",), (1,)), present=False, hook=hook)
        booted.run(boot_plan.wanted(parse(running.document()), nothing))
    assert meaning(booted) == meaning(running)


@settings(max_examples=150, deadline=None)
@given(st.lists(OPENINGS, max_size=3), OPENINGS, st.booleans())
def test_a_revert_restores_what_was_ours_and_nothing_else(
    history: list[Opening], asked: Opening, meddled: bool
) -> None:
    nft = gateway()
    for before in history:
        converge(nft, before)
    record = snapshot(parse(nft.document()), asked.hook, NFT)
    expected = copy.deepcopy(nft)
    converge(nft, asked)
    for touched in (expected, nft) if meddled else ():
        touched.rule("forward", [{"counter": {"packets": 0, "bytes": 0}}], "somebody else's")
    nft.run(nft_revert.restoring(record, nft.document()))
    assert meaning(nft) == meaning(expected)


def test_a_rule_goes_back_to_where_it_stood() -> None:
    nft = gateway()
    converge(nft, opening(Flow("a", "", (), ("203.0.113.1",), (443,)), where="forward"))
    nft.rule("forward", [{"drop": None}], "first", head=True)
    before = [e["rule"].get("comment") for e in nft.entries if "rule" in e]
    record = snapshot(parse(nft.document()), "forward", NFT)
    converge(nft, opening(present=False))
    nft.run(nft_revert.restoring(record, nft.document()))
    assert [e["rule"].get("comment") for e in nft.entries if "rule" in e] == before


def state(commands: list[Json] | None = None, **given: t.Any) -> BootState:
    values: Json = {"unit": unit_text("forward", NFT) if commands else None, "running": True, **given}
    for hook in ("input", "output"):
        if commands and hook in str(commands[0]):
            values["unit"] = unit_text(hook, NFT)
    return BootState(True, NFT, commands or None, **values)


def changes(present: BootState, asked: list[Json]) -> list[Change]:
    return list(boot_plan.changes("forward", present, asked))


def test_each_part_that_is_missing_is_put_back() -> None:
    nft = gateway()
    asked = boot_plan.wanted(parse(nft.document()), opening(Flow("a", "", (), ("203.0.113.1",), (443,))))
    fresh = changes(BootState(True, NFT), asked)
    assert [change.action.kind for change in fresh] == ["commands", "unit"]
    assert fresh[0].after.startswith("1 sets, 1 elements, 4 rules (SHA-256 ")
    assert changes(state(asked), asked) == []
    assert changes(state(list(reversed(asked))), asked) == []
    assert [c.action.kind for c in changes(state(asked[:-1]), asked)] == ["commands"]
    assert [c.before for c in changes(state(asked, unit="[Unit]"), asked)] == ["another text"]
    assert [c.before for c in changes(state(asked, running=False), asked)] == ["not started or disabled"]
    assert [c.action.kind for c in changes(state(asked), [])] == ["remove"]
    assert changes(BootState(False, NFT), []) == []


def test_without_systemd_it_says_what_to_set() -> None:
    nft = gateway()
    asked = boot_plan.wanted(parse(nft.document()), opening(Flow("a", "", (), ("203.0.113.1",), (443,))))
    with pytest.raises(InvalidInput, match=r"persist is True.*Set persist to false"):
        changes(BootState(False, NFT), asked)


def test_a_file_that_is_no_document_holds_nothing() -> None:
    assert [boot._commands(content) for content in (b"", b"[]", b'{"nftables": 1}')] == [[], [], []]
