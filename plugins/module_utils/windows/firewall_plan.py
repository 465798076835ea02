# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of this project's own rules a host needs, and the netsh lines that make it so. No I/O.

A rule is this project's own where it is outbound, local, and its name begins with ``pushops.securemail``. A flow with
more addresses than one line of cmd.exe holds has several rules of one name. netsh finds rules by name alone and names
need not be unique, so rules that differ are replaced: the right ones are added under a spare name, the wrong ones are
deleted, and the spare name becomes the name. A connection that the old and the new rules let out is let out all the
time, and a run that ends halfway leaves what the next one recognizes.
"""

from __future__ import annotations

import itertools
import typing as t

from ..core.flows import Flow
from ..core.path import LINKS
from ..core.reconcile import Change, Plan
from .firewall_policy import Policy, StoredRule
from .firewall_rules import Rule
from .firewall_spec import Desired
from .firewall_verdict import judge_flow
from .firewall_wanted import PREFIX, WantedRule, netsh, shown


def own_rules(policy: Policy) -> dict[str, list[StoredRule]]:
    """This project's rules on the host, by their name in lower case."""
    found: dict[str, list[StoredRule]] = {}
    for stored in policy.local:
        if stored.rule.outbound and stored.rule.name.lower().startswith(PREFIX):
            found.setdefault(stored.rule.name.lower(), []).append(stored)
    return found


def surplus(policy: Policy, flows: t.Iterable[Flow]) -> list[str]:
    """The names of rules that are there more often than their flow asks for."""
    own = own_rules(policy)
    return [rules[0].name for name, rules in _wanted(flows).items() if len(own.get(name, [])) > len(rules)]


def plan(policy: Policy, desired: Desired) -> Plan:
    """All differences, rules that are missing first and rules that are no longer asked for last."""
    own = own_rules(policy)
    wanted = _wanted(desired.flows)
    if desired.absent:
        return Plan(tuple(_removal(stored) for name, stored in own.items() if name in wanted or not wanted))
    changes = []
    for flow, (name, rules) in zip(desired.flows, wanted.items(), strict=True):
        present = own.get(name, [])
        if not _same(present, rules):
            link = f"{flow.name}-egress" if judge_flow(policy, desired.profile, flow).passes is False else ""
            changes.append(_put(rules, present, own, link if link in LINKS else ""))
    changes.sort(key=lambda change: change.before is not None)
    return Plan((*changes, *(_removal(stored) for name, stored in own.items() if name not in wanted)))


def after(policy: Policy, desired: Desired) -> Policy:
    """The host's firewall as it is once the plan is carried out."""
    own = {stored for stored_rules in own_rules(policy).values() for stored in stored_rules}
    wanted = _wanted(desired.flows)
    kept = [
        stored
        for stored in policy.local
        if stored not in own or (desired.absent and wanted and stored.rule.name.lower() not in wanted)
    ]
    made = [] if desired.absent else [StoredRule("new", rule.rule()) for rules in wanted.values() for rule in rules]
    return policy.with_local((*kept, *made))


def _wanted(flows: t.Iterable[Flow]) -> dict[str, list[WantedRule]]:
    """The rules of each flow, by their name in lower case, in the order of the flows."""
    return {rules[0].name.lower(): rules for rules in map(WantedRule.all_of, flows)}


def _same(present: list[StoredRule], wanted: list[WantedRule]) -> bool:
    """Whether there is one rule for each that is wanted: no two of these are the same."""
    return len(present) == len(wanted) and all(any(rule.fits(stored.rule) for stored in present) for rule in wanted)


def _put(wanted: list[WantedRule], present: list[StoredRule], own: dict[str, list[StoredRule]], link: str) -> Change:
    name = wanted[0].name
    lines = [rule.add(name) for rule in wanted]
    if present:
        spare = next(each for each in (f"{name}.{count}" for count in itertools.count(1)) if each.lower() not in own)
        renamed = netsh("set", f"name={spare}", "dir=out", "new", f"name={name}")
        lines = [*(rule.add(spare) for rule in wanted), _delete(name), renamed]
    return Change(
        f"outbound rule {name!r}",
        _shown(stored.rule for stored in present),
        _shown(map(WantedRule.rule, wanted)),
        tuple(lines),
        link,
    )


def _removal(present: list[StoredRule]) -> Change:
    name = present[0].rule.name
    return Change(f"outbound rule {name!r}", _shown(stored.rule for stored in present), None, (_delete(name),))


def _delete(name: str) -> str:
    return netsh("delete", f"name={name}", "dir=out")


def _shown(rules: t.Iterable[Rule]) -> str | list[str] | None:
    texts = [shown(rule) for rule in rules]
    return texts if len(texts) > 1 else texts[0] if texts else None
