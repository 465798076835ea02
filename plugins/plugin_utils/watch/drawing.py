# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push path as a line of text: a sign for each link, in the order in which a badge travels them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import (
    FAIL,
    LEFT_OUT,
    NOT_TESTED,
    PASS,
    WARNING,
    Finding,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

from .standing import ASKING, BADGE, PRESSING, UNKNOWN, Standing

#: Colors every text by a state; without color it returns the text.
Paint = t.Callable[[str, str], str]


@dataclass(frozen=True)
class Signs:
    """One character for each state, and what stands between two links."""

    of: t.Mapping[str, str]
    between: str


UNICODE = Signs(
    {PASS: "●", FAIL: "✘", WARNING: "▲", NOT_TESTED: "?", LEFT_OUT: "○", ASKING: "◌", UNKNOWN: "·"}, between="─"
)
ASCII = Signs(
    {PASS: "o", FAIL: "X", WARNING: "!", NOT_TESTED: "?", LEFT_OUT: "-", ASKING: "*", UNKNOWN: "."}, between=" "
)

_WORDS = {
    PASS: "passes",
    FAIL: "broken",
    WARNING: "warning",
    NOT_TESTED: "not tested",
    LEFT_OUT: "left out",
    ASKING: "being asked",
    UNKNOWN: "nothing heard",
}


def signs_for(encoding: str | None) -> Signs:
    """The signs that an output of this encoding can show."""
    try:
        "".join((*UNICODE.of.values(), UNICODE.between)).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def legend(signs: Signs) -> list[str]:
    """What the lines below it show."""
    return [
        f" {signs.between} ".join((*LINKS, BADGE)),
        "  ".join(f"{signs.of[state]} {word}" for state, word in _WORDS.items()),
    ]


def path(standing: Standing, signs: Signs, paint: Paint) -> str:
    """The path alone."""
    states = [standing.state(link) for link in (*LINKS, BADGE)]
    return signs.between.join(paint(signs.of[state], state) for state in states)


def line(standing: Standing, signs: Signs, paint: Paint, name_width: int, width: int) -> str:
    """Name, path, and what is most pressing, cut so that it does not wrap at ``width`` columns."""
    concern = standing.concern
    said = "" if concern is None else f"{concern.link} on {concern.host}: {concern.evidence}"
    room = width - name_width - 2 * len(LINKS) - 6
    return f"{standing.name:<{name_width}}  {path(standing, signs, paint)}  {cut(said, room)}".rstrip()


def block(standings: t.Sequence[Standing], at: str, signs: Signs, paint: Paint, size: tuple[int, int]) -> list[str]:
    """What stands on the screen while it runs: a line for each environment, the worst first where not all have room.

    :param at: what is being done.
    :param size: columns and rows of the terminal.
    """
    width, rows = size
    room = max(1, rows - 4)
    shown = list(standings)
    if len(shown) > room:
        shown = sorted(shown, key=_pressing)[: room - 1]
    name_width = max((len(one.name) for one in shown), default=0)
    lines = [line(one, signs, paint, name_width, width) for one in shown]
    if len(shown) < len(standings):
        lines.append(f"and {len(standings) - len(shown)} more")
    return ["", *lines, cut(at, width - 1)]


def sentence(environment: str, finding: Finding) -> str:
    """One thing that was found, for a log."""
    return f"{environment}  {finding.link} on {finding.host}: {finding.state}, {finding.evidence}"


def cut(text: str, width: int) -> str:
    """The text in one line of at most ``width`` characters, without what would move the cursor."""
    words = "".join(one for one in " ".join(text.split()) if one.isprintable())
    return words if len(words) <= width else f"{words[: width - 3]}..." if width > 3 else ""


def _pressing(standing: Standing) -> int:
    worst = standing.worst
    return PRESSING.index(worst) if worst in PRESSING else len(PRESSING)
