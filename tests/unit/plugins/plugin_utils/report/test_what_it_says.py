# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says: what to do, what changed, where bars begin and end."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import junitparser
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.plugin_utils.report import drawing, timeline
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.actions import actions
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.drift import drift
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.junit import junit
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.prometheus import metrics
from ansible_collections.pushops.securemail.tests.unit.plugins.plugin_utils.report.evidence import (
    NEXT,
    SERVING,
    evidence,
)

BROKEN = {("read-ahead", "exch02"): "fail", ("listener-egress", "gw01"): "not tested"}


def test_nothing_is_to_be_done_where_all_is_well() -> None:
    assert actions([evidence()]) == []


def test_what_is_broken_comes_before_what_was_not_tested_across_environments() -> None:
    found = actions([evidence("apac", {("listener-egress", "gw01"): "not tested"}), evidence("emea", BROKEN)])
    assert [(each.environment, each.state) for each in found] == [
        ("emea", "fail"),
        ("apac", "not tested"),
        ("emea", "not tested"),
    ]
    assert found[0].found == (("exch02", "as found"),)
    assert "playbooks/exchange.yml" in found[0].remedy


def test_a_badge_that_is_missing_without_a_broken_link_is_something_to_do() -> None:
    (action,) = actions([evidence(badge=False)])
    assert (action.about, action.state) == ("Badge", "fail")
    assert "missing" in action.found[0][1]


def test_a_gate_says_who_must_act_and_until_when() -> None:
    (action,) = actions([evidence(must_act="signing")])
    assert (action.state, action.by) == ("warning", "2026-12-31T00:00:00+00:00")
    assert action.remedy.startswith("Answer the signing gate")


def test_drift_names_what_differs_and_nothing_else() -> None:
    before, after = evidence(day=1), evidence(day=2, states=BROKEN, badge=False, said="worded otherwise")
    assert drift(before, after) == [
        "Badge: arrived, now missing",
        "listener-egress.gateway on gw01: pass, now not tested",
        "read-ahead.exchange on exch02: pass, now fail",
    ]
    assert drift(before, evidence(day=2, said="worded otherwise")) == []


def test_drift_knows_new_hosts_gone_hosts_and_another_certificate() -> None:
    before = evidence(more_hosts=["exch03"])
    after = evidence(
        more_hosts=["exch04"], versions=[(SERVING[0], "retired", *SERVING[2:]), ("0002", "in-service", *NEXT[2:])]
    )
    found = drift(before, after)
    assert "read-ahead.exchange on exch03: no longer asked" in found
    assert "read-ahead.exchange on exch04: pass, not asked before" in found
    assert "Certificate of com.contoso.securemail in service: 0001 (000100010001), now 0002 (000200020002)" in found


@given(st.integers(1, 28), st.integers(1, 28))
def test_all_bars_share_one_scale(first: int, second: int) -> None:
    drawn = timeline.bars([evidence("emea", day=first, versions=[SERVING, NEXT]), evidence("apac", day=second)])
    assert len(drawn) == 3
    for one in drawn:
        assert 0 <= one.begin < one.end <= timeline.SPAN
        assert 0 <= one.now <= timeline.SPAN
    assert min(one.begin for one in drawn) == 0 and max(one.end for one in drawn) == timeline.SPAN
    serving = [one for one in drawn if one.certificate["version"] == "0001"]
    assert {(one.begin, one.end, one.due) for one in serving} == {(serving[0].begin, serving[0].end, serving[0].due)}
    assert drawn == sorted(drawn, key=lambda one: one.end)


def test_the_drawing_says_every_link_in_words_and_signs_each_once() -> None:
    document = evidence(states=BROKEN, badge=False)
    words = drawing.in_words(document)
    for link in document["links"]:
        assert f"{link['id']} {link['state']}" in words
    assert "badge fail" in words
    drawn = [(line.link, number) for line, _state, number in drawing.numbered(document) if number]
    assert drawn == [(link["id"], place) for place, link in enumerate(document["links"], 1)]


def test_junit_as_a_library_reads_it() -> None:
    document = evidence(states=BROKEN, badge=False, said="found \x00 <b>&\ud800")
    (suite,) = junitparser.JUnitXml.fromstring(junit([document]))
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("emea", 11, 2, 1)
    by_name = {case.name: case for case in suite}
    (failure,) = by_name["read-ahead.exchange on exch02"].result
    assert (failure.message, failure.type) == ("found \ufffd <b>&\ufffd", "broken")
    assert "playbooks/exchange.yml" in failure.text


@given(st.text(), st.text())
def test_junit_is_xml_whatever_a_host_is_called(name: str, said: str) -> None:
    document = evidence(name=name, said=said, states=BROKEN)
    ET.fromstring(junit([document]))


def test_metrics_tell_broken_from_not_tested() -> None:
    text = metrics([evidence(states=BROKEN), evidence("apac")]).decode()
    assert 'pushops_path_sound{environment="emea"} 0' in text
    assert 'pushops_path_sound{environment="apac"} 1' in text
    assert 'pushops_link_broken{environment="emea",link="read-ahead"} 1' in text
    assert 'pushops_link_broken{environment="emea",link="listener-egress"}' not in text
    assert text.count("# TYPE pushops_link_broken gauge") == 1
