# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the systems say besides being as declared, brought to findings."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core import agreement, observations
from ansible_collections.pushops.securemail.plugins.module_utils.core.checks import CHECKS, check_of
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import Finding, judge
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
ENVIRONMENT = {"name": "emea", "region": "EMEA", "bundle_id": "com.contoso.securemail", "customer_id": "contoso-7Q2M4"}
REGIONS: dict[str, t.Any] = {
    "emea": {"label": "EMEA", "listener": {"fqdn": FQDN}},
    "americas": {"label": "Americas", "listener": {"fqdn": "us-east-1.mailboxlistener.xm.citrix.com"}},
}
NOTHING = {"failed_sends": 0, "subscriptions_given_up": 0, "last_time": "", "last_endpoint": "", "last_status": ""}
FAILED = {**NOTHING, "failed_sends": 7, "subscriptions_given_up": 1, "last_time": "2026-01-02T03:04:05Z"}
NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


def facts(**changed: t.Any) -> dict[str, t.Any]:
    """exchange_push_info of a host on which all is well; ``flow`` changes the flow."""
    flow = {"fqdn": FQDN, "proxy": "", "events": NOTHING, **changed.pop("flow", {})}
    return {
        "front_end": {
            "application": "Default Web Site/EWS",
            "upload_read_ahead_size": 49152,
            "ssl_flags": "Ssl, SslNegotiateCert",
            "asks_for_client_certificate": True,
        },
        "app_pool": {"name": "MSExchangeServicesAppPool", "state": "Started"},
        "health": {"lives": True, "sentence": "EWS answers", "clock_ahead": 2},
        "back_end": {"invalid_entries": [], "proxy_bypass": []},
        "flows": [flow],
        **changed,
    }


def states(findings: t.Iterable[Finding]) -> dict[str, str]:
    return {finding.id: finding.state for finding in findings}


def of_exchange(result: t.Any, declared: bool | None = True) -> dict[str, str]:
    return states(observations.of_exchange("exch01", result, declared))


def test_a_host_on_which_all_is_well_passes_every_check() -> None:
    assert of_exchange(facts()) == {
        "read-ahead.client-certificates": "pass",
        "ews-health.app-pool": "pass",
        "ews-health.answers": "pass",
        "ews-health.clock": "pass",
        "proxy-bypass.effective": "pass",
        "listener-egress.events": "pass",
    }


STOPPED = {"name": "MSExchangeServicesAppPool", "state": "Stopped"}


@pytest.mark.parametrize(
    ("changed", "check", "state"),
    [
        ({"app_pool": STOPPED}, "ews-health.app-pool", "fail"),
        ({"app_pool": {**STOPPED, "state": ""}}, "ews-health.app-pool", "fail"),
        ({"health": {"lives": False, "sentence": "HTTP 503", "clock_ahead": 0}}, "ews-health.answers", "fail"),
        ({"health": {"lives": None, "sentence": "", "clock_ahead": 0}}, "ews-health.answers", "left out"),
        ({"health": {"lives": True, "sentence": "", "clock_ahead": None}}, "ews-health.clock", "left out"),
        ({"health": {"lives": True, "sentence": "", "clock_ahead": -301}}, "ews-health.clock", "warning"),
        ({"flow": {"proxy": "http://proxy.example.com:3128"}}, "proxy-bypass.effective", "fail"),
        ({"flow": {"proxy": None}}, "proxy-bypass.effective", "warning"),
        ({"back_end": {"invalid_entries": ["*"], "proxy_bypass": []}}, "proxy-bypass.effective", "fail"),
        ({"flow": {"events": FAILED}}, "listener-egress.events", "warning"),
    ],
)
def test_one_thing_that_is_wrong_is_one_check_that_does_not_pass(
    changed: dict[str, t.Any], check: str, state: str
) -> None:
    found = of_exchange(facts(**changed))
    assert found.pop(check) == state
    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize(("declared", "state"), [(True, "pass"), (False, "warning"), (None, None)])
def test_client_certificates_are_compared_where_something_is_declared(declared: bool | None, state: str | None) -> None:
    assert of_exchange(facts(), declared).get("read-ahead.client-certificates") == state


@pytest.mark.parametrize(
    ("result", "state", "why"),
    [
        (None, "left out", "this run did not ask the host"),
        ({"unreachable": True, "msg": "no route"}, "not tested", "the host cannot be reached: no route"),
        ({"failed": True, "msg": "access denied"}, "not tested", "the check itself failed: access denied"),
    ],
)
def test_a_host_without_an_answer_says_why_in_every_check(result: t.Any, state: str, why: str) -> None:
    found = list(observations.of_exchange("exch01", result, True))
    assert {finding.id for finding in found} == of_exchange(facts()).keys()
    assert {(finding.state, finding.evidence) for finding in found} == {(state, why)}


PROBED = {
    "delivered": True,
    "reason": "delivered",
    "sentence": "Exchange told of a change",
    "remedy": "",
    "status_seconds": 0.1,
    "change_seconds": 0.2,
    "ended": "answered",
    "left_behind": [],
}


@pytest.mark.parametrize(
    ("changed", "state", "said", "advice"),
    [
        ({}, "pass", "Exchange told of a change", ""),
        ({"left_behind": ["A draft stays"]}, "warning", "Exchange told of a change; A draft stays", "Delete the draft"),
        ({"delivered": False, "sentence": "nothing came", "remedy": "Look"}, "fail", "nothing came", "Look"),
        ({"failed": True, "msg": "no rights"}, "not tested", "the check itself failed: no rights", ""),
    ],
)
def test_a_probe_of_ews_is_one_check(changed: dict[str, t.Any], state: str, said: str, advice: str) -> None:
    finding = observations.of_ews_probe("controller", {**PROBED, **changed})
    assert (finding.id, finding.state, finding.evidence) == ("ews-health.push", state, said)
    assert finding.advice.startswith(advice)


def test_names_that_moved_or_that_nobody_can_resolve_are_warnings() -> None:
    reason = {"code": "address-added", "sentence": "resolves to 192.0.2.9, not pinned"}
    name = {"name": "listener", "fqdn": FQDN, "state": "drifted", "added": ["192.0.2.9"], "removed": []}
    other = {**name, "name": "apns-devices"}
    found = list(
        observations.of_names("controller", {"names": [{**name, "reasons": [reason]}, {**other, "reasons": []}]})
    )
    assert states(found) == {"listener-egress.names": "warning"}
    assert found[0].measured == {"added": ["192.0.2.9"], "removed": []}
    silent = observations.of_names("controller", {"failed": True, "msg": "no resolver"})
    assert set(states(silent).values()) == {"warning"}


@pytest.mark.parametrize(
    ("days", "must_act", "state"),
    [(300, "nobody", "pass"), (20, "rotation", "warning"), (-3, "rotation", "fail"), (None, "rotation", "left out")],
)
def test_how_long_the_certificate_lasts(days: int | None, must_act: str, state: str) -> None:
    bundle = {
        "days_left": days,
        "must_act": must_act,
        "needed_by": "",
        "next_due": "",
        "decision": {"sentence": "Due."},
    }
    assert states(observations.of_bundle("controller", bundle)) == {"apns-certificate.lifetime": state}


@pytest.mark.parametrize(("contradictions", "state"), [([], "pass"), (["sha256 'a' then, 'b' now"], "warning")])
def test_a_key_store_that_somebody_changed_is_a_warning(contradictions: list[str], state: str) -> None:
    assert observations.of_journal("controller", {"contradictions": contradictions}).state == state


def test_the_journals_contradictions_are_not_taken_for_those_of_an_app() -> None:
    result = {"changes": [], "contradictions": ["sha256 'a' then, 'b' now"]}
    (finding,) = judge("key-store", ["apns-certificate"], {"controller": result})
    assert finding.state == "pass"


@pytest.mark.parametrize(
    ("proof", "state"), [("accepted", "pass"), ("revoked", "fail"), ("not-reachable", "warning"), (None, None)]
)
def test_what_apns_says(proof: str | None, state: str | None) -> None:
    result = {"proof": proof and {"reason": proof, "sentence": "APNs said so"}, "consumer": None}
    assert states(observations.of_rotation("controller", result)).get("apns-certificate.apns") == state


@pytest.mark.parametrize(
    ("days_ago", "state", "said"),
    [
        (None, "warning", "no rotation has written"),
        (0.5, "pass", "ended well"),
        (3, "warning", "more than 2 days ago"),
        (-1, "warning", "a clock is wrong"),
    ],
)
def test_whether_rotations_still_run(days_ago: float | None, state: str, said: str) -> None:
    last = None if days_ago is None else NOW.timestamp() - days_ago * 86400
    finding = observations.of_schedule("controller", last, 2, NOW)
    assert finding.state == state and said in finding.evidence


# --- whether the systems agree


def held(link: str, findings: t.Iterable[Finding]) -> tuple[str, t.Mapping[str, t.Any]]:
    (finding,) = findings
    assert (finding.link, finding.asked) == (link, "model")
    return finding.state, finding.measured


@pytest.mark.parametrize("platform", ["", "android: "])
def test_an_app_that_is_told_another_region_is_named_with_it(platform: str) -> None:
    changes = [{"name": f"{platform}Push notifications region", "before": "Americas", "after": "EMEA"}]
    result = {"policies": {}, "changes": changes}
    expected = {"region": "Americas", "customer_id": "contoso-7Q2M4"}
    assert held("xms-policies", agreement.of_xms("xms01", result, ENVIRONMENT)) == ("fail", expected)


@pytest.mark.parametrize(
    ("uploaded", "state"),
    [
        ({"region": "emea", "customer_id": "contoso-7Q2M4"}, "pass"),
        ({"region": "americas", "customer_id": "contoso-7Q2M4"}, "fail"),
        ({"region": "emea", "customer_id": "contoso-7Q2N4"}, "fail"),
    ],
)
def test_for_whom_the_certificate_was_uploaded(uploaded: dict[str, str], state: str) -> None:
    bundle = {"in_service": "0002", "versions": [{"version": "0001"}, {"version": "0002", "uploaded": uploaded}]}
    assert held("apns-certificate", agreement.of_upload("c", bundle, ENVIRONMENT, REGIONS))[0] == state


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"], "pass"),
        ([r"^https://us-east-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"], "fail"),
        ([r"https://us-east-1\.mailboxlistener\.xm\.citrix\.com", f"https://{FQDN}"], "pass"),
        ([r"\.example\.com$"], None),
    ],
)
def test_whose_listener_bypasses_the_proxy(entries: list[str], state: str | None) -> None:
    result = facts(back_end={"invalid_entries": [], "proxy_bypass": entries})
    found = list(agreement.of_bypass("exch01", result, ENVIRONMENT, REGIONS))
    assert [finding.state for finding in found] == ([] if state is None else [state])


def test_one_line_says_who_holds_what_where_they_differ_and_none_where_they_agree() -> None:
    def model(link: str, host: str, region: str) -> Finding:
        return Finding(link, "model", host, "pass", "", measured={"region": region})

    agreed = [model("xms-policies", "xms01", "EMEA"), model("proxy-bypass", "exch01", "EMEA")]
    assert agreement.sentences(agreed) == []
    assert agreement.sentences([*agreed, model("proxy-bypass", "exch02", "Americas")]) == [
        "Region: EMEA on xms01 (XenMobile Server), exch01 (Exchange back end); Americas on exch02 (Exchange back end)"
    ]


# --- the registry


def test_every_check_belongs_to_a_link_and_says_whom_it_blames_and_what_to_do() -> None:
    for name, check in CHECKS.items():
        assert name == check.id and name.partition(".")[0] in LINKS
        assert check.title and check.systems and check.remedy and not check.remedy.endswith(".")


def test_a_check_that_is_not_registered_speaks_for_its_link() -> None:
    assert check_of("read-ahead", "somebody").systems == LINKS["read-ahead"].systems
