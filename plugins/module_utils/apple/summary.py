# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the results of several rotations to one table and one exit status. Pure.

The status is for whoever runs this unattended: ansible-playbook itself has none for "waits for a person".
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from .standing import NOBODY, OPERATOR

#: Goes up when a key of the document changes its meaning or goes away; a new key alone leaves it.
SCHEMA = 1

NOTHING, ROTATED, CHANGED, WAITS, FAILED = "nothing to do", "rotated", "changed", "waits", "failed"
#: What an item that waits, or that failed, makes of the whole run. 75 is EX_TEMPFAIL of sysexits.h: try again later.
SUCCESS, FAILURE, WAITING = 0, 1, 75

_SWITCH = "version in service"
_NOW = "now"
_HEADINGS = ("item", "decision", "reason", "next due", "who must act")

Result = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Row:
    """What became of one certificate.

    :param environment: host that stands for the environment.
    :param reason: stable code of what the certificate in service is found to be; empty where nobody could look.
    :param sentence: the reason for people, what the gate waits for, or why it failed.
    :param due: when the next act is due, ISO 8601; ``now`` where nothing serves, empty where nobody could look.
    :param must_act: ``nobody``, ``signing``, ``portal`` or ``operator``.
    :param act: what to do; empty for nobody.
    """

    environment: str
    bundle_id: str
    decision: str
    reason: str
    sentence: str
    due: str
    must_act: str
    act: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        due = self.due.partition("T")[0] or "unknown"
        item = f"{self.environment} {self.bundle_id}".strip()
        return item, self.decision, self.reason or "unknown", due, self.must_act


def row(environment: str, bundle_id: str, rotation: Result | None, standing: Result | None) -> Row:
    """What became of one certificate.

    :param rotation: the registered result of ``apns_certificate``; ``None`` where it was not reached.
    :param standing: its entry in the ``bundles`` of ``apns_certificate_info``; ``None`` where the store was not read.
    """
    reason = standing["decision"]["reason"] if standing else ""
    if rotation is None or rotation.get("failed") or rotation.get("unreachable"):
        told = rotation or {}
        remedy = str(told.get("remedy") or "Look at the output of the run, then run it again").rstrip(".")
        why = (
            str(told.get("msg") or "The rotation was not reached, or left no message")
            .removesuffix(f"{remedy}.")
            .strip()
        )
        due = (standing["needed_by"] or _NOW) if standing else ""
        return Row(environment, bundle_id, FAILED, reason, why, due, OPERATOR, remedy)
    decision = rotation["decision"]
    gate = rotation.get("gate")
    if gate:
        sentence = f"The {gate['name']} gate of version {gate['version']} waits for {gate['waiting_for']}"
        act = f"Do what {gate['instructions']} says, and put the answer at {gate['put_answer']}"
        due = gate["needed_by"] or _NOW
        return Row(environment, bundle_id, WAITS, decision["reason"], sentence, due, gate["name"], act)
    due = standing["next_due"] if standing else ""
    return Row(environment, bundle_id, _deed(rotation), decision["reason"], decision["sentence"], due, NOBODY)


def _deed(rotation: Result) -> str:
    if any(change["name"] == _SWITCH for change in rotation.get("changes", ())):
        return ROTATED
    return CHANGED if rotation.get("changed") else NOTHING


def exit_status(rows: t.Iterable[Row]) -> int:
    """1 where one failed, and where there is none; else 75 where one waits for a person; else 0."""
    decisions = {each.decision for each in rows}
    if FAILED in decisions or not decisions:
        return FAILURE
    return WAITING if WAITS in decisions else SUCCESS


def table(rows: t.Sequence[Row]) -> list[str]:
    """The closing table, a line each, and below it what must be done."""
    cells = [_HEADINGS, *(each.cells for each in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines + [f"{each.cells[0]}: {_full_stop(each.sentence)} {_full_stop(each.act)}" for each in rows if each.act]


def _full_stop(sentence: str) -> str:
    return sentence.rstrip(".") + "."


def document(rows: t.Sequence[Row], ended: str) -> dict[str, t.Any]:
    """The outcome for machines.

    :param ended: ISO 8601.
    """
    return {
        "schema": SCHEMA,
        "ended": ended,
        "exit_status": exit_status(rows),
        "items": [asdict(each) for each in rows],
        "table": table(rows),
    }
