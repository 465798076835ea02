# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a flow is written in nftables: a named set for each side and family, a rule for each direction and family."""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import typing as t
from dataclasses import dataclass

from ..core.flows import Flow
from ..core.intervals import Interval, interval_of, merge
from .nft_model import Chain, Json, canonical

OUT, REPLY = "out", "reply"

#: Hook that the flows pass -> hook of a base chain -> directions that packets of the flows have there.
DIRECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "forward": {"forward": (OUT, REPLY)},
    "output": {"output": (OUT,), "input": (REPLY,)},
    "input": {"input": (OUT,), "output": (REPLY,)},
}
#: Family of a table -> versions of IP that its chains see.
VERSIONS = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
SET_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}

_PROTOCOL = {4: "ip", 6: "ip6"}
_COMMENT = re.compile(r"^pushops\.securemail (?P<flow>\S+) (?P<direction>out|reply)(?: .*)?$")
_COMMENT_LENGTH = 127  # nft keeps 128 bytes with the terminator
_SET = re.compile(r"^pushops_(?P<hook>forward|input|output)_(?P<flow>.+)_(?:dst|src)[46]$")


@dataclass(frozen=True)
class WantedRule:
    """A rule as it has to stand in a chain."""

    flow: str
    direction: str
    version: int
    comment: str
    expressions: tuple[Json, ...]

    @functools.cached_property
    def canonical(self) -> str:
        return canonical(self.expressions)

    def __str__(self) -> str:
        return f"{self.flow} {self.direction} {_PROTOCOL[self.version]}"


def owner(comment: str) -> tuple[str, str] | None:
    """Flow and direction of a rule of ours, by its comment; ``None`` for a rule of somebody else."""
    match = _COMMENT.match(comment)
    return (match["flow"], match["direction"]) if match else None


def set_owner(name: str) -> tuple[str, str] | None:
    """Hook and flow of a set of ours, by its name; ``None`` for a set of somebody else."""
    match = _SET.match(name)
    return (match["hook"], match["flow"]) if match else None


def version_of(expressions: t.Iterable[Json]) -> int:
    """6 where the expressions look into an IPv6 header, otherwise 4."""
    return 6 if '"ip6"' in json.dumps(list(expressions)) else 4


def _set_name(hook: str, flow: Flow, side: str, version: int) -> str:
    return f"pushops_{hook}_{flow.name}_{side}{version}"


def _passes(flow: Flow, version: int) -> bool:
    ends = [flow.destinations, *([flow.sources] if flow.sources else [])]
    return all(_intervals(addresses, version) for addresses in ends)


def _intervals(addresses: t.Iterable[str], version: int) -> list[Interval]:
    return merge(interval_of(address) for address in addresses if ipaddress.ip_network(address).version == version)


def wanted_sets(hook: str, flows: t.Iterable[Flow], family: str) -> dict[str, tuple[int, list[Interval]]]:
    """Names of the sets that a table of ``family`` needs, each with its version of IP and its addresses."""
    wanted = {}
    for flow in flows:
        for version in VERSIONS[family]:
            if _passes(flow, version):
                for side, addresses in (("dst", flow.destinations), ("src", flow.sources)):
                    if addresses:
                        wanted[_set_name(hook, flow, side, version)] = version, _intervals(addresses, version)
    return wanted


def wanted_rules(hook: str, flows: t.Iterable[Flow], chain: Chain) -> list[WantedRule]:
    """The rules that open ``flows`` in a base chain, in the order in which they should stand at its head."""
    return [
        _rule(hook, flow, direction, version)
        for flow in flows
        for version in VERSIONS[chain.name[0]]
        if _passes(flow, version)
        for direction in DIRECTIONS[hook].get(chain.hook, ())
    ]


def _rule(hook: str, flow: Flow, direction: str, version: int) -> WantedRule:
    destination, source, port = ("daddr", "saddr", "dport") if direction == OUT else ("saddr", "daddr", "sport")
    ip = _PROTOCOL[version]
    expressions = [_match(ip, destination, f"@{_set_name(hook, flow, 'dst', version)}")]
    if flow.sources:
        expressions.append(_match(ip, source, f"@{_set_name(hook, flow, 'src', version)}"))
    states = ["established", "new"] if direction == OUT else "established"
    expressions += [
        _match("tcp", port, flow.ports[0] if len(flow.ports) == 1 else {"set": list(flow.ports)}),
        {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": states}},
        {"counter": {"packets": 0, "bytes": 0}},
        {"accept": None},
    ]
    comment = f"pushops.securemail {flow.name} {direction}"
    if flow.fqdn and len(comment) + 1 + len(flow.fqdn) <= _COMMENT_LENGTH:
        comment += f" {flow.fqdn}"
    return WantedRule(flow.name, direction, version, comment, tuple(expressions))


def _match(protocol: str, field: str, right: t.Any) -> Json:
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def render(comment: str, expressions: t.Iterable[Json]) -> str:
    """A rule for people, in nft's own words where they are simple ones, otherwise as JSON."""
    return " ".join([*(_word(expression) for expression in expressions), f'comment "{comment}"'])


def _word(expression: Json) -> str:
    if "counter" in expression:
        return "counter"
    if expression.keys() <= {"accept", "drop"}:
        return next(iter(expression))
    match = expression.get("match", {})
    left, right = match.get("left", {}), match.get("right")
    if isinstance(right, dict) and right.keys() == {"set"}:
        right = right["set"]
    if match.get("op") in ("==", "in") and isinstance(right, (str, int, list)):
        shown = ",".join(map(str, right)) if isinstance(right, list) else str(right)
        if "payload" in left and "field" in left["payload"]:
            return f"{left['payload']['protocol']} {left['payload']['field']} {shown}"
        if left == {"ct": {"key": "state"}}:
            return f"ct state {shown}"
    return json.dumps(expression, sort_keys=True)
