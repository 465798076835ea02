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
from dataclasses import dataclass, replace

from ..core.flows import Flow
from ..core.intervals import Interval, interval_of, merge, to_cidrs
from ..core.path import LINKS
from ..core.reconcile import Change, Plan
from .cmdline import LONGEST_LINE, command_line
from .firewall_policy import PROFILES, Policy, StoredRule
from .firewall_rules import LOCAL, REMOTE, REMOTE_PORTS, TCP, Rule, Side, addresses, ports
from .firewall_spec import Desired
from .firewall_verdict import judge_flow, version_of, versions

PREFIX = "pushops.securemail "
_VERSION = "v2.30"
#: Fields that narrow a rule beyond what this project asks for; all others, unknown ones too, change nothing about it.
_NARROWING = ("LPort", "LPort2_10", "App", "Svc", "AppPkgId", "IF", "IFType", "LUAuth", "LUOwn", "RMauth", "RUAuth")
_NARROWING_PREFIXES = ("Security", "Platform")
#: Characters kept free in a line for what a spare name is longer, and for quotes.
_ROOM = 16


@dataclass(frozen=True)
class WantedRule:
    """An outbound allow rule for one flow, or for some of its addresses.

    :param remote: addresses by IP version, as disjoint intervals; ``local`` likewise, empty for any.
    """

    name: str
    description: str
    ports: tuple[int, ...]
    remote: dict[int, list[Interval]]
    local: dict[int, list[Interval]]

    @classmethod
    def all_of(cls, flow: Flow) -> list[WantedRule]:
        """The rules of one flow: one, unless it has more addresses than a line of cmd.exe holds."""
        both = versions(flow)
        local = _by_version(source for source in flow.sources if version_of(source) in both)
        remote = _by_version(address for address in flow.destinations if version_of(address) in both)
        whole = cls(PREFIX + flow.name, flow.fqdn, flow.ports, remote, local)
        room = LONGEST_LINE - _ROOM - len(replace(whole, remote={}).add(whole.name))
        return [whole._only(portion) for portion in _portions(_cidrs(remote), room)] or [whole]

    def _only(self, cidrs: list[str]) -> WantedRule:
        remote = _by_version(cidrs)
        return replace(self, remote=remote, local={each: self.local[each] for each in self.local if each in remote})

    def fits(self, rule: Rule) -> bool:
        """Whether a stored rule means the same, however its addresses are written."""
        return (
            (rule.action, rule.active, rule.outbound, rule.first("Protocol")) == ("allow", True, True, TCP)
            and rule.profiles in (frozenset(), frozenset(PROFILES))
            and ports(rule.all(*REMOTE_PORTS)) == ports(map(str, self.ports))
            and all(_intervals(rule, REMOTE, version) == self.remote.get(version, []) for version in REMOTE)
            and all(_intervals(rule, LOCAL, version) == self.local.get(version, []) for version in LOCAL)
            and rule.first("Desc") == self.description
            and not _narrowing(rule)
        )

    def rule(self) -> Rule:
        """The rule as the registry would hold it."""
        fields = [("Action", "Allow"), ("Active", "TRUE"), ("Dir", "Out"), ("Protocol", TCP)]
        fields += [("RPort", str(port)) for port in self.ports]
        for kind, sides in ((LOCAL, self.local), (REMOTE, self.remote)):
            for version, intervals in sides.items():
                fields += [(kind[version][0], cidr) for interval in intervals for cidr in to_cidrs(interval, version)]
        described = [("Desc", self.description)] if self.description else []
        return Rule(_VERSION, (*fields, ("Name", self.name), *described))

    def add(self, name: str) -> str:
        """The line that adds the rule under a name."""
        description = [f"description={self.description}"] if self.description else []
        local = [f"localip={','.join(_cidrs(self.local))}"] if self.local else []
        return _netsh(
            "add",
            f"name={name}",
            "dir=out",
            "action=allow",
            "enable=yes",
            "profile=any",
            "protocol=TCP",
            f"remoteport={','.join(map(str, self.ports))}",
            *local,
            f"remoteip={','.join(_cidrs(self.remote))}",
            *description,
        )


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
        renamed = _netsh("set", f"name={spare}", "dir=out", "new", f"name={name}")
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
    return _netsh("delete", f"name={name}", "dir=out")


def _netsh(verb: str, *words: str) -> str:
    return command_line("netsh", "advfirewall", "firewall", verb, "rule", *words)


def shown(rule: Rule) -> str:
    """A rule in one line for people, the same for the same meaning."""
    remote = {version: _intervals(rule, REMOTE, version) for version in REMOTE}
    local = {version: _intervals(rule, LOCAL, version) for version in LOCAL}
    protocol = {TCP: "TCP", "17": "UDP", "": "any protocol"}.get(
        rule.first("Protocol"), f"protocol {rule.first('Protocol')}"
    )
    parts = [
        f"{rule.action} {protocol} port {', '.join(rule.all(*REMOTE_PORTS)) or 'any'}",
        *([f"from {','.join(_cidrs(local))}"] if any(local.values()) else []),
        f"to {','.join(_cidrs(remote)) or 'any'}",
        *([f"on {', '.join(sorted(rule.profiles))}"] if rule.profiles else []),
        *(f"{name}={value}" for name, value in _narrowing(rule)),
        *([f"({rule.first('Desc')})"] if rule.first("Desc") else []),
        *([] if rule.active else ["disabled"]),
    ]
    return " ".join(parts)


def _shown(rules: t.Iterable[Rule]) -> str | list[str] | None:
    texts = [shown(rule) for rule in rules]
    return texts if len(texts) > 1 else texts[0] if texts else None


def _narrowing(rule: Rule) -> list[tuple[str, str]]:
    keywords = {
        keyword for sides in (REMOTE, LOCAL) for version in sides for keyword in _keywords(rule, sides, version)
    }
    return [
        (name, value)
        for name, value in rule.fields
        if name in _NARROWING or name.startswith(_NARROWING_PREFIXES) or value in keywords
    ]


def _intervals(rule: Rule, sides: Side, version: int) -> list[Interval]:
    return list(addresses(rule.all(*sides[version]), version).known)


def _keywords(rule: Rule, sides: Side, version: int) -> tuple[str, ...]:
    return addresses(rule.all(*sides[version]), version).keywords


def _by_version(cidrs: t.Iterable[str]) -> dict[int, list[Interval]]:
    """The addresses as disjoint intervals, by those IP versions that have some, IPv4 first."""
    found: dict[int, list[Interval]] = {}
    for cidr in sorted(cidrs, key=version_of):
        found.setdefault(version_of(cidr), []).append(interval_of(cidr))
    return {version: merge(intervals) for version, intervals in found.items()}


def _cidrs(sides: dict[int, list[Interval]]) -> list[str]:
    return [
        cidr for version, intervals in sides.items() for interval in intervals for cidr in to_cidrs(interval, version)
    ]


def _portions(cidrs: list[str], room: int) -> t.Iterator[list[str]]:
    """The same in their order, in portions that fit into the room with a comma after each."""
    portion: list[str] = []
    free = room
    for cidr in cidrs:
        free -= len(cidr) + 1
        if portion and free < 0:
            yield portion
            portion, free = [], room - len(cidr) - 1
        portion.append(cidr)
    if portion:
        yield portion
