# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advanced policy expressions: write the one that opens a flow, and judge those of others without running them.

An answer is ``True``, ``False`` or ``None`` (not known): what this does not understand is never taken for granted.
Source: Citrix, "Policies and Expressions" (``CLIENT.IP.DST``, ``CLIENT.TCP.DSTPORT``).
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
Answer: t.TypeAlias = "bool | None"

#: The longest expression that a policy takes.
LONGEST = 1499

_CONSTANTS = {"true": True, "ns_true": True, "false": False, "ns_false": False}
_ADDRESS = re.compile(r"CLIENT\.(IP|IPV6)\.DST\.(EQ|IN_SUBNET)\(\s*([^()\s]+)\s*\)(\.NOT)?", re.IGNORECASE)
_PORT = re.compile(r"CLIENT\.TCP\.DSTPORT\.(EQ|NE|BETWEEN)\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)(\.NOT)?", re.IGNORECASE)


def opening(networks: t.Sequence[Network], port: int) -> str:
    """The expression that matches TCP to these networks on this port, and nothing else."""
    terms = [_address_term(network) for network in networks]
    addresses = terms[0] if len(terms) == 1 else f"({' || '.join(terms)})"
    return f"{addresses} && CLIENT.TCP.DSTPORT.EQ({port})"


def same(one: str, other: str) -> bool:
    """Whether two expressions differ in blanks at most."""
    return "".join(one.split()) == "".join(other.split())


def matches(expression: str, network: Network, port: int) -> Answer:
    """Whether an expression is true for TCP to every address of a network on a port.

    ``False`` means for no address; ``None`` means for some, or not known.
    """
    try:
        reader = _Reader(expression, network, port)
        answer = reader.any_of()
        return answer if reader.at_end else None
    except ValueError:
        return None


def _address_term(network: Network) -> str:
    field = "IP" if network.version == 4 else "IPV6"
    if network.num_addresses == 1:
        return f"CLIENT.{field}.DST.EQ({network.network_address})"
    return f"CLIENT.{field}.DST.IN_SUBNET({network})"


class _Reader:
    """Recursive descent over ``||``, ``&&``, ``!`` and parentheses; whatever stands between them is one atom."""

    def __init__(self, text: str, network: Network, port: int) -> None:
        self._text = text
        self._at = 0
        self._network = network
        self._port = port

    @property
    def at_end(self) -> bool:
        return not self._text[self._at :].strip()

    def any_of(self) -> Answer:
        answer = self._all_of()
        while self._takes("||"):
            answer = _or(answer, self._all_of())
        return answer

    def _all_of(self) -> Answer:
        answer = self._one()
        while self._takes("&&"):
            answer = _not(_or(_not(answer), _not(self._one())))
        return answer

    def _one(self) -> Answer:
        if self._takes("!"):
            return _not(self._one())
        if self._takes("("):
            answer = self.any_of()
            if not self._takes(")"):
                raise ValueError("a parenthesis is not closed")
            return answer
        return self._judge(self._atom())

    def _takes(self, sign: str) -> bool:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) * found
        return found

    def _atom(self) -> str:
        """Up to the next sign outside quotes and the atom's own parentheses."""
        start, depth, quote = self._at, 0, ""
        while self._at < len(self._text):
            sign = self._text[self._at]
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "\"'":
                quote = sign
            elif depth == 0 and (sign == ")" or self._text.startswith(("&&", "||"), self._at)):
                break
            else:
                depth += (sign == "(") - (sign == ")")
            self._at += 1
        atom = self._text[start : self._at].strip()
        if not atom or quote or depth:
            raise ValueError("not an expression")
        return atom

    def _judge(self, atom: str) -> Answer:
        if atom.lower() in _CONSTANTS:
            return _CONSTANTS[atom.lower()]
        if found := _ADDRESS.fullmatch(atom):
            field, operator, value, negated = found.groups()
            named = ipaddress.ip_network(value, strict=False)
            if operator.upper() == "EQ" and named.num_addresses != 1:
                return None
            answer = _covers(named, self._network) if (named.version == 4) == (field.upper() == "IP") else None
            return _not(answer) if negated else answer
        if found := _PORT.fullmatch(atom):
            operator, first, last, negated = found.groups()
            if (operator.upper() == "BETWEEN") != (last is not None):
                return None
            within = int(first) <= self._port <= int(last or first)
            return (within != (operator.upper() == "NE")) != bool(negated)
        return None


def _covers(named: Network, asked: Network) -> Answer:
    """Whether ``named`` holds all of ``asked`` (true), nothing of it (false), or a part (not known)."""
    if isinstance(named, ipaddress.IPv4Network) and isinstance(asked, ipaddress.IPv4Network):
        return True if asked.subnet_of(named) else (None if asked.overlaps(named) else False)
    if isinstance(named, ipaddress.IPv6Network) and isinstance(asked, ipaddress.IPv6Network):
        return True if asked.subnet_of(named) else (None if asked.overlaps(named) else False)
    return False


def _or(one: Answer, other: Answer) -> Answer:
    return True if one or other else (None if None in (one, other) else False)


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer
