# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a packet in a rule set as nft lists it, by nft(8) alone: nothing here knows what is kept by whom.

What this does not understand it refuses to judge.
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import (
    Chain,
    Json,
    Name,
    Rule,
    Ruleset,
)

#: Hooks that packets of a connection pass: those to B, and those that come back.
_HOOKS = {"forward": ("forward", "forward"), "output": ("output", "input"), "input": ("input", "output")}
_VERSIONS = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
_SIDES = {"saddr": "source", "daddr": "destination", "sport": "source_port", "dport": "destination_port"}
_NEUTRAL = {"counter", "log"}


@dataclass(frozen=True)
class Packet:
    """A TCP packet, and what conntrack says of it (``new``, ``established``)."""

    source: str
    destination: str
    source_port: int
    destination_port: int
    state: str

    @property
    def version(self) -> int:
        return ipaddress.ip_address(self.source).version


def may_reach(ruleset: Ruleset, hook: str, source: str, destination: str, port: int) -> bool:
    """Whether a host with this rule set lets a TCP connection be opened and answered.

    :param hook: ``forward`` where the host routes it, ``output`` where it opens it, ``input`` where it takes it.
    """
    there, back = _HOOKS[hook]
    client = 50000
    return (
        passes(ruleset, there, Packet(source, destination, client, port, "new"))
        and passes(ruleset, there, Packet(source, destination, client, port, "established"))
        and passes(ruleset, back, Packet(destination, source, port, client, "established"))
    )


def passes(ruleset: Ruleset, hook: str, packet: Packet) -> bool:
    """Whether every base chain of a hook accepts a packet."""
    met = (
        chain
        for chain in ruleset.chains.values()
        if (chain.type, chain.hook) == ("filter", hook) and packet.version in _VERSIONS.get(chain.name[0], ())
    )
    return all(_decided(ruleset, chain, packet) for chain in met)


def _decided(ruleset: Ruleset, chain: Chain, packet: Packet) -> bool:
    verdict = _walk(ruleset, chain.name, packet)
    return (chain.policy or "accept") == "accept" if verdict is None else verdict


def _walk(ruleset: Ruleset, chain: Name, packet: Packet) -> bool | None:
    """The verdict of a chain; ``None`` where a packet comes to its end."""
    for rule in ruleset.rules.get(chain, ()):
        for expression in rule.expressions:
            ((kind, body),) = expression.items()
            if kind == "match":
                if not _matches(ruleset, rule, body, packet):
                    break
            elif kind in ("accept", "drop", "reject"):
                return kind == "accept"
            elif kind == "return":
                return None
            elif kind == "jump":
                verdict = _walk(ruleset, (*chain[:2], body["target"]), packet)
                if verdict is not None:
                    return verdict
            elif kind not in _NEUTRAL:
                raise NotImplementedError(expression)
    return None


def _matches(ruleset: Ruleset, rule: Rule, match: Json, packet: Packet) -> bool:
    left, right = match["left"], match["right"]
    if match["op"] not in ("==", "in", "!="):
        raise NotImplementedError(match)
    if left == {"ct": {"key": "state"}}:
        states = right["set"] if isinstance(right, dict) else right
        found = packet.state in (states if isinstance(states, list) else [states])
    else:
        protocol, field = (left.get("payload", {}).get(key, "") for key in ("protocol", "field"))
        if protocol not in ("ip", "ip6", "tcp") or field not in _SIDES:
            raise NotImplementedError(match)
        value = getattr(packet, _SIDES[field])
        if protocol != "tcp":
            if packet.version != (4 if protocol == "ip" else 6):
                return False  # there is no such header, whatever the operator
            value = int(ipaddress.ip_address(value))
        found = any(first <= value <= last for first, last in _spans(ruleset, rule, right))
    return found != (match["op"] == "!=")


def _spans(ruleset: Ruleset, rule: Rule, right: t.Any) -> t.Iterator[tuple[int, int]]:
    """First and last of everything that the right side of a match names."""
    if isinstance(right, str) and right.startswith("@"):
        for element in ruleset.sets[(*rule.chain[:2], right[1:])].elements:
            yield from _spans(ruleset, rule, element)
    elif isinstance(right, dict) and "set" in right:
        for element in right["set"]:
            yield from _spans(ruleset, rule, element)
    elif isinstance(right, dict) and "prefix" in right:
        network = ipaddress.ip_network(f"{right['prefix']['addr']}/{right['prefix']['len']}")
        yield int(network[0]), int(network[-1])
    elif isinstance(right, dict) and "range" in right:
        first, last = (_number(end) for end in right["range"])
        yield first, last
    elif isinstance(right, (str, int)):
        yield _number(right), _number(right)
    else:
        raise NotImplementedError(right)


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(ipaddress.ip_address(value))
