# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule set as ``nft -j list ruleset`` prints it (libnftables-json(5)), as far as opening flows needs it."""

from __future__ import annotations

import functools
import ipaddress
import json
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.intervals import Interval, interval_of

Json = dict[str, t.Any]

#: Names (family, table) and (family, table, chain or set).
Table = tuple[str, str]
Name = tuple[str, str, str]

_BLOCKING = {"drop", "reject", "queue", "goto", "xt"}  # after goto, the base chain's policy decides


@dataclass(frozen=True)
class Chain:
    """A chain; ``hook`` and ``type`` are empty unless it is a base chain."""

    name: Name
    type: str
    hook: str
    policy: str

    def __str__(self) -> str:
        return " ".join(self.name)


@dataclass(frozen=True)
class Rule:
    """A rule; ``expressions`` is the list of statements as nft prints them."""

    chain: Name
    handle: int
    comment: str
    expressions: tuple[Json, ...]

    @functools.cached_property
    def canonical(self) -> str:
        return canonical(self.expressions)


@dataclass(frozen=True)
class NamedSet:
    """A named set; ``elements`` as nft prints them."""

    name: Name
    type: str
    flags: frozenset[str]
    elements: tuple[t.Any, ...]

    @functools.cached_property
    def intervals(self) -> tuple[tuple[t.Any, Interval], ...]:
        """Each element with its addresses.

        :raises UnexpectedState: an element that is no address.
        """
        return tuple((element, _interval(self.name, element)) for element in self.elements)


@dataclass(frozen=True)
class Ruleset:
    """What a host's packet filter holds; rules stand in the order in which packets meet them."""

    chains: dict[Name, Chain]
    rules: dict[Name, tuple[Rule, ...]]
    sets: dict[Name, NamedSet]

    def may_drop(self, rule: Rule) -> bool:
        """Whether a packet that meets this rule may end there unaccepted: in it, or in a chain that it calls."""

        def walk(node: t.Any) -> bool:
            if isinstance(node, list):
                return any(walk(item) for item in node)
            if not isinstance(node, dict):
                return False
            if _BLOCKING & node.keys():
                return True
            if isinstance(node.get("vmap"), dict) and isinstance(node["vmap"].get("data"), str):
                return True  # the verdicts of a named map can change at any time
            if "jump" in node:
                called = (*rule.chain[:2], node["jump"]["target"])  # the kernel takes no rule set that calls in circles
                return any(self.may_drop(each) for each in self.rules.get(called, ()))
            return any(walk(item) for item in node.values())

        return walk(list(rule.expressions))


def canonical(expressions: t.Iterable[Json]) -> str:
    """Expressions as text that is equal where they mean the same: no counts, states in one order."""
    return json.dumps([_normal(expression) for expression in expressions], sort_keys=True)


def _normal(expression: Json) -> Json:
    if isinstance(expression.get("counter"), dict):
        return {"counter": None}
    match = expression.get("match")
    if match and match.get("left") == {"ct": {"key": "state"}} and match.get("op") in ("in", "=="):
        right = match["right"]
        states = right.get("set") if isinstance(right, dict) else right
        return {"ct state": sorted(states) if isinstance(states, list) else [states]}
    return expression


def shown(element: t.Any) -> str:
    """An element of a set for people: an address, a CIDR, a range, otherwise JSON."""
    value = _value(element)
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(map(str, value["range"]))
    return value if isinstance(value, str) else json.dumps(value)


def _value(element: t.Any) -> t.Any:
    """What an element is, without its comment, counter or timeout."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _interval(name: Name, element: t.Any) -> Interval:
    value = _value(element)
    try:
        if isinstance(value, dict) and "range" in value:
            first, last = (int(ipaddress.ip_address(end)) for end in value["range"])
            return first, last
        return interval_of(shown(value))
    except (ValueError, KeyError, TypeError):
        raise UnexpectedState(
            f"Set {' '.join(name)} holds {shown(element)}, which is no address",
            "Remove the element or rename the set: its name is one that this module keeps",
        ) from None


def parse(document: t.Any) -> Ruleset:
    """Read the document of ``nft -j list ruleset``.

    :raises UnexpectedState: not such a document.
    """
    chains: dict[Name, Chain] = {}
    rules: dict[Name, list[Rule]] = {}
    sets: dict[Name, NamedSet] = {}
    try:
        for entry in document["nftables"]:
            for kind, item in entry.items():
                if kind == "chain":
                    name = (item["family"], item["table"], item["name"])
                    chains[name] = Chain(name, item.get("type", ""), item.get("hook", ""), item.get("policy", ""))
                elif kind == "rule":
                    name = (item["family"], item["table"], item["chain"])
                    rules.setdefault(name, []).append(
                        Rule(name, int(item["handle"]), item.get("comment", ""), tuple(item["expr"]))
                    )
                elif kind == "set":
                    name = (item["family"], item["table"], item["name"])
                    flags = item.get("flags", [])
                    sets[name] = NamedSet(
                        name,
                        json.dumps(item["type"]).strip('"'),
                        frozenset([flags] if isinstance(flags, str) else flags),
                        tuple(item.get("elem", ())),
                    )
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise UnexpectedState(
            f"nft -j list ruleset printed JSON of an unknown shape ({type(problem).__name__}: {problem})",
            "Run it by hand on the host and compare its version with 1.0.6, with which this module is tested",
        ) from None
    return Ruleset(chains, {name: tuple(listed) for name, listed in rules.items()}, sets)
