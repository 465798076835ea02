# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advanced policy expressions over one connection: compiled when a policy is made, evaluated when a packet comes.

Citrix, "Policies and Expressions": ``CLIENT.IP.DST`` and ``CLIENT.IPV6.DST`` with EQ and IN_SUBNET,
``CLIENT.TCP.DSTPORT`` with the operators of numbers, ``&&`` before ``||``, ``!``, parentheses, ``.NOT`` on a Boolean.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

#: Citrix, "Policies and Expressions": the length of an expression.
LONGEST = 1499
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>&&|\|\||!|\(|\))|(?P<path>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"(?P<call>\((?P<arguments>[^()]*)\)(?P<not>\.NOT)?)?)"
)


class Malformed(Exception):
    """An expression that the NetScaler does not take."""


@dataclasses.dataclass(frozen=True)
class Connection:
    """TCP to a destination."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int


Test = t.Callable[[Connection], bool]


def compiled(text: str) -> Test:
    """The test of an expression.

    :raises Malformed: with the place where reading ended.
    """
    if len(text) > LONGEST:
        raise Malformed("too long")
    tokens = _tokens(text)
    test, rest = _alternatives(tokens)
    if rest:
        raise Malformed(f"unexpected {rest[0].group().strip()}")
    return test


_Tokens = list["re.Match[str]"]


def _tokens(text: str) -> _Tokens:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise Malformed(f"at character {at}")
        found.append(token)
        at = token.end()
    return found


def _is(tokens: _Tokens, sign: str) -> bool:
    return bool(tokens) and tokens[0].group("sign") == sign


def _alternatives(tokens: _Tokens) -> tuple[Test, _Tokens]:
    test, tokens = _conjunction(tokens)
    tests = [test]
    while _is(tokens, "||"):
        test, tokens = _conjunction(tokens[1:])
        tests.append(test)
    return (lambda connection: any(one(connection) for one in tests)), tokens


def _conjunction(tokens: _Tokens) -> tuple[Test, _Tokens]:
    test, tokens = _factor(tokens)
    tests = [test]
    while _is(tokens, "&&"):
        test, tokens = _factor(tokens[1:])
        tests.append(test)
    return (lambda connection: all(one(connection) for one in tests)), tokens


def _factor(tokens: _Tokens) -> tuple[Test, _Tokens]:
    if not tokens:
        raise Malformed("ends too early")
    if _is(tokens, "!"):
        inner, tokens = _factor(tokens[1:])
        return (lambda connection: not inner(connection)), tokens
    if _is(tokens, "("):
        inner, tokens = _alternatives(tokens[1:])
        if not _is(tokens, ")"):
            raise Malformed("a parenthesis is not closed")
        return inner, tokens[1:]
    if tokens[0].group("path") is None:
        raise Malformed(f"unexpected {tokens[0].group().strip()}")
    return _primary(tokens[0]), tokens[1:]


def _primary(token: re.Match[str]) -> Test:
    path, arguments = token.group("path").upper(), token.group("arguments")
    if arguments is None:
        if path in ("TRUE", "NS_TRUE", "FALSE", "NS_FALSE"):
            return lambda _connection: path.endswith("TRUE")
        raise Malformed(f"{path} is no Boolean")
    test = _operation(path, [word.strip() for word in arguments.split(",")])
    if token.group("not"):
        return lambda connection: not test(connection)
    return test


def _operation(path: str, words: list[str]) -> Test:
    subject, _dot, operator = path.rpartition(".")
    if subject in ("CLIENT.IP.DST", "CLIENT.IPV6.DST") and operator in ("EQ", "IN_SUBNET") and len(words) == 1:
        version = 4 if subject == "CLIENT.IP.DST" else 6
        network = _network(words[0], version, operator == "IN_SUBNET")
        return lambda connection: connection.address.version == version and connection.address in network
    if subject == "CLIENT.TCP.DSTPORT" and all(word.isdigit() for word in words):
        numbers = [int(word) for word in words]
        if max(numbers) < 65536:
            match operator, numbers:
                case "EQ", [number]:
                    return lambda connection: connection.port == number
                case "NE", [number]:
                    return lambda connection: connection.port != number
                case "BETWEEN", [first, last]:
                    return lambda connection: first <= connection.port <= last
    raise Malformed(f"{path}({','.join(words)})")


def _network(text: str, version: int, is_subnet: bool) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Malformed(text) from None
    if network.version != version or is_subnet != ("/" in text):
        raise Malformed(text)
    return network
