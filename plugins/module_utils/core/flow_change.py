# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new snapshot of the endpoints does to the flows, and when that is too much to be taken without a word."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .addresses import of_version
from .errors import InvalidInput
from .flows import Flow
from .intervals import Interval, interval_of, merge, subtract, to_cidrs


@dataclass(frozen=True)
class FlowChange:
    """One flow in two snapshots.

    :param added, removed: addresses and CIDRs that only the new, or only the old snapshot has.
    :param lost_share: how much of the old addresses is gone, from 0 to 1; the larger share of IPv4 and IPv6.
    """

    name: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    lost_share: float

    def as_vars(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "added": list(self.added),
            "removed": list(self.removed),
            "lost_share": round(self.lost_share, 4),
        }


def compare(previous: t.Iterable[Flow], flows: t.Iterable[Flow]) -> tuple[FlowChange, ...]:
    """Every flow of ``flows``, beside the one of that name in ``previous``."""
    before = {flow.name: flow.destinations for flow in previous}
    return tuple(_compared(flow.name, before.get(flow.name, ()), flow.destinations) for flow in flows)


def _compared(name: str, previous: t.Sequence[str], present: t.Sequence[str]) -> FlowChange:
    added: list[str] = []
    removed: list[str] = []
    share = 0.0
    for version in (4, 6):
        old = merge(interval_of(address) for address in of_version(previous, version))
        new = merge(interval_of(address) for address in of_version(present, version))
        gone = subtract(old, new)
        removed += [cidr for interval in gone for cidr in to_cidrs(interval, version)]
        added += [cidr for interval in subtract(new, old) for cidr in to_cidrs(interval, version)]
        if old:
            share = max(share, _size(gone) / _size(old))
    return FlowChange(name, tuple(added), tuple(removed), share)


def _size(intervals: t.Iterable[Interval]) -> int:
    return sum(last - first + 1 for first, last in intervals)


def guard(
    changes: t.Iterable[FlowChange], dates: tuple[datetime.date, datetime.date], max_lost_share: float
) -> InvalidInput | None:
    """Why a new snapshot should not replace the previous one unseen; ``None`` where nothing speaks against it.

    :param dates: of the previous and of the new snapshot.
    """
    previous, present = dates
    remedy = f"Compare it with its source, then declare push_endpoints_accepted: '{present.isoformat()}'"
    if present < previous:
        expected = f"a snapshot that is not older than the previous one of {previous.isoformat()}"
        return InvalidInput("push_endpoints.date", present.isoformat(), expected, remedy)
    for change in changes:
        if change.lost_share > max_lost_share:
            return InvalidInput(
                "push_endpoints",
                f"without {', '.join(change.removed[:5])}{' and more' if change.removed[5:] else ''} for {change.name}",
                f"to lose at most {max_lost_share:.0%} of the previous addresses, not {change.lost_share:.0%}",
                remedy,
            )
    return None
