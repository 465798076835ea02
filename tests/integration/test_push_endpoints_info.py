# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_endpoints_info through Ansible, against a real dnsmasq on loopback and resolvers that fail or lie."""

from __future__ import annotations

import pathlib
import typing as t

import dns.flags
import dns.message
import dns.rcode
import pytest

from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, TaskResult
from ansible_collections.pushops.securemail.tests.integration.running_resolver import Resolver, answering, dnsmasq

MODULE = "pushops.securemail.push_endpoints_info"
FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
LISTENER = {"name": "listener", "fqdn": FQDN, "destinations": ["54.77.174.172", "52.17.147.220"]}
PINNED = [f"host-record={FQDN},54.77.174.172", f"host-record={FQDN},52.17.147.220", "local=/com/"]


def ask(
    ansible: Ansible, *resolvers: Resolver, flows: t.Sequence[t.Mapping[str, t.Any]] = (LISTENER,), **more: t.Any
) -> TaskResult:
    arguments = {"flows": list(flows), "resolvers": [each.option for each in resolvers], "timeout": 0.5, **more}
    run = ansible.play(CONTROLLER, {MODULE: arguments})
    assert run.status == 0, run.output
    assert run.recap["controller"]["changed"] == 0
    return run.result()


def codes(result: TaskResult) -> list[str]:
    (name,) = result["names"]
    return [reason["code"] for reason in name["reasons"]]


def test_names_that_resolve_as_pinned_in_check_mode_too(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    with dnsmasq(tmp_path, *PINNED) as resolver:
        result = ask(ansible, resolver)
        check = ansible.play(CONTROLLER, {MODULE: {"flows": [LISTENER], "resolvers": [resolver.option]}}, check=True)
    assert (result["drift"], result["complete"], result["concerns"], codes(result)) == (False, True, [], ["as-pinned"])
    assert result["summary"] == f"Names: {FQDN} resolve as pinned."
    (name,) = result["names"]
    assert sorted(name["unchanged"]) == ["52.17.147.220", "54.77.174.172"]
    assert [(one["type"], one["status"], len(one["addresses"])) for one in name["answers"]] == [
        ("A", "NOERROR", 2),
        ("AAAA", "NOERROR", 0),
    ]
    assert check.result()["names"][0]["state"] == "as pinned"


def test_drift_behind_a_cname_in_both_families(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    moved = [
        f"cname={FQDN},lb.example.com,7",
        "host-record=lb.example.com,54.77.174.172,9",
        "host-record=lb.example.com,52.17.147.221,2a05:d018::1,9",
        "local=/com/",
    ]
    with dnsmasq(tmp_path, *moved) as resolver:
        result = ask(ansible, resolver)
    (name,) = result["names"]
    assert (result["drift"], name["state"]) == (True, "drifted")
    assert name["added"] == ["52.17.147.221", "2a05:d018::1"]
    assert (name["removed"], name["unchanged"]) == (["52.17.147.220"], ["54.77.174.172"])
    assert {one["ttl"] for one in name["answers"]} == {7}
    assert all(one["cname_chain"] == ["lb.example.com"] for one in name["answers"])
    assert codes(result) == ["address-added", "address-removed"]


def test_a_name_that_does_not_exist(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    with dnsmasq(tmp_path, "local=/com/") as resolver:
        result = ask(ansible, resolver)
    assert (result["drift"], result["complete"], codes(result)[0]) == (True, True, "nxdomain")
    assert f"{FQDN} does not exist any more" in result["concerns"][0]


def test_a_resolver_that_is_not_responsible_is_not_believed(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    with dnsmasq(tmp_path) as resolver:  # knows nobody to ask
        result = ask(ansible, resolver)
    assert (result["drift"], result["complete"], codes(result)) == (False, False, ["refused"])


def test_a_resolver_that_lies_is_flagged_and_another_one_is_heard(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    with dnsmasq(tmp_path, *PINNED) as honest, dnsmasq(tmp_path, "address=/com/127.0.0.1", "local=/com/") as liar:
        alone = ask(ansible, liar)
        both = ask(ansible, honest, liar)
    assert (alone["drift"], alone["complete"], codes(alone)) == (False, False, ["special-purpose-answer"])
    assert alone["names"][0]["added"] == []
    assert (both["drift"], both["complete"]) == (False, True)
    assert codes(both) == ["special-purpose-answer", "as-pinned"]
    assert "which is not on the internet" in both["concerns"][0]


def test_resolvers_that_disagree(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    half = [f"host-record={FQDN},54.77.174.172", "local=/com/"]
    with dnsmasq(tmp_path, *PINNED) as one, dnsmasq(tmp_path, *half) as other:
        result = ask(ansible, one, other)
    assert (result["drift"], codes(result)) == (False, ["resolvers-disagree", "as-pinned"])


def servfail(query: bytes) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


def circle(query: bytes) -> bytes:
    """Names that lead to each other for ever."""
    question = dns.message.from_wire(query)
    text = f"id {question.id}\nflags QR RD RA\n;QUESTION\n{question.question[0]}\n;ANSWER\n"
    text += f"{FQDN}. 5 IN CNAME a.example.com.\na.example.com. 5 IN CNAME {FQDN}.\n"
    return dns.message.from_text(text).to_wire()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _query: None, "timeout"),
        (servfail, "servfail"),
        (circle, "malformed"),
        (lambda query: query[:2] + b"\x81\x80 no message at all", "malformed"),
    ],
    ids=["silent", "servfail", "circle", "garbage"],
)
def test_a_resolver_that_fails_is_a_result_and_no_failure(
    ansible: Ansible, answer: t.Callable[[bytes], bytes | None], code: str
) -> None:
    with answering(answer) as resolver:
        result = ask(ansible, resolver, retries=1)
    assert (result["drift"], result["complete"], codes(result)) == (False, False, [code])
    assert result["names"][0]["removed"] == []


def test_an_answer_that_udp_cuts_short_is_asked_for_over_tcp(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    many = [f"54.77.{number // 250}.{number % 250 + 1}" for number in range(300)]
    with dnsmasq(tmp_path, "local=/com/", *(f"host-record={FQDN},{address}" for address in many)) as resolver:
        result = ask(ansible, resolver, flows=[{**LISTENER, "destinations": ["54.77.0.0/16"]}])
    assert len(result["names"][0]["answers"][0]["addresses"]) == 300
    assert result["names"][0]["state"] == "as pinned"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flows": []}, "flows is [], expected a flow with an fqdn"),
        ({"flows": [{"name": "apns", "destinations": ["17.0.0.0/8"]}]}, "expected a flow with an fqdn"),
        ({"flows": [LISTENER], "resolvers": [{"address": "dns.example.com"}]}, "resolvers[0].address"),
        ({"flows": [LISTENER], "timeout": 0}, "timeout is 0.0"),
        ({"flows": [LISTENER], "timeout": 31}, "timeout is 31.0"),
        ({"flows": [LISTENER], "retries": 99}, "retries is 99"),
        ({"flows": [LISTENER], "special_purpose": ["private"]}, "special_purpose[0] is 'private'"),
        ({"flows": [{**LISTENER, "destinations": ["52.17.147.220/24"]}]}, "flows[0].destinations[0]"),
    ],
)
def test_bad_input_is_named(ansible: Ansible, arguments: dict[str, t.Any], message: str) -> None:
    run = ansible.play(CONTROLLER, {MODULE: arguments})
    assert run.status != 0
    assert message in run.result()["msg"]
    assert run.result()["remedy"] and "Traceback" not in run.output
