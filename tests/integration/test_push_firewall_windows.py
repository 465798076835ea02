# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_firewall_windows through Ansible, WinRM, reg and netsh, over the rule strings that the lab's Exchange obeys."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run, Task
from ansible_collections.pushops.securemail.tests.integration.windows_firewall import WindowsFirewall

NAME = "pushops.securemail listener"
FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
ADDRESSES = ["203.0.113.21", "203.0.113.22"]
IPV6 = "2001:db8::21"
LISTENER = {"name": "listener", "fqdn": FQDN, "destinations": [*ADDRESSES, IPV6]}
PRESENT = {"flows": [LISTENER]}
SHOWN = f"allow TCP port 443 to 203.0.113.21,203.0.113.22,{IPV6} ({FQDN})"


def task(arguments: t.Mapping[str, t.Any] | None = None, **keywords: t.Any) -> Task:
    """The module's task; by default it asks for the listener."""
    return {"name": "Firewall", "pushops.securemail.push_firewall_windows": {**(arguments or PRESENT)}, **keywords}


@pytest.fixture
def firewall(exchange_host: ExchangeHost) -> WindowsFirewall:
    return WindowsFirewall(exchange_host.machine)


def speak_german(host: ExchangeHost) -> None:
    (host.machine.state / "machine.json").write_text(json.dumps({"language": "de"}))


# --- {absent, present} x {changed, idempotent} x {check, real}


@pytest.mark.parametrize("language", ["en", "de"])
def test_present_and_absent_changed_and_idempotent_check_and_real(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall, language: str
) -> None:
    if language == "de":
        speak_german(exchange_host)
    inventory, installed = exchange_host.inventory(), firewall.texts()
    firewall.block_by_default()
    assert not firewall.lets_out(*ADDRESSES, IPV6)

    predicted = ansible.play(inventory, task(), check=True, diff=True)
    assert firewall.texts() == installed, "check mode wrote"
    done = ansible.play(inventory, task(), diff=True)
    assert_same(done, predicted)
    assert firewall.lets_out(*ADDRESSES, IPV6)
    assert not firewall.lets_out("203.0.113.23") and not firewall.lets_out(ADDRESSES[0], port=80)
    (rule,) = firewall.named(NAME)
    assert rule.all("RA4", "RA6") == [*ADDRESSES, IPV6], "one rule holds all addresses, one field each"
    assert {name: text for name, text in firewall.texts().items() if NAME not in text} == installed
    (change,) = done.result()["changes"]
    assert change == {
        "name": f"outbound rule '{NAME}'",
        "before": None,
        "after": SHOWN,
        "link": "listener-egress",
    }
    assert done.result()["flows"] == [{"name": "listener", "passes": {"before": False, "after": True}, "reasons": []}]
    assert_idempotent(ansible, exchange_host, firewall, PRESENT)

    absent = {"state": "absent", "flows": [LISTENER]}
    predicted = ansible.play(inventory, task(absent), check=True, diff=True)
    assert firewall.named(NAME), "check mode wrote"
    done = ansible.play(inventory, task(absent), diff=True)
    assert_same(done, predicted)
    assert firewall.texts() == installed
    assert_idempotent(ansible, exchange_host, firewall, absent)


def test_more_addresses_than_a_line_of_cmd_holds_are_several_rules(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.block_by_default()
    addresses = [f"198.18.{number // 128}.{number % 128 * 2}" for number in range(1500)]
    arguments = {"flows": [{**LISTENER, "destinations": addresses}]}
    predicted = ansible.play(exchange_host.inventory(), task(arguments), check=True, diff=True)
    done = ansible.play(exchange_host.inventory(), task(arguments), diff=True)
    assert_same(done, predicted)
    assert len(firewall.named(NAME)) == 3 and firewall.lets_out(addresses[0], addresses[700], addresses[-1])
    assert not firewall.lets_out("198.18.0.1")
    assert_idempotent(ansible, exchange_host, firewall, arguments)

    ansible.play(exchange_host.inventory(), task())
    assert len(firewall.named(NAME)) == 1 and not firewall.lets_out(addresses[0])


def assert_same(done: Run, predicted: Run) -> None:
    """Applying made exactly the changes that check mode has shown."""
    for run in (done, predicted):
        assert run.status == 0, run.output
        assert run.recap["exch01"]["changed"] == 1
    for name in ("changes", "diff", "flows", "obstacles", "duplicates"):
        assert done.result()[name] == predicted.result()[name]
    shown = [run.stdout.split("--- before", 1)[1].split("PLAY RECAP")[0] for run in (done, predicted)]
    assert shown[0] == shown[1]
    assert shown[0].startswith(": exch01: Windows Firewall\n+++ after: exch01: Windows Firewall\n")


def assert_idempotent(
    ansible: Ansible, host: ExchangeHost, firewall: WindowsFirewall, arguments: t.Mapping[str, t.Any]
) -> None:
    before = firewall.texts()
    run = ansible.play(host.inventory(), task(arguments), task(arguments, check_mode=True), diff=True)
    assert (run.status, run.recap["exch01"]["ok"], run.recap["exch01"]["changed"]) == (0, 2, 0), run.output
    assert [result["changes"] for result in run.tasks] == [[], []]
    assert firewall.texts() == before


def test_the_rule_is_kept_where_outbound_is_allowed_but_no_link_was_broken(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    result = ansible.play(exchange_host.inventory(), task()).result()
    assert [change["link"] for change in result["changes"]] == [""]
    assert result["flows"][0]["passes"] == {"before": True, "after": True}
    firewall.block_by_default()
    assert firewall.lets_out(*ADDRESSES, IPV6)


# --- what a naive reading gets wrong


def test_drift_of_the_own_rule_is_repaired_with_one_rule_left(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.block_by_default()
    other = firewall.add("Action=Allow|Protocol=6|RPort=443|RA4=198.51.100.7|Name=pushops of somebody else")
    firewall.add(f"Active=FALSE|Action=Allow|Protocol=6|RPort=443|RA4=203.0.113.21|Name={NAME}")
    firewall.add(f"Action=Allow|Protocol=17|RPort=443|RA4=203.0.113.21|Name={NAME}")
    firewall.add("Action=Allow|Protocol=6|RPort=443|RA4=203.0.113.99|Name=pushops.securemail gone")
    run = ansible.play(exchange_host.inventory(), task(), task(check_mode=True))
    repaired, settled = run.tasks
    assert not settled.changed, run.output
    assert repaired["duplicates"] == [NAME]
    assert [(change["name"], change["link"]) for change in repaired["changes"]] == [
        (f"outbound rule '{NAME}'", "listener-egress"),
        ("outbound rule 'pushops.securemail gone'", ""),
    ]
    assert len(repaired["changes"][0]["before"]) == 2
    assert len(firewall.named(NAME)) == 1 and firewall.lets_out(*ADDRESSES, IPV6)
    assert other in firewall.texts() and not firewall.named("pushops.securemail gone")


def test_a_leftover_of_a_run_that_ended_halfway_is_taken_up(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.add(f"Action=Allow|Protocol=6|RPort=443|RA4=203.0.113.21|Name={NAME}.1")
    firewall.add(f"Action=Allow|Protocol=6|RPort=443|RA4=203.0.113.21|Name={NAME}")
    run = ansible.play(exchange_host.inventory(), task(), task(check_mode=True))
    assert [result.changed for result in run.tasks] == [True, False], run.output
    assert len(firewall.named(NAME)) == 1 and not firewall.named(f"{NAME}.1") and not firewall.named(f"{NAME}.2")


def test_a_block_rule_of_group_policy_is_an_obstacle_and_stays(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    identity = firewall.add("Action=Block|Protocol=6|RPort=443|RA4=203.0.113.22|Name=Deny", group_policy=True)
    run = ansible.play(exchange_host.inventory(), task(), task(check_mode=True))
    assert run.status == 0, run.output
    done, again = run.tasks
    assert (done.changed, again.changed) == (True, False)
    for result in (done, again):
        (obstacle,) = result["obstacles"]
        assert obstacle["link"] == "listener-egress"
        assert f"203.0.113.22 blocked by Group Policy rule 'Deny' ({identity})" in obstacle["sentence"]
    assert not firewall.lets_out(*ADDRESSES)
    assert "Group Policy rule 'Deny'" in run.output, "a warning says it"


def test_group_policy_that_lets_no_local_rule_count_is_an_obstacle(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.block_by_default(group_policy=True)
    firewall.profile("AllowLocalPolicyMerge", 0, group_policy=True)
    result = ansible.play(exchange_host.inventory(), task()).result()
    assert "Group Policy lets none of the host's own rules count" in result["obstacles"][0]["sentence"]
    assert not firewall.lets_out(*ADDRESSES)


def test_a_foreign_block_rule_is_named_and_not_touched(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.add("Action=Block|RA4=203.0.113.0/255.255.255.0|Name=Ungewünscht")
    speak_german(exchange_host)
    result = ansible.play(exchange_host.inventory(), task()).result()
    assert "203.0.113.21, 203.0.113.22 blocked by rule 'Ungewünscht'" in result["obstacles"][0]["sentence"]
    assert firewall.named("Ungewünscht")


def test_a_rule_too_long_for_findstr_is_read_all_the_same(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    many = "|".join(f"RA4=198.18.{number // 250}.{number % 250}" for number in range(1000))
    firewall.add(f"Action=Block|{many}|RA4=203.0.113.21|Name=Long")
    result = ansible.play(exchange_host.inventory(), task()).result()
    assert "203.0.113.21 blocked by rule 'Long'" in result["obstacles"][0]["sentence"]


def test_a_flow_that_another_rule_lets_out_breaks_no_link(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    firewall.block_by_default()
    firewall.add("Action=Allow|Protocol=6|RPort=443|App=%SystemRoot%\\System32\\inetsrv\\w3wp.exe|Name=IIS")
    result = ansible.play(exchange_host.inventory(), task(), check=True).result()
    assert [change["link"] for change in result["changes"]] == [""]
    assert result["flows"][0]["passes"] == {"before": True, "after": True}


def test_sources_become_local_addresses(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    flow = {**LISTENER, "sources": ["192.0.2.11", "192.0.2.128/25"]}
    run = ansible.play(exchange_host.inventory(), task({"flows": [flow]}), task({"flows": [flow]}, check_mode=True))
    assert [result.changed for result in run.tasks] == [True, False], run.output
    (rule,) = firewall.named(NAME)
    assert rule.all("LA4", "LA6") == ["192.0.2.11", "192.0.2.128/255.255.255.128"]
    assert rule.all("RA4", "RA6") == ADDRESSES, "no source of IPv6, so no destination of it"


# --- cost


def test_a_task_without_changes_costs_five_requests_beside_a_thousand_foreign_rules(
    ansible: Ansible, exchange_host: ExchangeHost, firewall: WindowsFirewall
) -> None:
    exchange_host.winrm_settings(basic=True, allow_unencrypted=True)
    firewall.block_by_default()
    directions = ["In", "Out"]
    firewall.many(
        f"Action=Allow|Active=TRUE|Dir={directions[number % 2]}|Protocol=6|RPort={number}|App=C:\\Program Files\\x.exe"
        for number in range(1, 1001)
    )
    inventory = exchange_host.inventory_with_basic()
    before = firewall.texts()
    assert ansible.play(inventory, task()).status == 0
    wire = exchange_host.machine.state / "winrm-wire.jsonl"
    wire.unlink()
    run = ansible.play(inventory, task(), diff=True)
    assert (run.status, run.result().changed) == (0, False), run.output
    assert json.loads(wire.read_text())["requests"] <= 5
    assert {name: text for name, text in firewall.texts().items() if name in before} == before


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"flows": []}, ["flows is []", "state=absent"]),
        ({"flows": [{**LISTENER, "destinations": ["203.0.113.300"]}]}, ["flows[0].destinations[0]", "203.0.113.300"]),
        ({"flows": [{**LISTENER, "name": "a|b"}]}, ["flows[0].name", "a letter"]),
        ({"flows": [LISTENER, {**LISTENER, "name": "Listener"}]}, ["flows[1].name", "more than case"]),
    ],
)
def test_bad_arguments_are_named_before_anything_connects(
    ansible: Ansible, exchange_host: ExchangeHost, arguments: dict[str, t.Any], words: list[str]
) -> None:
    run = ansible.play(exchange_host.inventory(ansible_port=1), task(arguments))
    assert run.result().status == "failed", run.output
    for word in words:
        assert word in run.result()["msg"]


def test_a_host_without_the_firewalls_registry_key_is_refused(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    registry = exchange_host.machine.state / "registry.json"
    document = json.loads(registry.read_text())
    registry.write_text(json.dumps({key: value for key, value in document.items() if "FirewallPolicy" not in key}))
    run = ansible.play(exchange_host.inventory(), task())
    assert run.result().status == "failed"
    assert "FirewallPolicy cannot be read" in run.result()["msg"] and run.result()["remedy"]
