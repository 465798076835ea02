# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host's Windows Firewall lets a flow out, as far as its registry can prove it. No I/O.

A block rule wins over every allow rule, and what no rule names goes by the profile's default (Microsoft, "Windows
Firewall rules", rule precedence). Where a rule depends on what the registry does not hold (an interface, a user, a
keyword such as Internet), the answer is "unknown", never a guess.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import typing as t
from dataclasses import dataclass, field

from ..core.flows import Flow
from ..core.intervals import Interval, contains, interval_of, merge, subtract, to_cidrs
from .firewall_policy import Policy, StoredRule
from .firewall_rules import LOCAL, LOCAL_PORTS, REMOTE, REMOTE_PORTS, TCP, Rule, addresses, ports

#: IIS's worker process, which sends the notifications.
_WORKER = re.compile(r"(?i)(%systemroot%|%windir%|[a-z]:\\windows)\\system32\\inetsrv\\w3wp\.exe")
#: Fields that decide nothing about an outbound connection of a service's process.
_NEUTRAL = frozenset({"Name", "Desc", "EmbedCtxt", "Edge", "Defer"})
_READ = frozenset(
    {"Action", "Active", "Dir", "Profile", "Protocol", "App", "Svc", "AppPkgId", *REMOTE_PORTS, *LOCAL_PORTS}
) | {name for names in (*REMOTE.values(), *LOCAL.values()) for name in names}
#: Keywords for addresses of the host's own surroundings, which no public address has.
_NEARBY = frozenset({"localsubnet", "localsubnet4", "localsubnet6", "dns", "dhcp", "wins", "defaultgateway"})


@dataclass(frozen=True)
class Verdict:
    """Whether all of a flow passes.

    :param passes: ``None``: the registry does not prove it.
    :param reasons: sentences; empty where it passes.
    """

    passes: bool | None
    reasons: tuple[str, ...] = ()


@dataclass
class _Reach:
    """The destinations that rules of one action apply to."""

    surely: list[Interval] = field(default_factory=list)
    perhaps: list[Interval] = field(default_factory=list)
    by: dict[StoredRule, list[Interval]] = field(default_factory=dict)


def judge_flow(policy: Policy, profile: str, flow: Flow) -> Verdict:
    """Whether the host may open all connections of a flow on a network of this profile."""
    effective = policy.profiles[profile]
    if not effective.enabled:
        return Verdict(True)
    counted = [stored for stored in policy.rules if stored.group_policy or effective.merges_local]
    verdicts = []
    for version, port in itertools.product(sorted(versions(flow)), flow.ports):
        wanted = merge(interval_of(address) for address in flow.destinations if version_of(address) == version)
        blocked = _reach(counted, "block", profile, flow, version, port, wanted)
        allowed = _reach(counted, "allow", profile, flow, version, port, wanted)
        verdicts += [_blocked(blocked, version)]
        if effective.blocks_by_default:
            note = "" if effective.merges_local else ", and Group Policy lets none of the host's own rules count"
            verdicts += [_not_allowed(allowed, wanted, version, f"outbound is blocked by default{note}")]
    outcomes = {verdict.passes for verdict in verdicts}
    passes = False if False in outcomes else None if None in outcomes else True
    return Verdict(passes, tuple(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)))


def versions(flow: Flow) -> set[int]:
    """The IP versions in which a flow can run."""
    found = {version_of(address) for address in flow.destinations}
    return found & {version_of(address) for address in flow.sources} if flow.sources else found


def _blocked(blocked: _Reach, version: int) -> Verdict:
    sure, perhaps = merge(blocked.surely), merge(blocked.perhaps)
    if sure:
        rules = [str(stored) for stored, touched in blocked.by.items() if _common(sure, touched)]
        return Verdict(False, (f"{_list(sure, version)} blocked by {', '.join(rules)}",))
    if perhaps:
        rules = [str(stored) for stored in blocked.by]
        return Verdict(None, (f"{_list(perhaps, version)} perhaps blocked by {', '.join(rules)}",))
    return Verdict(True)


def _not_allowed(allowed: _Reach, wanted: list[Interval], version: int, because: str) -> Verdict:
    sure = merge(allowed.surely)
    missing = subtract(wanted, sure)
    if not missing:
        return Verdict(True)
    unproved = subtract(missing, merge([*sure, *allowed.perhaps]))
    if unproved:
        return Verdict(False, (f"no rule lets {_list(unproved, version)} out, and {because}",))
    rules = ", ".join(str(stored) for stored in allowed.by)
    return Verdict(None, (f"{_list(missing, version)} perhaps let out by {rules}, and {because}",))


def _reach(
    rules: t.Iterable[StoredRule],
    action: str,
    profile: str,
    flow: Flow,
    version: int,
    port: int,
    wanted: list[Interval],
) -> _Reach:
    reach = _Reach()
    for stored in rules:
        rule = stored.rule
        if rule.action != action or not rule.active or not rule.outbound:
            continue
        sure = _applies(rule, profile, flow, version, port)
        if sure is False:
            continue
        known, keyword = _remote(rule, version, wanted)
        touched, perhaps = _common(wanted, known), _common(wanted, keyword)
        if sure is None:
            touched, perhaps = [], merge([*touched, *perhaps])
        if touched or perhaps:
            reach.surely += touched
            reach.perhaps += perhaps
            reach.by[stored] = merge([*touched, *perhaps])
    return reach


def _applies(rule: Rule, profile: str, flow: Flow, version: int, port: int) -> bool | None:
    """Whether a rule's conditions, but for the remote address, hold for connections of the flow."""
    conditions = (
        not rule.profiles or profile in rule.profiles,
        rule.first("Protocol") in ("", TCP),
        not rule.first("Svc"),  # the worker process is no service
        not rule.first("AppPkgId"),  # nor an app from the store
        not rule.first("App") or bool(_WORKER.fullmatch(rule.first("App"))),
        _port(rule, port),
        None if rule.all(*LOCAL_PORTS) else True,
        _local(rule, flow, version),
        None if any(name not in _READ | _NEUTRAL for name, _value in rule.fields) else True,
    )
    return False if False in conditions else None if None in conditions else True


def _port(rule: Rule, port: int) -> bool | None:
    named = rule.all(*REMOTE_PORTS)
    if not named:
        return True
    ranges = ports(named)
    return True if contains(ranges.known, (port, port)) else None if ranges.keywords else False


def _local(rule: Rule, flow: Flow, version: int) -> bool | None:
    if not any(rule.all(*names) for names in LOCAL.values()):
        return True
    ranges = addresses(rule.all(*LOCAL[version]), version)
    sources = merge(interval_of(source) for source in flow.sources if version_of(source) == version)
    if ranges.keywords or (not sources and ranges.known):
        return None
    missing = subtract(sources, ranges.known)
    return True if sources and not missing else False if missing == sources else None


def _remote(rule: Rule, version: int, wanted: list[Interval]) -> tuple[list[Interval], list[Interval]]:
    """Addresses that the rule surely names, and those that one of its keywords may stand for."""
    if not any(rule.all(*names) for names in REMOTE.values()):
        return wanted, []
    ranges = addresses(rule.all(*REMOTE[version]), version)
    if not ranges.keywords:
        return list(ranges.known), []
    if all(keyword.lower() in _NEARBY for keyword in ranges.keywords):
        return list(ranges.known), [interval for interval in wanted if not _public(interval, version)]
    return list(ranges.known), wanted


def _common(one: list[Interval], other: list[Interval]) -> list[Interval]:
    return subtract(one, subtract(one, other))


def _public(interval: Interval, version: int) -> bool:
    return all(ipaddress.ip_network(cidr).is_global for cidr in to_cidrs(interval, version))


def version_of(address: str) -> int:
    """The IP version of an address or CIDR."""
    return ipaddress.ip_network(address).version


def _list(intervals: t.Iterable[Interval], version: int) -> str:
    return ", ".join(cidr for interval in intervals for cidr in to_cidrs(interval, version))
