# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the Windows Firewall as the registry holds them. No I/O.

The grammar is MS-GPFAS 2.2.2.19, for Group Policy's rules and for the host's own: ``v2.30|Action=Allow|Dir=Out|...|``.
A field that may have many values is repeated. Fields that this project does not know are kept as they are.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.intervals import Interval, interval_of, merge

_VERSION = re.compile(r"v\d+\.\d+")
_FIELD = re.compile(r"([A-Za-z0-9_]+)=([^|]*)", re.DOTALL)
#: The fields of one side of a connection, by IP version.
Side = dict[int, tuple[str, ...]]
#: The keywords of RA42 and RA62 came with schema 2.20.
REMOTE: Side = {4: ("RA4", "RA42"), 6: ("RA6", "RA62")}
LOCAL: Side = {4: ("LA4",), 6: ("LA6",)}
REMOTE_PORTS, LOCAL_PORTS = ("RPort", "RPort2_10"), ("LPort", "LPort2_10")
TCP = "6"


@dataclass(frozen=True)
class Rule:
    """A rule string, taken apart.

    :param version: of the schema, such as ``v2.30``.
    :param fields: names and values in their order, repeated ones included.
    """

    version: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Rule:
        """:raises UnexpectedState: the text is no rule; the firewall service does not load such a one either."""
        version, *parts = text.split("|")
        found = [_FIELD.fullmatch(part) for part in parts[:-1]]
        if not _VERSION.fullmatch(version) or not parts or parts[-1] or not found or not all(found):
            raise UnexpectedState(
                f"{text[:80]!r} is no firewall rule", "Delete the value, or write the rule anew with netsh"
            )
        return cls(version, tuple((match[1], match[2]) for match in found if match))

    def __str__(self) -> str:
        return "|".join([self.version, *(f"{name}={value}" for name, value in self.fields), ""])

    def all(self, *names: str) -> list[str]:
        """Every value of the named fields, in their order."""
        return [value for name, value in self.fields if name in names]

    def first(self, name: str) -> str:
        """The first value of a field; empty where it has none."""
        return next((value for field, value in self.fields if field == name), "")

    @property
    def name(self) -> str:
        """The name that people see. It need not be unique, and may point to a localized text (``@file,-number``)."""
        return self.first("Name")

    @property
    def outbound(self) -> bool:
        return self.first("Dir").lower() == "out"

    @property
    def active(self) -> bool:
        return self.first("Active").lower() == "true"

    @property
    def action(self) -> str:
        """``allow``, ``block`` or ``bypass``."""
        return self.first("Action").lower()

    @property
    def profiles(self) -> frozenset[str]:
        """``domain``, ``private``, ``public``; empty means all."""
        return frozenset(profile.lower() for profile in self.all("Profile"))

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _value in self.fields)


@dataclass(frozen=True)
class Ranges:
    """Numbers that a field's values name.

    :param known: those that are written out, as disjoint intervals.
    :param keywords: words whose meaning only the host knows (``LocalSubnet``, ``DNS``), and what cannot be read.
    """

    known: tuple[Interval, ...]
    keywords: tuple[str, ...] = ()


def addresses(values: t.Iterable[str], version: int) -> Ranges:
    """Addresses of one IP version: single, ``a-b``, ``a/mask``, ``a/prefix`` or a keyword."""
    return _ranges(values, lambda text: _address_interval(text, version))


def ports(values: t.Iterable[str]) -> Ranges:
    """Ports: single, ``a-b`` or a keyword."""
    return _ranges(values, _port_interval)


def _ranges(values: t.Iterable[str], read: t.Callable[[str], Interval]) -> Ranges:
    known, keywords = [], []
    for value in values:
        try:
            known.append(read(value))
        except ValueError:
            keywords.append(value)
    return Ranges(tuple(merge(known)), tuple(keywords))


def _address_interval(text: str, version: int) -> Interval:
    low, dash, high = text.partition("-")
    if not dash:
        network = ipaddress.ip_network(text, strict=False)
        first, last = interval_of(str(network))
        versions = {network.version}
    else:
        ends = ipaddress.ip_address(low), ipaddress.ip_address(high)
        first, last = int(ends[0]), int(ends[1])
        versions = {end.version for end in ends}
    if versions != {version} or first > last:
        raise ValueError(text)
    return first, last


def _port_interval(text: str) -> Interval:
    low, dash, high = text.partition("-")
    if not (low.isdecimal() and (high.isdecimal() or not dash)):
        raise ValueError(text)
    first, last = int(low), int(high if dash else low)
    if not first <= last <= 65535:
        raise ValueError(text)
    return first, last
