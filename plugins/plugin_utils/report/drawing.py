# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push path as a drawing: where its boxes and lines are, in the units of the picture's view box.

It is drawn from top to bottom, so that it is as readable on a phone as on a desk.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

WIDTH, HEIGHT = 360, 580
BOX_WIDTH, BOX_HEIGHT = 150, 34
_LEFT, _RIGHT, _MIDDLE = 20, 200, 95

#: What stands for a state where no color can be seen.
SYMBOLS = {"pass": "✓", "fail": "✕", "not tested": "?", "warning": "!", "left out": "–"}


@dataclass(frozen=True)
class Box:
    """A system on the path; ``x`` and ``y`` are its upper left corner."""

    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """A way between two boxes, as SVG path data. Where a link lies on it, ``sign`` is the place of its state."""

    path: str
    link: str = ""
    sign: tuple[int, int] = (0, 0)
    label: tuple[int, int] = (0, 0)


BOXES = (
    Box("XenMobile Server", _LEFT, 10),
    Box("iPhone", _LEFT, 90),
    Box("Registration service", _RIGHT, 170),
    Box("Exchange front end", _LEFT, 170),
    Box("Exchange back end", _LEFT, 250),
    Box("Listener", _LEFT, 376),
    Box("APNs", _LEFT, 456),
    Box("iPhone: badge", _LEFT, 536),
)


def _down(top: int, bottom: int, link: str = "") -> Line:
    middle = (top + bottom) // 2
    return Line(f"M{_MIDDLE} {top}V{bottom}", link, (_MIDDLE, middle), (_MIDDLE + 16, middle + 4))


LINES = (
    _down(44, 90, "xms-policies"),
    Line("M170 107H275V170", "registration-egress", (275, 138), (178, 98)),
    _down(124, 170, "read-ahead"),
    _down(204, 250, "ews-health"),
    _down(284, 330, "proxy-bypass"),
    _down(330, 376, "listener-egress"),
    _down(410, 456, "apns-certificate"),
    _down(490, 536, "badge"),
)

_BADGES = {"arrived": "pass", "missing": "fail", "carries content": "fail", "not tested": "left out"}


def states(document: Document) -> dict[str, str]:
    """State of every line that has one: the links by id, and ``badge``."""
    return {**{link["id"]: link["state"] for link in document["links"]}, "badge": _BADGES[document["badge"]]}


def in_words(document: Document) -> str:
    """The drawing for those who do not see it."""
    said = ", ".join(f"{name} {state}" for name, state in states(document).items())
    return f"Push path of {document['environment']['name']}: {said}"


def numbered(document: Document) -> t.Iterator[tuple[Line, str, int]]:
    """Every line with its state and, for a link, its number on the path; 0 for what is none."""
    known = states(document)
    order = [link["id"] for link in document["links"]]
    for line in LINES:
        yield line, known.get(line.link, ""), order.index(line.link) + 1 if line.link in order else 0
