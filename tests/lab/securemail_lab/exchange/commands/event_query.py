# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log's XPath subset, evaluated on an event's own XML.

Source: Microsoft's "Consuming Events", XPath 1.0 limitations: a path from the event, ``and``, ``or``, comparisons,
``timediff(@SystemTime)`` in milliseconds; no other axis and no other function.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import operator
import re
import typing as t
import xml.etree.ElementTree as ET

_TOKEN = re.compile(r"""\s*(?:(<=|>=|!=|[<>=()\[\]/,*@])|('[^']*'|"[^"]*")|(\d+(?:\.\d+)?)|([A-Za-z_][\w.-]*))""")
_OPERATORS: dict[str, t.Callable[[t.Any, t.Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Value = float | str | list[ET.Element | str] | bool
Evaluate = t.Callable[[ET.Element, dt.datetime], Value]


class InvalidQuery(ValueError):
    """Outside the subset, or not XPath at all."""


@dataclasses.dataclass(frozen=True)
class Query:
    """A compiled query; ``matches`` takes the event's XML without namespaces and the present time (UTC)."""

    _predicates: tuple[Evaluate, ...]

    def matches(self, event: ET.Element, now: dt.datetime) -> bool:
        return all(_true(predicate(event, now)) for predicate in self._predicates)


def compile_query(text: str) -> Query:
    """``*``, ``*[...]`` or ``Event[...]``.

    :raises InvalidQuery: anything else.
    """
    parser = _Parser(text)
    if parser.take("*", "Event") is None:
        raise InvalidQuery(text)
    predicates = []
    while parser.take("["):
        predicates.append(parser.expression())
        parser.expect("]")
    if not parser.ended():
        raise InvalidQuery(text)
    return Query(tuple(predicates))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise InvalidQuery(text)
            self._tokens.append(found[0].strip())
            at = found.end()

    def ended(self) -> bool:
        return not self._tokens

    def take(self, *wanted: str) -> str | None:
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else None

    def expect(self, token: str) -> None:
        if self.take(token) is None:
            raise InvalidQuery(self._text)

    def expression(self) -> Evaluate:
        parts = [self._conjunction()]
        while self.take("or"):
            parts.append(self._conjunction())
        return lambda event, now: any(_true(part(event, now)) for part in parts)

    def _conjunction(self) -> Evaluate:
        parts = [self._comparison()]
        while self.take("and"):
            parts.append(self._comparison())
        return lambda event, now: all(_true(part(event, now)) for part in parts)

    def _comparison(self) -> Evaluate:
        left = self._operand()
        sign = self.take(*_OPERATORS)
        if sign is None:
            return left
        right = self._operand()
        return lambda event, now: _compare(sign, left(event, now), right(event, now))

    def _operand(self) -> Evaluate:
        if self.take("("):
            inner = self.expression()
            self.expect(")")
            return inner
        token = self._tokens[0] if self._tokens else ""
        if token[:1] in ("'", '"'):
            self._tokens.pop(0)
            return lambda event, now: token[1:-1]
        if token[:1].isdigit():
            self._tokens.pop(0)
            return lambda event, now: float(token)
        if token == "timediff":
            self._tokens.pop(0)
            self.expect("(")
            path = self._path()
            self.expect(")")
            return lambda event, now: _milliseconds_since(path(event, now), now)
        return self._path()

    def _path(self) -> Evaluate:
        steps: list[tuple[str, list[Evaluate]]] = []
        while True:
            name = ("@" if self.take("@") else "") + (self._tokens.pop(0) if self._tokens else "")
            if not re.fullmatch(r"@?[A-Za-z_][\w.-]*|\*", name) or name.lstrip("@") in ("and", "or"):
                raise InvalidQuery(self._text)
            predicates = []
            while self.take("["):
                predicates.append(self.expression())
                self.expect("]")
            steps.append((name, predicates))
            if not self.take("/"):
                return lambda event, now: _walk(event, steps, now)
            if name.startswith("@"):
                raise InvalidQuery(self._text)


def _walk(event: ET.Element, steps: list[tuple[str, list[Evaluate]]], now: dt.datetime) -> Value:
    nodes: list[ET.Element] = [event]
    for name, predicates in steps:
        if name.startswith("@"):
            return [node.attrib[name[1:]] for node in nodes if name[1:] in node.attrib]
        nodes = [
            child
            for node in nodes
            for child in node
            if name in ("*", child.tag) and all(_true(predicate(child, now)) for predicate in predicates)
        ]
    return list(nodes)


def _true(value: Value) -> bool:
    return bool(value)


def _compare(sign: str, left: Value, right: Value) -> bool:
    """As XPath does it: a set of nodes compares true where one of its nodes does."""
    for one in left if isinstance(left, list) else [left]:
        for other in right if isinstance(right, list) else [right]:
            first, second = _text(one), _text(other)
            if isinstance(first, float) or isinstance(second, float):
                try:
                    first, second = float(first), float(second)
                except ValueError:
                    continue
            if _OPERATORS[sign](first, second):
                return True
    return False


def _text(value: ET.Element | str | float | bool) -> str | float:
    if isinstance(value, ET.Element):
        return value.text or ""
    return value


def _milliseconds_since(value: Value, now: dt.datetime) -> Value:
    times = [str(item) for item in value] if isinstance(value, list) else []
    try:
        differences = [(now - dt.datetime.fromisoformat(time)).total_seconds() * 1000 for time in times]
    except ValueError:
        return []
    return differences[0] if differences else []
