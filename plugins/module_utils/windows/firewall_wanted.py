# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""This project's own rule in a Windows Firewall: for which flow, as a registry string, as netsh lines. No I/O."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..core.flows import Flow
from ..core.intervals import Interval, interval_of, merge, to_cidrs
from .cmdline import LONGEST_LINE, command_line
from .firewall_policy import PROFILES
from .firewall_rules import LOCAL, REMOTE, REMOTE_PORTS, TCP, Rule, Side, addresses, ports
from .firewall_verdict import version_of, versions

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
        return netsh(
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


def netsh(verb: str, *words: str) -> str:
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
