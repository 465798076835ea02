# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's result changes of what is known of the path."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import (
    FAIL,
    NOT_TESTED,
    PASS,
    WARNING,
    Finding,
)
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch.standing import (
    ANSWERS,
    ASKING,
    BADGE,
    UNKNOWN,
    Standing,
)

ROLES = pathlib.Path(__file__).resolve().parents[5] / "roles"
BYPASS = {"link": "proxy-bypass", "name": "bypass list", "before": "absent", "after": "listener"}
READ_AHEAD = {"link": "read-ahead", "name": "uploadReadAheadSize", "before": 0, "after": 49152}


def states(standing: Standing) -> dict[str, str]:
    links = ("read-ahead", "proxy-bypass", "listener-egress")
    return {link: standing.state(link) for link in links if standing.state(link) != UNKNOWN}


def test_every_role_that_verify_asks_is_known_by_its_module() -> None:
    kept = yaml.safe_load((ROLES / "push_verify" / "vars" / "main.yml").read_text())["push_verify_kept"]
    assert {entry["asked"]: tuple(entry["links"]) for entry in kept} == dict(ANSWERS.values())
    for module, (asked, _links) in ANSWERS.items():
        role = next(entry["role"] for entry in kept if entry["asked"] == asked)
        tasks = "".join(path.read_text() for path in (ROLES / role / "tasks").glob("*.yml"))
        assert f"pushops.securemail.{module}:" in tasks, module


def test_a_link_is_unknown_then_asked_then_known() -> None:
    standing = Standing("emea")
    assert states(standing) == {}
    assert standing.asks("exchange_ews_iis", "exch01")
    assert states(standing) == {"read-ahead": ASKING, "proxy-bypass": ASKING}
    found = standing.hears("exchange_ews_iis", "exch01", {"changes": [BYPASS]})
    assert [(one.link, one.state) for one in found] == [("proxy-bypass", FAIL), ("read-ahead", PASS)]
    assert states(standing) == {"read-ahead": PASS, "proxy-bypass": FAIL}


def test_a_second_host_neither_heals_nor_hides_the_first() -> None:
    standing = Standing("emea")
    standing.hears("exchange_ews_iis", "exch01", {"changes": [BYPASS]})
    standing.asks("exchange_ews_iis", "exch02")
    assert standing.state("proxy-bypass") == FAIL
    standing.hears("exchange_ews_iis", "exch02", {"changes": []})
    assert standing.state("proxy-bypass") == FAIL
    assert standing.concern is not None and standing.concern.host == "exch01"


def test_what_was_said_before_is_no_news() -> None:
    standing = Standing("emea")
    assert len(standing.hears("exchange_ews_iis", "exch01", {"changes": [BYPASS]})) == 2
    assert standing.hears("exchange_ews_iis", "exch01", {"changes": [BYPASS]}) == []
    (mended,) = standing.hears("exchange_ews_iis", "exch01", {"changes": []})
    assert (mended.link, mended.state) == ("proxy-bypass", PASS)


def test_a_run_that_applies_says_what_it_set_and_calls_a_failure_broken() -> None:
    standing = Standing("emea")
    result = {"changed": True, "changes": [BYPASS, READ_AHEAD]}
    found = standing.hears("exchange_ews_iis", "exch01", result, changed_now=True)
    assert {one.state for one in found} == {PASS}
    assert found[0].evidence.startswith("set now: ")
    found = standing.hears("exchange_ews_iis", "exch01", {"failed": True, "msg": "appcmd: no"}, changed_now=True)
    assert {(one.state, one.evidence) for one in found} == {(FAIL, "appcmd: no")}


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"obstacles": [{"link": "listener-egress", "sentence": "a rule blocks it"}]}, FAIL),
        ({"obstacles": [{"link": "read-ahead", "sentence": "of another link"}]}, PASS),
        ({"gate": {"name": "portal", "waiting_for": "the customer ID", "needed_by": ""}}, FAIL),
        ({"gate": {"name": "portal", "waiting_for": "it", "needed_by": "2027-01-01"}}, PASS),
    ],
)
def test_what_a_change_did_not_mend_stays_broken(more: dict[str, t.Any], state: str) -> None:
    standing = Standing("emea")
    change = {"link": "listener-egress", "name": "rule", "before": None, "after": "rule"}
    standing.hears("push_firewall_windows", "exch01", {"changed": True, "changes": [change], **more}, changed_now=True)
    assert standing.state("listener-egress") == state


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ({"unreachable": True, "msg": "no route"}, NOT_TESTED),
        ({"failed": True, "msg": "no"}, NOT_TESTED),
        ({"failed": True, "censored": "hidden"}, NOT_TESTED),
        ({"skipped": True}, "left out"),
        ({"censored": "hidden"}, PASS),
    ],
)
def test_what_did_not_answer_was_not_tested(result: dict[str, t.Any], state: str) -> None:
    standing = Standing("emea")
    standing.hears("xms_mdx_push_policy", "xms01", result)
    assert standing.state("xms-policies") == state


def test_the_verdict_has_the_last_word() -> None:
    standing = Standing("emea")
    standing.hears("exchange_ews_iis", "exch01", {"changes": [BYPASS]})
    late = Finding("proxy-bypass", "exchange", "exch01", PASS, "as declared")
    warns = Finding("listener-egress", "events", "exch01", WARNING, "1 x event 6")
    verdict = {"badge": "missing", "checks": [late.as_record(), warns.as_record()]}
    standing.hears("push_path_verdict", "controller", verdict)
    assert (standing.state("proxy-bypass"), standing.state(BADGE)) == (PASS, FAIL)
    assert standing.concern is not None and standing.concern.as_record() == warns.as_record()
    standing.hears("push_path_verdict", "controller", {"badge": "not tested", "checks": []})
    assert standing.state(BADGE) == UNKNOWN


def test_a_task_of_somebody_else_says_nothing_of_the_path() -> None:
    standing = Standing("emea")
    assert not standing.asks("", "exch01")
    assert standing.hears("", "exch01", {"failed": True, "msg": "no"}) == []
    assert states(standing) == {}
