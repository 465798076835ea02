# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing table and the exit status: worst first, and nothing at all is no success."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple import summary
from ansible_collections.pushops.securemail.plugins.module_utils.apple.summary import FAILED, ROTATED, WAITS, Row, row

GATE = {
    "name": "portal",
    "version": "0002",
    "waiting_for": "the upload",
    "put_answer": "/h/portal.json",
    "instructions": "/h/UPLOAD.txt",
    "needed_by": "2027-01-31T00:00:00+00:00",
}
VALID = {"changed": False, "gate": None, "decision": {"reason": "valid", "sentence": "It is valid"}, "changes": []}
STANDING = {
    "decision": {"reason": "valid", "sentence": "It is valid"},
    "next_due": "2027-01-01T00:00:00+00:00",
    "needed_by": "2027-01-31T00:00:00+00:00",
}
SWITCH = [{"name": "version in service", "before": "0001", "after": "0002"}]
LAX = [{"name": "permissions of key.pem", "before": "0644", "after": "0600"}]

CASES: dict[str, tuple[dict[str, t.Any] | None, dict[str, t.Any] | None, tuple[str, str, str, str]]] = {
    "nothing": (VALID, STANDING, ("nothing to do", "valid", "2027-01-01", "nobody")),
    "rotated": (VALID | {"changed": True, "changes": SWITCH}, STANDING, ("rotated", "valid", "2027-01-01", "nobody")),
    "tightened": (VALID | {"changed": True, "changes": LAX}, STANDING, ("changed", "valid", "2027-01-01", "nobody")),
    "waits": (VALID | {"gate": GATE}, STANDING, ("waits", "valid", "2027-01-31", "portal")),
    "waits, none serves": (VALID | {"gate": GATE | {"needed_by": ""}}, None, ("waits", "valid", "now", "portal")),
    "failed": ({"failed": True, "msg": "It is refused. Mend it.", "remedy": "Mend it"}, STANDING,
               ("failed", "valid", "2027-01-31", "operator")),
    "failed, none serves": ({"failed": True}, STANDING | {"needed_by": ""}, ("failed", "valid", "now", "operator")),
    "not reached": (None, None, ("failed", "unknown", "unknown", "operator")),
    "unreachable": ({"unreachable": True, "msg": "gone"}, None, ("failed", "unknown", "unknown", "operator")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_row(case: str) -> None:
    rotation, standing, expected = CASES[case]
    made = row("emea", "com.contoso.securemail", rotation, standing)
    assert made.cells == ("emea com.contoso.securemail", *expected)
    assert (made.act == "") is (made.must_act == "nobody")


def test_the_remedy_is_said_once() -> None:
    made = row("emea", "b", *CASES["failed"][:2])
    assert (made.sentence, made.act) == ("It is refused.", "Mend it")
    assert summary.table([made])[-1] == "emea b: It is refused. Mend it."


DECISIONS = st.sampled_from([summary.NOTHING, ROTATED, summary.CHANGED, WAITS, FAILED])


@given(st.lists(DECISIONS, max_size=5))
def test_the_worst_item_makes_the_status(decisions: list[str]) -> None:
    rows = [Row(str(number), "b", decision, "", "", "", "") for number, decision in enumerate(decisions)]
    status = summary.exit_status(rows)
    assert (status == 1) is (FAILED in decisions or not decisions)
    assert (status == 75) is (WAITS in decisions and FAILED not in decisions)
    assert status in (0, 1, 75)
    document = summary.document(rows, "2026-01-01T00:00:00+00:00")
    assert document["exit_status"] == status and len(document["items"]) == len(rows) == len(document["table"]) - 2
