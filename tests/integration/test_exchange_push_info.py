# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_push_info through Ansible, WinRM, appcmd, reg and wevtutil, over an Exchange host of the lab."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK_FILE, ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Task
from ansible_collections.pushops.securemail.tests.integration.windows_firewall import WindowsFirewall
from securemail_lab.exchange.events import ERROR, WARNING, EventLog
from securemail_lab.exchange.ews.notifier import SOURCE
from securemail_lab.exchange.pools import EWS_POOL, STOPPED, change_state

FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
LISTENER = {"name": "listener", "fqdn": FQDN, "destinations": ["203.0.113.21", "203.0.113.22"]}


def task(**arguments: t.Any) -> Task:
    return {"name": "Info", "pushops.securemail.exchange_push_info": {"flows": [LISTENER], **arguments}}


def log_failures(host: ExchangeHost) -> None:
    """What Exchange writes while a listener cannot be reached, and some of another listener and another source."""
    log = EventLog(host.machine)
    for attempt in (1, 2):
        log.append(
            SOURCE, 6, WARNING,
            f"Eine Benachrichtigung für [AAA=] an [https://{FQDN}/mail] ging nicht. ({attempt}) "
            "Details: WebException: Unable to connect Status: ConnectFailure at System.Net",
        )  # fmt: skip
    log.append(SOURCE, 7, ERROR, f"After 9 unsuccessful attempts against endpoint [https://{FQDN}/mail], removed.")
    log.append(SOURCE, 6, WARNING, f"against endpoint [https://evil.{FQDN}.example.net/] couldn't be sent.")
    log.append("Other", 6, WARNING, f"against endpoint [https://{FQDN}/mail]")


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_fresh_host(ansible: Ansible, exchange_host: ExchangeHost, check: bool, language: str) -> None:
    (exchange_host.machine.state / "machine.json").write_text(json.dumps({"language": language}))
    before = exchange_host.files()
    result = ansible.play(exchange_host.inventory(), task(), check=check).result()
    assert (result.status, result.changed) == ("ok", False)
    assert exchange_host.files() == before
    assert result["exchange"] == {"product": "Exchange Server 2019", "version": "15.2.986.5"}
    assert result["app_pool"] == {"name": "MSExchangeServicesAppPool", "state": "Started"}
    front = result["front_end"]
    assert (front["upload_read_ahead_size"], front["asks_for_client_certificate"]) == (0, True)
    assert front["upload_read_ahead_size_defined_in"] == "web.config of Default Web Site/EWS"
    assert front["ssl_flags_defined_in"] == 'applicationHost.config, location "Default Web Site/EWS"'
    assert (result["back_end"]["proxy"], result["back_end"]["proxy_bypass"]) == (None, [])
    (flow,) = result["flows"]
    proxy = f"http://{exchange_host.lab.name('proxy')}:{exchange_host.lab.port('proxy')}"
    assert (flow["bypasses_proxy"], flow["proxy"]) == (False, proxy)
    assert flow["firewall"] == {"passes": True, "reasons": []}
    assert flow["events"]["failed_sends"] == 0 and result["events"] == 0
    assert result["firewall"]["profiles"]["domain"] == {
        "enabled": True,
        "blocks_by_default": False,
        "merges_local_rules": True,
    }


def test_ten_thousand_events_of_others_hide_none_of_ours(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    log_failures(exchange_host)
    path = exchange_host.machine.state / "events.jsonl"
    own = EventLog(exchange_host.machine).read()
    others = (
        dataclasses.replace(own[0], record=len(own) + number, provider="Application Error", message="Noise")
        for number in range(1, 10_001)
    )
    with path.open("a", encoding="utf-8") as log:
        log.writelines(f"{event.to_json()}\n" for event in others)
    (flow,) = ansible.play(exchange_host.inventory(), task()).result()["flows"]
    assert (flow["events"]["failed_sends"], flow["events"]["subscriptions_given_up"]) == (2, 1)


def test_whether_ews_lives_is_asked_where_it_is_said_where(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    assert ansible.play(exchange_host.inventory(), task()).result()["health"]["lives"] is None
    asked = task(health=exchange_host.health())
    assert ansible.play(exchange_host.inventory(), asked).result()["health"]["lives"] is True
    change_state(exchange_host.machine, EWS_POOL, STOPPED)
    result = ansible.play(exchange_host.inventory(), asked).result()
    assert (result["app_pool"]["state"], result["health"]["lives"]) == (STOPPED, False)
    assert "HTTP 503" in result["health"]["sentence"]


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_off_by_a_day_is_measured_and_hides_no_event(
    ansible: Ansible, exchange_host: ExchangeHost, days: int
) -> None:
    (exchange_host.machine.state / "machine.json").write_text(f'{{"clock_ahead": {days * 86400}}}', encoding="ascii")
    log_failures(exchange_host)
    result = ansible.play(exchange_host.inventory(), task(health=exchange_host.health())).result()
    assert abs(result["health"]["clock_ahead"] - days * 86400) < 60
    (flow,) = result["flows"]
    assert (flow["events"]["failed_sends"], flow["events"]["subscriptions_given_up"]) == (2, 1)


def test_a_configured_host(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    ews = {"upload_read_ahead_size": 49152, "proxy_bypass": [{"fqdn": FQDN}], "proxy": "http://proxy.example.com:3128"}
    run = ansible.play(
        exchange_host.inventory(),
        {"name": "EWS", "pushops.securemail.exchange_ews_iis": ews},
        {"name": "Firewall", "pushops.securemail.push_firewall_windows": {"flows": [LISTENER]}},
        task(),
    )
    result = run.result("Info")
    assert result["front_end"]["upload_read_ahead_size"] == 49152
    assert result["back_end"]["proxy"]["proxy.proxyaddress"] == "http://proxy.example.com:3128"
    assert result["back_end"]["proxy_defined_in"] == BACK_FILE
    (flow,) = result["flows"]
    assert (flow["bypasses_proxy"], flow["proxy"]) == (True, "")
    assert [rule["name"] for rule in result["firewall"]["own_rules"]] == ["pushops.securemail listener"]


def test_what_exchange_logged_about_the_listener(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    log_failures(exchange_host)
    result = ansible.play(exchange_host.inventory(), task()).result()
    assert result["events"] == 4
    (flow,) = result["flows"]
    events = flow["events"]
    assert (events["failed_sends"], events["subscriptions_given_up"]) == (2, 1)
    assert (events["last_endpoint"], events["last_status"]) == (f"https://{FQDN}/mail", "ConnectFailure")
    assert events["last_time"].startswith("20")
    result = ansible.play(exchange_host.inventory(), task(max_events=2)).result()
    assert result["events"] == 2


def test_a_firewall_that_blocks_is_named(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    WindowsFirewall(exchange_host.machine).add("Action=Block|RA4=203.0.113.22|Name=Deny", group_policy=True)
    (flow,) = ansible.play(exchange_host.inventory(), task()).result()["flows"]
    assert flow["firewall"]["passes"] is False
    assert "203.0.113.22 blocked by Group Policy rule 'Deny'" in flow["firewall"]["reasons"][0]


def test_all_of_it_costs_five_requests(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    exchange_host.winrm_settings(basic=True, allow_unencrypted=True)
    log_failures(exchange_host)
    assert ansible.play(exchange_host.inventory_with_basic(), task()).status == 0
    wire = json.loads((exchange_host.machine.state / "winrm-wire.jsonl").read_text())
    assert wire["requests"] <= 5, wire


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"flows": []}, ["flows is []", "at least one flow"]),
        ({"max_events": 0}, ["max_events is 0", "from 1 to 200"]),
        ({"max_event_age": -1}, ["max_event_age is -1"]),
        (
            {"flows": [{"name": "listener", "destinations": ["203.0.113.21"]}]},
            ["flows[0].fqdn", "name of the listener"],
        ),
        ({"back_end": "EWS"}, ["back_end is 'EWS'", "a site and an application"]),
        ({"back_end": "No Such Site/EWS"}, ["No Such Site/EWS", "appcmd list app"]),
    ],
)
def test_bad_input(
    ansible: Ansible, exchange_host: ExchangeHost, arguments: dict[str, t.Any], words: list[str]
) -> None:
    run = ansible.play(exchange_host.inventory(), task(**arguments))
    assert run.result().status == "failed", run.output
    for word in words:
        assert word in run.result()["msg"]


def test_a_host_without_exchange(ansible: Ansible, exchange_host: ExchangeHost) -> None:
    registry = exchange_host.machine.state / "registry.json"
    document = json.loads(registry.read_text())
    registry.write_text(json.dumps({key: value for key, value in document.items() if "ExchangeServer" not in key}))
    run = ansible.play(exchange_host.inventory(), task())
    assert "There is no version of Exchange" in run.result()["msg"]
