# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates on one time line: where each bar begins and ends, in thousandths of the whole."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

from .history import moment

SPAN = 1000


@dataclass(frozen=True)
class Bar:
    """One certificate. ``begin``, ``end``, ``now`` and ``due`` are places from 0 to ``SPAN``; ``due`` may be absent."""

    environment: str
    certificate: Document
    begin: int
    end: int
    now: int
    due: int | None
    days_left: int


def bars(documents: t.Sequence[Document]) -> list[Bar]:
    """The certificates of all environments, soonest end first. All bars share one scale."""
    found = [
        (document, certificate, moment(certificate["not_before"]), moment(certificate["not_after"]))
        for document in documents
        for certificate in document["certificates"]
    ]
    if not found:
        return []
    nows = [moment(document["ended"]) for document in documents]
    first = min([begin for _document, _certificate, begin, _end in found] + nows)
    last = max([end for _document, _certificate, _begin, end in found] + nows)
    whole = (last - first) or datetime.timedelta(seconds=1)

    def place(when: datetime.datetime) -> int:
        return round((when - first) / whole * SPAN)

    drawn = []
    for document, certificate, begin, end in sorted(found, key=lambda entry: entry[3]):
        now, due = moment(document["ended"]), certificate["renewal_starts"]
        drawn.append(
            Bar(
                environment=document["environment"]["name"],
                certificate=certificate,
                begin=place(begin),
                end=place(end),
                now=place(now),
                due=place(moment(due)) if due else None,
                days_left=(end - now) // datetime.timedelta(days=1),
            )
        )
    return drawn
