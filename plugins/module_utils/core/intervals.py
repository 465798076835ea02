# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses as integer intervals: which addresses two sets do not share, however each is written down."""

from __future__ import annotations

import bisect
import ipaddress
import typing as t

#: First and last address, both included.
Interval = tuple[int, int]

_BITS = {4: 32, 6: 128}


def interval_of(network: str) -> Interval:
    """The interval of an address or CIDR."""
    parsed = ipaddress.ip_network(network)
    return int(parsed.network_address), int(parsed.broadcast_address)


def merge(intervals: t.Iterable[Interval]) -> list[Interval]:
    """The same addresses as few intervals: sorted, disjoint, not adjacent."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def contains(merged: t.Sequence[Interval], interval: Interval) -> bool:
    """Whether every address of ``interval`` is in ``merged`` (a result of :func:`merge`)."""
    position = bisect.bisect_right(merged, interval[0], key=lambda each: each[0]) - 1
    return position >= 0 and interval[1] <= merged[position][1]


def subtract(minuend: t.Sequence[Interval], subtrahend: t.Sequence[Interval]) -> list[Interval]:
    """The addresses of ``minuend`` that are not in ``subtrahend``. Both sorted and disjoint; one pass over each."""
    rest: list[Interval] = []
    position = 0
    for first, last in minuend:
        while position < len(subtrahend) and subtrahend[position][1] < first:
            position += 1
        at = position
        while first <= last and at < len(subtrahend) and subtrahend[at][0] <= last:
            if subtrahend[at][0] > first:
                rest.append((first, subtrahend[at][0] - 1))
            first = subtrahend[at][1] + 1
            at += 1
        if first <= last:
            rest.append((first, last))
    return rest


def to_cidrs(interval: Interval, version: int) -> list[str]:
    """The fewest addresses and CIDRs that make up an interval of IPv4 (4) or IPv6 (6)."""
    kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    networks = ipaddress.summarize_address_range(kind(interval[0]), kind(interval[1]))
    return [
        str(network.network_address) if network.prefixlen == _BITS[version] else str(network) for network in networks
    ]
