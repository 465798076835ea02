# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change in a rule set so that flows pass: pure, from the parsed rule set to one transaction.

An accept in one base chain does not open what another base chain on the same hook drops (nft(8), "VERDICT
STATEMENT"), so the flows are opened in every base chain of type filter that the host has there.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput, UnexpectedState
from ..core.flows import Flow
from ..core.intervals import Interval, contains, merge, subtract, to_cidrs
from ..core.path import LINKS
from ..core.reconcile import Change, Plan
from . import nft_commands as commands
from .nft_model import Chain, Json, Name, NamedSet, Rule, Ruleset, Table, shown
from .nft_rules import (
    DIRECTIONS,
    SET_TYPE,
    VERSIONS,
    WantedRule,
    owner,
    render,
    set_owner,
    version_of,
    wanted_rules,
    wanted_sets,
)

_Wanted = dict[Name, tuple[int, list[Interval]]]


@dataclass(frozen=True)
class Opening:
    """What is asked.

    :param hook: ``forward`` (flows through the host), ``output`` (from it) or ``input`` (to it).
    :param chain: the one base chain to keep to; ``None`` for every base chain that the flows meet.
    :param present: open exactly ``flows``; otherwise remove them, or all where none is named.
    """

    hook: str
    chain: Name | None
    flows: tuple[Flow, ...]
    present: bool

    @property
    def wanted(self) -> tuple[Flow, ...]:
        return self.flows if self.present else ()

    def keeps(self, flow: str) -> bool:
        """Whether this opening decides about a flow of ours by that name."""
        return self.present or not self.flows or flow in {named.name for named in self.flows}

    def in_scope(self, table: Table) -> bool:
        return self.chain is None or self.chain[:2] == table


def decides(opening: Opening, chain: Chain, rule: Rule) -> bool:
    """Whether a rule that stands in a chain is ours and for this opening to keep, move or remove."""
    found = owner(rule.comment)
    return found is not None and opening.keeps(found[0]) and found[1] in DIRECTIONS[opening.hook].get(chain.hook, ())


def targets(ruleset: Ruleset, opening: Opening) -> list[Chain]:
    """The base chains in which packets of the flows can be dropped.

    :raises InvalidInput: the chain that is named is none of them.
    """
    found = [
        chain
        for chain in ruleset.chains.values()
        if chain.type == "filter" and chain.name[0] in VERSIONS and chain.hook in DIRECTIONS[opening.hook]
    ]
    if opening.chain is None:
        return found
    named = [chain for chain in found if chain.name == opening.chain]
    if not named:
        there = ", ".join(str(chain) for chain in found) or "none"
        expected = f"a base chain of type filter that flows on hook {opening.hook} meet ({there})"
        raise InvalidInput("chain", " ".join(opening.chain), expected, "Correct it, or leave it out to open them all")
    return named


def plan(ruleset: Ruleset, opening: Opening) -> Plan:
    """All differences: elements of sets one by one, rules one by one.

    :raises UnexpectedState: a set of our name that is no interval set of addresses.
    :raises InvalidInput: see :func:`targets`.
    """
    chains = targets(ruleset, opening)
    wanted: _Wanted = {
        (*chain.name[:2], name): body
        for chain in chains
        for name, body in wanted_sets(opening.hook, opening.wanted, chain.name[0]).items()
    }
    changes: list[Change] = []
    for set_name, (version, intervals) in wanted.items():
        changes += _set_changes(ruleset.sets.get(set_name), set_name, version, intervals)
    removed: set[tuple[Name, int]] = set()
    for chain in chains:
        changes += _rule_changes(ruleset, chain, opening, removed)
    changes += _stale_sets(ruleset, opening, wanted, removed)
    return Plan(tuple(changes))


def _link(flow: str) -> str:
    return f"{flow}-egress" if f"{flow}-egress" in LINKS else ""


def _set_changes(present: NamedSet | None, name: Name, version: int, intervals: list[Interval]) -> t.Iterator[Change]:
    title = f"{' '.join(name[:2])} set {name[2]}"
    _hook, flow = set_owner(name[2]) or ("", "")
    link = _link(flow)
    if present is None:
        cidrs = [cidr for interval in intervals for cidr in to_cidrs(interval, version)]
        action = [commands.create_set(name, SET_TYPE[version]), commands.create_elements(name, cidrs)]
        yield Change(title, None, cidrs, action, link)
        return
    if present.type != SET_TYPE[version] or present.flags != {"interval"}:
        kind = f"type {present.type}, flags {','.join(sorted(present.flags)) or 'none'}"
        raise UnexpectedState(
            f"{title} has {kind}, expected type {SET_TYPE[version]}, flags interval",
            "Delete the set and the rules that use it, or rename them: the name is one that this module keeps",
        )
    kept = []
    for element, interval in present.intervals:
        if contains(intervals, interval):
            kept.append(interval)
        else:
            yield Change(f"{title}: {shown(element)}", "present", None, [commands.delete_element(name, element)])
    for missing in subtract(intervals, merge(kept)):
        for cidr in to_cidrs(missing, version):
            yield Change(f"{title}: {cidr}", None, "present", [commands.create_elements(name, [cidr])], link)


def _rule_changes(
    ruleset: Ruleset, chain: Chain, opening: Opening, removed: set[tuple[Name, int]]
) -> t.Iterator[Change]:
    """Changes of one chain; the rules that go away are added to ``removed``."""
    wanted = wanted_rules(opening.hook, opening.wanted, chain)
    missing = list(wanted)
    surplus: list[tuple[Rule, str]] = []
    well_placed: set[str] = set()
    blocked = False
    for rule in ruleset.rules.get(chain.name, ()):
        if not decides(opening, chain, rule):
            blocked = blocked or ruleset.may_drop(rule)
            continue
        same = next((w for w in missing if (w.comment, w.canonical) == (rule.comment, rule.canonical)), None)
        if not blocked:
            well_placed.add(rule.canonical)
        if same and not blocked:
            missing.remove(same)
        else:
            surplus.append((rule, " (behind a rule that may drop)" if blocked else ""))
    removed |= {(chain.name, rule.handle) for rule, _place in surplus}
    for rule_wanted in reversed(missing):  # each goes to the head, so the first comes last
        before = _replaced(rule_wanted, surplus)
        action = [commands.insert_rule(chain.name, rule_wanted.comment, rule_wanted.expressions)]
        if before:
            surplus.remove(before)
            action.append(commands.delete_rule(before[0]))
        link = "" if rule_wanted.canonical in well_placed else _link(rule_wanted.flow)
        after = render(rule_wanted.comment, rule_wanted.expressions)
        yield Change(f"{chain} rule {rule_wanted}", _shown(before) if before else None, after, action, link)
    for rule, place in surplus:
        yield Change(f"{chain} rule handle {rule.handle}", _shown((rule, place)), None, [commands.delete_rule(rule)])


def _replaced(wanted: WantedRule, surplus: list[tuple[Rule, str]]) -> tuple[Rule, str] | None:
    """The present rule that ``wanted`` takes the place of: the very same elsewhere, otherwise one of its kind."""
    kin = [
        (rule, place)
        for rule, place in surplus
        if owner(rule.comment) == (wanted.flow, wanted.direction) and version_of(rule.expressions) == wanted.version
    ]
    return next((pair for pair in kin if pair[0].canonical == wanted.canonical), kin[0] if kin else None)


def _shown(pair: tuple[Rule, str]) -> str:
    return render(pair[0].comment, pair[0].expressions) + pair[1]


def _stale_sets(
    ruleset: Ruleset, opening: Opening, wanted: _Wanted, removed: set[tuple[Name, int]]
) -> t.Iterator[Change]:
    """Sets of ours that nothing needs any more; one that a rule of somebody else uses stays."""
    stale = [
        present
        for present in ruleset.sets.values()
        if (found := set_owner(present.name[2])) and found[0] == opening.hook and opening.keeps(found[1])
        if present.name not in wanted and opening.in_scope(present.name[:2])
    ]
    if not stale:
        return
    used: dict[Table, str] = {}
    for chain, rules in ruleset.rules.items():
        staying = [rule.expressions for rule in rules if (chain, rule.handle) not in removed]
        used[chain[:2]] = used.get(chain[:2], "") + json.dumps(staying)
    for present in stale:
        if f'"@{present.name[2]}"' not in used.get(present.name[:2], ""):
            title = f"{' '.join(present.name[:2])} set {present.name[2]}"
            yield Change(title, [*map(shown, present.elements)], None, [commands.delete_set(present.name)])


def transaction(plan: Plan) -> list[Json]:
    """The commands of a plan, in its order."""
    return commands.joined(command for change in plan.changes for command in change.action)
