# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of ours has to be loaded at boot after the host's own rule set, and what must change so that it is: pure."""

from __future__ import annotations

import hashlib
import json
import typing as t

from ..core.errors import InvalidInput
from ..core.intervals import Interval, merge, to_cidrs
from ..core.reconcile import Change
from . import nft_commands as commands
from .boot import BootState, Step, boot_file, unit_file, unit_text
from .nft_model import Json, Name, Rule, Ruleset, canonical
from .nft_plan import Opening, decides, targets
from .nft_rules import DIRECTIONS, SET_TYPE, owner, set_owner, wanted_rules, wanted_sets

_ZERO: Json = {"counter": {"packets": 0, "bytes": 0}}


def wanted(ruleset: Ruleset, opening: Opening) -> list[Json]:
    """The commands that put our part of a hook into a rule set that holds nothing of it.

    That is what ``opening`` asks, and beside it what runs of ours on the hook that ``opening`` does not decide about.
    """
    sets: dict[Name, tuple[int, list[Interval]]] = {}
    rules: list[tuple[Name, str, tuple[Json, ...]]] = []
    staying = _staying(ruleset, opening)
    used = json.dumps([rule.expressions for rule in staying])
    for present in ruleset.sets.values():
        found = set_owner(present.name[2])
        if found and found[0] == opening.hook and f'"@{present.name[2]}"' in used:
            version = 6 if present.type == SET_TYPE[6] else 4
            sets[present.name] = version, merge(interval for _element, interval in present.intervals)
    for chain in targets(ruleset, opening) if opening.wanted else ():
        for name, body in wanted_sets(opening.hook, opening.wanted, chain.name[0]).items():
            sets[(*chain.name[:2], name)] = body
        rules += [
            (chain.name, rule.comment, rule.expressions) for rule in wanted_rules(opening.hook, opening.wanted, chain)
        ]
    rules += [(rule.chain, rule.comment, _from_zero(rule)) for rule in staying]

    result: list[Json] = []
    for set_name, (version, intervals) in sorted(sets.items()):
        cidrs = [cidr for interval in intervals for cidr in to_cidrs(interval, version)]
        result.append(commands.create_set(set_name, SET_TYPE[version]))
        result += [commands.create_elements(set_name, cidrs)] if cidrs else []
    return result + [commands.insert_rule(*rule) for rule in reversed(rules)]  # each goes to the head


def _staying(ruleset: Ruleset, opening: Opening) -> list[Rule]:
    """Rules of ours on the hook that the opening leaves as they are."""
    scope = {chain.name for chain in targets(ruleset, opening)}
    return [
        rule
        for name, rules in ruleset.rules.items()
        if name in ruleset.chains
        for rule in rules
        if (found := owner(rule.comment))
        and found[1] in DIRECTIONS[opening.hook].get(ruleset.chains[name].hook, ())
        and not (name in scope and decides(opening, ruleset.chains[name], rule))
    ]


def _from_zero(rule: Rule) -> tuple[Json, ...]:
    return tuple(_ZERO if "counter" in expression else expression for expression in rule.expressions)


def changes(hook: str, present: BootState, asked: list[Json]) -> t.Iterator[Change]:
    """What must change so that exactly ``asked`` is loaded at boot; nothing of ours where it is empty.

    :raises InvalidInput: something is to be loaded, but systemd does not run the host.
    """
    if not asked:
        if present.commands is not None or present.unit is not None:
            yield Change(f"boot: {boot_file(hook)}", _summary(present.commands), None, Step("remove"))
        return
    if not present.systemd:
        raise InvalidInput(
            "persist",
            True,
            "a host that systemd runs, because a unit of its own loads the flows at boot",
            "Set persist to false and have the host load its rules in a way of its own",
        )
    if _meaning(present.commands) != _meaning(asked):
        yield Change(
            f"boot: {boot_file(hook)}", _summary(present.commands), _summary(asked), Step("commands", _text(asked))
        )
    text = unit_text(hook, present.nft)
    if present.unit != text or not present.running:
        before = None if present.unit is None else "another text" if present.unit != text else "not started or disabled"
        yield Change(f"boot: {unit_file(hook)}", before, "started after nftables.service", Step("unit", text))


def _meaning(listed: list[Json] | None) -> list[str]:
    """Commands as texts that are equal where they mean the same; in which order our rules stand means nothing."""
    meant = []
    for command in listed or []:
        rule = command.get("insert", {}).get("rule") if isinstance(command, dict) else None
        if rule:
            command = {"insert": {"rule": {**rule, "expr": canonical(rule.get("expr", []))}}}
        meant.append(json.dumps(command, sort_keys=True))
    return sorted(meant)


def _summary(listed: list[Json] | None) -> str | None:
    """How many sets, elements and rules there are, and which: for a diff that stays short."""
    if listed is None:
        return None
    bodies = [body for command in listed for body in command.values()]
    elements = sum(len(body["element"]["elem"]) for body in bodies if "element" in body)
    sets, rules = (sum(kind in body for body in bodies) for kind in ("set", "rule"))
    digest = hashlib.sha256("\n".join(_meaning(listed)).encode()).hexdigest()[:12]
    return f"{sets} sets, {elements} elements, {rules} rules (SHA-256 {digest})"


def _text(listed: list[Json]) -> str:
    """The document that nft -j -f reads, one command a line."""
    lines = ",\n".join(json.dumps(command, sort_keys=True) for command in listed)
    return f'{{"nftables": [\n{lines}\n]}}\n'
