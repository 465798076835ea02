# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The back end's way out: proxy, firewall, events, and subscriptions that end or go on."""

from __future__ import annotations

import pathlib
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests.ews_estate import (
    BACK_FILE,
    INBOX,
    LISTENER,
    SUBSCRIBE,
    Estate,
    running,
    wait,
)
from securemail_lab.exchange.ews.outbound import SYSTEM_PROXY
from securemail_lab.exchange.ews.subscriptions import watermark
from securemail_lab.exchange.firewall import LOCAL_POLICY, RULES
from securemail_lab.exchange.pools import EWS_POOL, STOPPED, change_state, restart
from securemail_lab.exchange.registry import Registry
from securemail_lab.lab import Lab
from securemail_lab.pki import Authority
from securemail_lab.state import JsonFile


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> t.Iterator[Estate]:
    with running(tmp_path) as started:
        yield started


def test_notifications_go_to_the_web_proxy_until_they_are_bypassed(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.subscribe("5")
    wait(lambda: estate.events(6))
    assert estate.connects[0].startswith(f"CONNECT us-east-1.mailboxlistener.xm.citrix.com:{estate.lab.port('https')} ")
    event = estate.events(6)[0]
    assert event.provider == "MSExchange Web Services" and event.level == 3
    assert "(Send attempts: 1) Details: WebException: The remote server returned an error: (403)" in event.message
    estate.bypass()
    wait(lambda: estate.subscriptions() == [])  # the application domain is a new one
    failed = len(estate.events(6))
    estate.connects.clear()
    estate.subscribe("5")
    estate.send_mail()
    wait(estate.mails)
    assert estate.connects == [] and len(estate.events(6)) == failed


def test_a_bypass_without_proxy_element_sends_everything_directly(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    section = "<system.net><defaultProxy><bypasslist><add address='x'/></bypasslist></defaultProxy></system.net>"
    estate.edit("exch01", BACK_FILE, "</configuration>", f"{section}</configuration>")
    estate.subscribe()
    wait(lambda: estate.notifications)
    assert estate.connects == []


def test_one_bad_expression_stops_every_send(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass("*.citrix.com")
    estate.subscribe()
    wait(lambda: estate.events(6))
    assert "ConfigurationErrorsException: parsing '*.citrix.com'" in estate.events(6)[0].message
    assert estate.connects == [] and estate.notifications == []


def test_the_hosts_firewall_decides_on_each_address(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    first, second = estate.lab.addresses(LISTENER)
    registry = Registry(estate.machine("exch01"))
    registry.set(rf"{LOCAL_POLICY}\{RULES}", "a", f"v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|RA4={first}|")
    estate.subscribe("1")
    wait(lambda: estate.notifications)
    assert estate.events(6) == []
    registry.set(rf"{LOCAL_POLICY}\{RULES}", "b", f"v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|RA4={second}|")
    wait(lambda: estate.events(6))
    assert "Unable to connect to the remote server" in estate.events(6)[0].message
    assert "forbidden by its access permissions" in estate.events(6)[0].message


def test_giving_up_is_an_error_event(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.subscribe("1")
    wait(lambda: estate.events(7))
    assert len(estate.events(6)) == 3  # at once, after 30 and after 60 seconds
    (event,) = estate.events(7)
    assert event.level == 2 and event.message.startswith("After 3 unsuccessful attempt")
    wait(lambda: estate.subscriptions() == [])


def test_unreadable_answers_are_failures(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.answer = b"<html>Welcome</html>"
    estate.subscribe("1")
    wait(lambda: estate.events(7))
    assert len(estate.notifications) == len(estate.events(6)) == 3


def test_what_event_6_says_of_names_certificates_and_protocols(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    Registry(estate.machine("exch01")).set(SYSTEM_PROXY, "ProxyEnable", 0, "REG_DWORD")
    other = Lab(estate.lab.directory / "other")
    other.directory.mkdir()
    (other.directory / "lab.json").write_bytes((estate.lab.directory / "lab.json").read_bytes())
    Authority(other).issue_server(LISTENER)
    estate.listen(LISTENER, "xms", other.server_tls(LISTENER))
    for url in (
        estate.callback().replace("us-east-1", "nowhere"),
        estate.lab.url(LISTENER, "xms", "/v1/notify/1"),
        estate.lab.url("exch02", "winrm"),
        estate.lab.url("exch02", "https", "/elsewhere"),
    ):
        assert "NoError" in estate.subscribe("1", url).text
    wait(lambda: len(estate.subscriptions()) == 0)
    messages = " ".join(event.message for event in estate.events(6))
    assert estate.notifications == []
    for status in ("NameResolutionFailure", "TrustFailure", "SecureChannelFailure", "ProtocolError"):
        assert f"Status: {status}" in messages


def test_a_newer_subscription_of_the_same_listener_takes_over(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    for _turn in range(2):
        seen = len(estate.notifications)
        estate.subscribe("5")
        wait(lambda seen=seen: len(estate.notifications) > seen)  # type: ignore[misc]
    estate.subscribe("5", estate.callback() + "-other")
    assert len(estate.subscriptions()) == 2
    estate.send_mail()
    wait(lambda: len(estate.mails()) == 2)


def test_a_watermark_brings_back_what_was_missed(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    mark = estate.subscribe().text.partition("Watermark>")[2].partition("<")[0]
    estate.edit("exch01", BACK_FILE, "</configuration>", "</configuration> ")
    wait(lambda: estate.subscriptions() == [])
    estate.send_mail()
    again = SUBSCRIBE.replace("<t:StatusFrequency>", f"<t:Watermark>{mark}</t:Watermark><t:StatusFrequency>")
    assert "NoError" in estate.post(again % (INBOX, "NewMailEvent", 5, estate.callback())).text
    wait(estate.mails)
    late = again.replace(mark, watermark(99))
    assert "ErrorInvalidWatermark" in estate.post(late % (INBOX, "NewMailEvent", 5, estate.callback())).text


def test_a_switch_over_forgets_subscriptions_and_moves_the_back_end(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.subscribe("5")
    wait(lambda: estate.notifications)
    JsonFile(estate.lab.state("exchange") / "dag.json").write({"active": "exch02"})
    wait(lambda: estate.subscriptions() == [])
    assert estate.subscribe("5").headers["X-BEServer"] == "EXCH02"
    assert estate.subscriptions() == []


@pytest.mark.parametrize("stops", [False, True], ids=["recycled", "stopped"])
def test_a_pool_without_its_process_forgets_subscriptions(estate: Estate, stops: bool) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.subscribe("5")
    wait(lambda: estate.notifications)
    if stops:
        change_state(estate.machine("exch01"), EWS_POOL, STOPPED)
    else:
        restart(estate.machine("exch01"), [EWS_POOL])
    wait(lambda: estate.subscriptions() == [])
    estate.send_mail()
    time.sleep(0.3)
    assert estate.mails() == []
