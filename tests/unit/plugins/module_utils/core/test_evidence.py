# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From check-mode results to a verdict."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import Verdict, judge
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

ARRIVED = {
    "mailbox": "alex@contoso.com",
    "arrived": True,
    "content_free": True,
    "devices": [{"device": "iphone-1", "arrived": True, "badge_before": 0, "badge_after": 1, "last_error": ""}],
}


def change(link: str) -> dict[str, t.Any]:
    return {"name": "setting", "before": 0, "after": 49152, "link": link}


def verdict(result: dict[str, t.Any] | None, probe: dict[str, t.Any] | None) -> Verdict:
    return Verdict(judge("asked", ["read-ahead", "proxy-bypass"], {"exch01": result}), probe)


def test_a_host_as_declared_passes() -> None:
    assert verdict({"changes": []}, ARRIVED).sound


def test_an_outstanding_change_breaks_its_link_and_no_other() -> None:
    found = verdict({"changes": [change("read-ahead")]}, ARRIVED)
    assert found.broken == ("read-ahead",)
    text = "\n".join(found.sentences())
    assert "exch01: setting is 0, expected 49152" in text
    assert LINKS["read-ahead"].remedy in text
    assert "proxy-bypass" not in text


@pytest.mark.parametrize("result", [{"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "no route"}])
def test_a_host_without_an_answer_is_not_tested_and_says_why(result: dict[str, t.Any]) -> None:
    found = verdict(result, ARRIVED)
    assert (found.broken, found.not_tested, found.sound) == ((), ("read-ahead", "proxy-bypass"), False)
    assert "no route" in "\n".join(found.sentences())


def test_a_check_that_fails_because_a_link_is_broken_says_so() -> None:
    found = verdict({"failed": True, "msg": "an entry is no regular expression", "link": "proxy-bypass"}, ARRIVED)
    assert (found.broken, found.not_tested) == (("proxy-bypass",), ("read-ahead",))
    assert "exch01: an entry is no regular expression" in "\n".join(found.sentences())


def test_a_host_that_was_left_out_is_said_and_does_not_fail_the_rest() -> None:
    found = verdict(None, ARRIVED)
    assert found.sound
    assert "LEFT OUT read-ahead on exch01" in "\n".join(found.sentences())


def gate(needed_by: str) -> dict[str, t.Any]:
    return {"name": "signing", "waiting_for": "the signed certificate", "needed_by": needed_by}


def test_a_gate_breaks_the_link_where_no_certificate_serves() -> None:
    found = Verdict(judge("asked", ["apns-certificate"], {"controller": {"changes": [], "gate": gate("")}}), ARRIVED)
    assert found.broken == ("apns-certificate",)
    assert "waits at the signing gate for the signed certificate" in "\n".join(found.sentences())


def test_a_renewal_that_waits_while_the_old_certificate_serves_passes() -> None:
    result = {"changes": [change("")], "gate": gate("2027-01-31T00:00:00+00:00")}
    findings = judge("asked", ["apns-certificate"], {"controller": result})
    assert Verdict(findings, ARRIVED).sound
    assert findings[0].state == "pass"
    assert findings[0].evidence == "renewal waits at the signing gate, needed by 2027-01-31T00:00:00+00:00"


@pytest.mark.parametrize(
    ("probe", "badge", "sound"),
    [
        (ARRIVED, "arrived", True),
        (ARRIVED | {"arrived": False}, "missing", False),
        (ARRIVED | {"content_free": False}, "carries content", False),
        (None, "not tested", True),
    ],
)
def test_the_badge_has_the_last_word(probe: dict[str, t.Any] | None, badge: str, sound: bool) -> None:
    found = verdict({"changes": []}, probe)
    assert (found.badge, found.sound) == (badge, sound)


@given(st.lists(st.sampled_from(sorted(LINKS))))
def test_broken_links_stand_in_the_order_of_the_path(links: list[str]) -> None:
    found = Verdict(judge("asked", list(LINKS), {"host": {"changes": [change(link) for link in links]}}), None)
    assert found.broken == tuple(link for link in LINKS if link in links)


def contradiction(breaks: bool) -> dict[str, t.Any]:
    sentence = "The profile allows sandbox push alone." if breaks else "The profile expires soon."
    return {"code": "x", "sentence": sentence, "remedy": "Wrap it again.", "breaks": breaks}


def test_what_breaks_the_app_breaks_the_link_with_a_remedy_of_its_own() -> None:
    result = {"contradictions": [contradiction(False), contradiction(True)]}
    found = Verdict(judge("mdx", ["xms-policies"], {"controller": result}), None)
    assert found.broken == ("xms-policies",)
    assert found.findings[0].evidence == "The profile allows sandbox push alone"
    text = "\n".join(found.sentences())
    assert "Remedy: Wrap it again." in text and LINKS["xms-policies"].remedy not in text


def test_what_will_break_it_is_a_warning_and_leaves_the_verdict() -> None:
    found = Verdict(judge("mdx", ["xms-policies"], {"controller": {"contradictions": [contradiction(False)]}}), None)
    assert found.sound and found.findings[0].state == "warning"
    assert "WARNING xms-policies on controller: The profile expires soon. Wrap it again" in found.sentences()


@pytest.mark.parametrize("result", [{"skipped": True}, {"unable": "the host has no curl.exe"}])
def test_what_is_not_asked_for_or_cannot_be_is_left_out(result: dict[str, t.Any]) -> None:
    found = Verdict(judge("egress", ["listener-egress"], {"exch01": {**result, "obstacles": []}}), None)
    assert found.sound and found.findings[0].state == "left out"
