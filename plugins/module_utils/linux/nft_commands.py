# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of one transaction in the words of libnftables-json(5)."""

from __future__ import annotations

import json
import typing as t

from .nft_model import Json, Name, Rule


def create_set(name: Name, kind: str) -> Json:
    """Make an empty interval set; the transaction fails where one is there already.

    Elements come in a command of their own, because nft 1.0.6 forgets those of ``create set``.
    """
    return {"create": {"set": {**_named(name), "type": kind, "flags": ["interval"]}}}


def delete_set(name: Name) -> Json:
    return {"delete": {"set": _named(name)}}


def create_elements(name: Name, cidrs: t.Iterable[str]) -> Json:
    """Put in elements; the transaction fails where one of them is there already. nft refuses an empty list."""
    return {"create": {"element": {**_named(name), "elem": [_element(cidr) for cidr in cidrs]}}}


def delete_element(name: Name, element: t.Any) -> Json:
    """Take out an element as nft printed it."""
    return {"delete": {"element": {**_named(name), "elem": [element]}}}


def insert_rule(chain: Name, comment: str, expressions: t.Iterable[Json]) -> Json:
    """Put a rule at the head of a chain."""
    return {"insert": {"rule": {**_in_chain(chain), "comment": comment, "expr": list(expressions)}}}


def append_rule(rule: Rule) -> Json:
    """Put a rule at the end of its chain, as nft printed it."""
    return {"add": {"rule": {**_in_chain(rule.chain), "comment": rule.comment, "expr": list(rule.expressions)}}}


def delete_rule(rule: Rule) -> Json:
    return {"delete": {"rule": {**_in_chain(rule.chain), "handle": rule.handle}}}


def joined(commands: t.Iterable[Json]) -> list[Json]:
    """The same commands, with neighbors that add to or take from one set made one command."""
    result: list[Json] = []
    for command in commands:
        elements = _elements(command)
        if result and elements and _same_set(result[-1], command):
            _elements(result[-1])["elem"] += elements["elem"]
        else:
            result.append(json.loads(json.dumps(command)))
    return result


def _same_set(one: Json, other: Json) -> bool:
    return one.keys() == other.keys() and {**_elements(one), "elem": None} == {**_elements(other), "elem": None}


def _elements(command: Json) -> Json:
    """What a command adds to or takes from a set; empty for any other command."""
    (body,) = command.values()
    found: Json = body.get("element", {})
    return found


def _element(cidr: str) -> t.Any:
    address, _separator, length = cidr.partition("/")
    return {"prefix": {"addr": address, "len": int(length)}} if length else address


def _named(name: Name) -> Json:
    return {"family": name[0], "table": name[1], "name": name[2]}


def _in_chain(chain: Name) -> Json:
    return {"family": chain[0], "table": chain[1], "chain": chain[2]}
