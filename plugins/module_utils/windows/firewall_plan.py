# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of this project's own rules a host needs, and the netsh lines that make it so. No I/O.

A rule is this project's own where it is outbound, local, and its name begins with ``pushops.securemail``. netsh finds
rules by name alone and names need not be unique, so a rule that differs is replaced: the right one is added under a
spare name, the wrong ones are deleted, and the spare name becomes the name. A connection that the old and the new rule
let out is let out all the time, and a run that ends halfway leaves what the next one recognizes.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

from ..core.flows import Flow
from ..core.intervals import Interval, interval_of, merge, to_cidrs
from ..core.path import LINKS
from ..core.reconcile import Change, Plan
from .cmdline import command_line
from .firewall_policy import PROFILES, Policy, StoredRule
from .firewall_rules import LOCAL, REMOTE, REMOTE_PORTS, TCP, Rule, Side, addresses, ports
from .firewall_spec import Desired
from .firewall_verdict import judge_flow, version_of, versions

PREFIX = "pushops.securemail "
_VERSION = "v2.30"
#: Fields that narrow a rule beyond what this project asks for; all others, unknown ones too, change nothing about it.
_NARROWING = ("LPort", "LPort2_10", "App", "Svc", "AppPkgId", "IF", "IFType", "LUAuth", "LUOwn", "RMauth", "RUAuth")
_NARROWING_PREFIXES = ("Security", "Platform")


@dataclass(frozen=True)
class WantedRule:
    """An outbound allow rule for one flow.

    :param remote: addresses by IP version, as disjoint intervals; ``local`` likewise, empty for any.
    """

    name: str
    description: str
    ports: tuple[int, ...]
    remote: dict[int, list[Interval]]
    local: dict[int, list[Interval]]

    @classmethod
    def of(cls, flow: Flow) -> WantedRule:
        def intervals(cidrs: t.Iterable[str]) -> dict[int, list[Interval]]:
            both = versions(flow)
            named = {version: [cidr for cidr in cidrs if version_of(cidr) == version] for version in sorted(both)}
            return {version: merge(map(interval_of, cidrs)) for version, cidrs in named.items() if cidrs}

        return cls(PREFIX + flow.name, flow.fqdn, flow.ports, intervals(flow.destinations), intervals(flow.sources))

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
        local = [f"localip={_cidrs(self.local)}"] if self.local else []
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
            f"remoteip={_cidrs(self.remote)}",
            *description,
        )


def own_rules(policy: Policy) -> dict[str, list[StoredRule]]:
    """This project's rules on the host, by their name in lower case."""
    found: dict[str, list[StoredRule]] = {}
    for stored in policy.local:
        if stored.rule.outbound and stored.rule.name.lower().startswith(PREFIX):
            found.setdefault(stored.rule.name.lower(), []).append(stored)
    return found


def plan(policy: Policy, desired: Desired) -> Plan:
    """All differences, rules that are missing first and rules that are no longer asked for last."""
    own = own_rules(policy)
    wanted = [WantedRule.of(flow) for flow in desired.flows]
    names = {rule.name.lower() for rule in wanted}
    if desired.absent:
        return Plan(tuple(_removal(stored) for name, stored in own.items() if name in names or not names))
    changes = []
    for flow, rule in zip(desired.flows, wanted, strict=True):
        present = own.get(rule.name.lower(), [])
        if len(present) != 1 or not rule.fits(present[0].rule):
            link = f"{flow.name}-egress" if judge_flow(policy, desired.profile, flow).passes is False else ""
            changes.append(_put(rule, present, own, link if link in LINKS else ""))
    changes.sort(key=lambda change: change.before is not None)
    return Plan((*changes, *(_removal(stored) for name, stored in own.items() if name not in names)))


def after(policy: Policy, desired: Desired) -> Policy:
    """The host's firewall as it is once the plan is carried out."""
    own = {stored for stored_rules in own_rules(policy).values() for stored in stored_rules}
    names = {WantedRule.of(flow).name.lower() for flow in desired.flows}
    kept = [
        stored
        for stored in policy.local
        if stored not in own or (desired.absent and names and stored.rule.name.lower() not in names)
    ]
    made = [] if desired.absent else [StoredRule("new", WantedRule.of(flow).rule()) for flow in desired.flows]
    return policy.with_local((*kept, *made))


def _put(wanted: WantedRule, present: list[StoredRule], own: dict[str, list[StoredRule]], link: str) -> Change:
    lines: tuple[str, ...] = (wanted.add(wanted.name),)
    if present:
        spare = next(
            name for name in (f"{wanted.name}.{count}" for count in itertools.count(1)) if name.lower() not in own
        )
        renamed = _netsh("set", f"name={spare}", "dir=out", "new", f"name={wanted.name}")
        lines = (wanted.add(spare), _delete(wanted.name), renamed)
    return Change(f"outbound rule {wanted.name!r}", _shown(present), shown(wanted.rule()), lines, link)


def _removal(present: list[StoredRule]) -> Change:
    name = present[0].rule.name
    return Change(f"outbound rule {name!r}", _shown(present), None, (_delete(name),))


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
        *([f"from {_cidrs(local)}"] if any(local.values()) else []),
        f"to {_cidrs(remote) if any(remote.values()) else 'any'}",
        *([f"on {', '.join(sorted(rule.profiles))}"] if rule.profiles else []),
        *(f"{name}={value}" for name, value in _narrowing(rule)),
        *([f"({rule.first('Desc')})"] if rule.first("Desc") else []),
        *([] if rule.active else ["disabled"]),
    ]
    return " ".join(parts)


def _shown(present: list[StoredRule]) -> str | list[str] | None:
    texts = [shown(stored.rule) for stored in present]
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


def _cidrs(sides: dict[int, list[Interval]]) -> str:
    return ",".join(
        cidr for version, intervals in sides.items() for interval in intervals for cidr in to_cidrs(interval, version)
    )
