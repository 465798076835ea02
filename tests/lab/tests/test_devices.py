# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's phones against the real programs of the lab, on loopback: what a person does to the estate, they show."""

from __future__ import annotations

import asyncio
import email.message
import json
import logging
import pathlib
import smtplib
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import loopback, push_certificates
from securemail_lab.citrix.accounts import Accounts
from securemail_lab.citrix.seed import CUSTOMER_ID
from securemail_lab.devices import phone, service
from securemail_lab.exchange.machine import Machine
from securemail_lab.lab import BUNDLE_ID, DEVICES, EXCHANGE_HOSTS, USER, Lab
from securemail_lab.netscaler.seed import GROUP
from securemail_lab.netscaler.store import Store
from securemail_lab.probe import probe
from securemail_lab.state import JsonFile

FRONT_FILE = r"%ExchangeInstallPath%FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = r"%ExchangeInstallPath%ClientAccess\exchweb\EWS\web.config"
BYPASS = rb"""<system.net><defaultProxy><proxy usesystemdefault="true" bypassonlocal="true" /><bypasslist>
<add address="^https://.+\.mailboxlistener\.xm\.citrix\.com(:\d+)?$" /></bypasslist></defaultProxy></system.net>
</configuration>"""
ON = {
    "Push notifications": "true",
    "Push notifications region": "EMEA",
    "Push notifications customer ID": CUSTOMER_ID,
    "Network access": "Tunneled to the internal network",
}
Json = dict[str, t.Any]


class Estate:
    """The hands of the people who run it, and the eyes of the user."""

    def __init__(self, lab: Lab, running: loopback.Running) -> None:
        self.lab = lab
        self.running = running

    def choose(self, **others: str) -> None:
        """Set push's policies as in the console, by title and label; ``ON`` with these values instead."""
        wanted = ON | {title.replace("_", " "): value for title, value in others.items()}
        with JsonFile(self.lab.state("xms") / "apps.json").edit() as document:
            for app in document["apps"]:
                for policy in (app["ios"] or {"policies": ()})["policies"]:
                    if app["name"] == "Secure Mail" and policy["title"] in wanted:
                        labels = {each["label"]: each["id"] for each in policy["enumValues"]}
                        value = wanted[policy["title"]]
                        policy["policyValue"] = labels.get(value, value)

    def raise_read_ahead(self, *hosts: str, size: bytes = b"49152") -> None:
        for host in hosts:
            path = Machine(host, self.lab.state(host)).path(FRONT_FILE)
            path.write_bytes(path.read_bytes().replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="%s"' % size))

    def bypass(self) -> None:
        path = Machine("exch01", self.lab.state("exch01")).path(BACK_FILE)
        path.write_bytes(path.read_bytes().replace(b"</configuration>", BYPASS))

    def upload(self, *regions: str) -> None:
        certificate = push_certificates.issue(self.lab)
        for region in regions:
            Accounts(self.lab).store(region, BUNDLE_ID, push_certificates.KEY, certificate)

    def authorize(self, *regions: str) -> None:
        """Let the users' tunnel reach the registration services of these regions, as an administrator would."""
        addresses = [address for region in regions for address in self.lab.addresses(f"registration-{region}")]
        terms = " || ".join(f"CLIENT.IP.DST.EQ({address})" for address in addresses) or "false"
        rule = f"({terms}) && CLIENT.TCP.DSTPORT.EQ({self.lab.port('https')})"
        with Store(self.lab).running_file.edit() as running:
            running["objects"]["authorizationpolicy"]["push"] = {"name": "push", "rule": rule, "action": "ALLOW"}
            bound = running["bindings"]["aaagroup_authorizationpolicy_binding"]
            bound[:] = [each for each in bound if each["policy"] != "push"]
            bound.append({"groupname": GROUP, "policy": "push", "priority": 90})

    def configure(self, **others: str) -> None:
        """Everything that push needs, in EMEA, or all but for some policies."""
        self.raise_read_ahead(*EXCHANGE_HOSTS)
        self.bypass()
        self.upload("emea")
        self.authorize("emea")
        self.choose(**others)

    def mail(self, host: str = "exch01") -> None:
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = "sender@example.com", USER, "hello"
        message.set_content("there")
        with smtplib.SMTP(self.lab.address(host), self.lab.port("smtp"), timeout=5) as connection:
            connection.send_message(message)

    def device(self, name: str) -> Json:
        state: Json = JsonFile(self.lab.state("devices") / f"{name}.json").read()
        return state

    def devices(self) -> list[Json]:
        return [self.device(name) for name in DEVICES]

    def badges(self) -> list[int]:
        return [device["badge"] for device in self.devices()]

    def errors(self) -> list[str]:
        found = [device["last_error"] for device in self.devices()]
        return [f"{error['step']}: {error['detail']}" if error else "" for error in found]

    def subscribed(self) -> bool:
        return phone.all_subscribed(self.lab)

    def registered(self, region: str) -> set[str]:
        known = JsonFile(self.lab.state(f"push-{region}") / "registrations.json", {"devices": {}}).read()
        return {each["device"] for each in known["devices"].values()}

    def subscriptions(self) -> list[str]:
        return [each["url"] for each in JsonFile(self.lab.state("exch01") / "subscriptions.json").read()]

    def recycle(self) -> None:
        """A new worker process on exch01: every subscription is forgotten, and nobody is told."""
        with JsonFile(self.lab.state("exch01") / "apppools.json").edit() as pools:
            pools["MSExchangeServicesAppPool"] = pools.get("MSExchangeServicesAppPool", 0) + 1
        loopback.wait(lambda: not self.subscriptions(), "Exchange forgets the subscriptions")


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> t.Iterator[Estate]:
    lab = loopback.make_lab(tmp_path / "lab")
    with loopback.Running(lab, "apple", "citrix", "xms", "netscaler", *EXCHANGE_HOSTS, "devices") as running:
        yield Estate(lab, running)


@pytest.fixture
def working(estate: Estate) -> Estate:
    estate.configure()
    loopback.wait(estate.subscribed, "both phones subscribe")
    return estate


def test_with_push_off_a_phone_does_nothing(estate: Estate) -> None:
    known = JsonFile(estate.lab.state("apns") / "tokens.json")
    loopback.wait(lambda: len(known.read()) == 2, "both phones connect to the courier")
    estate.mail()
    result = probe(estate.lab, 0.8)
    assert (result["arrived"], result["content_free"]) == (False, True)
    assert [device["seconds"] for device in result["devices"]] == [None, None]
    for device in estate.devices():
        assert (device["registration"], device["subscription"], device["last_error"]) == (None, None, None)
        assert device["notifications"] == []


def test_push_on_registers_subscribes_and_shows_the_badge(working: Estate) -> None:
    assert working.registered("emea") == set(DEVICES)
    assert [device["subscription"]["server"] for device in working.devices()] == list(EXCHANGE_HOSTS)
    assert sorted(working.subscriptions()) == sorted(
        device["registration"]["listener_url"] for device in working.devices()
    )
    for host, badge in (("exch01", 1), ("exch02", 2)):
        working.mail(host)
        loopback.wait(lambda: working.badges() == [badge, badge], "the badge")  # noqa: B023 - used at once
    for device in working.devices():
        assert [note["payload"] for note in device["notifications"]] == [{"aps": {"badge": n}} for n in (1, 2)]
    result = probe(working.lab, 8.0)
    assert result["arrived"] and result["content_free"]
    assert [(each["badge_before"], each["badge_after"]) for each in result["devices"]] == [(2, 3)] * 2


def test_a_region_changed_by_hand_ends_the_old_registration(working: Estate) -> None:
    for badge in (1, 2):
        working.mail()
        loopback.wait(lambda: working.badges() == [badge, badge], "the badge")  # noqa: B023 - used at once
    working.upload("apac")
    working.authorize("emea", "apac")
    working.choose(Push_notifications_region="APAC")
    loopback.wait(lambda: working.registered("apac") == set(DEVICES), "registration in the new region")
    loopback.wait(working.subscribed, "both phones subscribe")
    assert working.registered("emea") == set()
    urls = {device["registration"]["listener_url"] for device in working.devices()}
    assert all("ap-southeast-1.mailboxlistener" in url for url in urls)
    loopback.wait(lambda: set(working.subscriptions()) == urls, "Exchange ends what the old listener no longer wants")
    assert probe(working.lab, 8.0)["arrived"], "the new region counts from 0, and that is a badge, too"


def test_a_region_without_the_customer_is_said(working: Estate) -> None:
    working.authorize("emea", "americas")
    working.choose(Push_notifications_region="Americas")
    loopback.wait(lambda: all(working.errors()), "the phones say why")
    assert all(error.startswith("register: HTTP 403: ") and CUSTOMER_ID in error for error in working.errors())
    assert working.registered("emea") == set()
    working.choose()
    loopback.wait(working.subscribed, "both phones subscribe")


def test_a_customer_id_that_somebody_mistypes_ends_the_registration_of_every_phone(working: Estate) -> None:
    working.choose(Push_notifications_customer_ID="fabrikam-1")
    loopback.wait(lambda: all(working.errors()), "the phones say why")
    assert working.registered("emea") == set()
    assert not any(device["arrived"] for device in probe(working.lab, 2.0)["devices"])
    working.choose()
    loopback.wait(working.subscribed, "both phones subscribe")
    assert probe(working.lab, 8.0)["arrived"]


def test_http_413_is_said_by_the_phone_of_that_host(estate: Estate) -> None:
    estate.bypass()
    estate.upload("emea")
    estate.authorize("emea")
    estate.choose()
    estate.raise_read_ahead("exch02")
    wanted = ["subscribe: HTTP 413 Request Entity Too Large", ""]
    loopback.wait(lambda: estate.errors() == wanted and estate.device("iphone-2")["subscription"], "the phone says 413")
    assert estate.registered("emea") == set(DEVICES)
    estate.mail()
    loopback.wait(lambda: estate.badges() == [1, 1], "one subscription is a badge on each registered device")
    estate.raise_read_ahead("exch01")
    loopback.wait(estate.subscribed, "both phones subscribe")


@pytest.mark.parametrize("access", ["Unrestricted", "Blocked"])
def test_without_the_tunnel_the_phone_says_so(estate: Estate, access: str) -> None:
    estate.configure(Network_access=access)
    loopback.wait(lambda: all(estate.errors()), "the phones say why")
    assert estate.errors() == [
        f"subscribe: {estate.lab.name(host)} cannot be reached from outside: Network access is not tunneled"
        for host in EXCHANGE_HOSTS
    ]
    assert estate.registered("emea") == set()


def test_a_mail_between_two_subscriptions_is_counted_once(working: Estate) -> None:
    working.mail()
    loopback.wait(lambda: working.badges() == [1, 1], "the badge")
    working.running.stop("devices")  # they would subscribe anew too soon
    working.recycle()
    working.mail()
    assert working.subscriptions() == []
    working.running.start("devices")
    loopback.wait(lambda: working.badges() == [2, 2], "the mail that nobody was told of")
    working.mail()
    loopback.wait(lambda: working.badges() == [3, 3], "the badge goes on from there")
    payloads = [note["payload"]["aps"]["badge"] for note in working.device("iphone-1")["notifications"]]
    assert payloads == [1, 2, 3]


def test_a_lost_subscription_is_renewed_in_time(working: Estate) -> None:
    working.recycle()
    renewed = working.lab.seconds(phone.RENEW_SECONDS)
    loopback.wait(lambda: len(working.subscriptions()) == 2, "both phones subscribe anew", renewed + 3)


def test_a_relaunched_app_subscribes_at_once(working: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone, "RENEW_SECONDS", 1e9)
    before = working.device("iphone-1")["subscription"]["id"]
    with JsonFile(working.lab.state("devices") / "iphone-1.json").edit() as state:
        state["relaunch"] += 1
    loopback.wait(lambda: working.device("iphone-1")["subscription"]["id"] != before, "another subscription")


def test_push_off_deregisters_and_exchange_is_told(working: Estate) -> None:
    working.choose(Push_notifications="false")
    loopback.wait(lambda: not any(device["registration"] for device in working.devices()), "the phones deregister")
    assert working.registered("emea") == set()
    assert [device["subscription"] for device in working.devices()] == [None, None]
    working.mail()
    loopback.wait(lambda: not working.subscriptions(), "the listener answered Unsubscribe")
    assert working.badges() == [0, 0]


def test_an_unreachable_service_is_said_and_tried_again(working: Estate) -> None:
    working.running.stop("xms")
    loopback.wait(lambda: all(error.startswith("policy: ") for error in working.errors()), "the phones say why")
    working.running.start("xms")
    loopback.wait(lambda: working.errors() == ["", ""], "the phones go on")


def test_a_phone_is_back_after_the_courier_was_away(working: Estate) -> None:
    working.running.stop("apple")
    working.running.start("apple")
    working.mail()
    loopback.wait(lambda: working.badges() == [1, 1], "the badge, late")


def test_a_customer_id_that_is_wrong_is_said(estate: Estate) -> None:
    estate.configure(Push_notifications_customer_ID="fabrikam-1")
    loopback.wait(lambda: all(estate.errors()), "the phones say why")
    assert all("register: HTTP 403: Customer fabrikam-1 " in error for error in estate.errors())


def test_a_policy_that_the_app_does_not_know_is_said(estate: Estate) -> None:
    estate.choose(Push_notifications_region="Atlantis")
    loopback.wait(lambda: all(error.startswith("policy: ") for error in estate.errors()), "the phones say why")
    assert all("Atlantis" in error for error in estate.errors())


def test_a_phone_that_dies_is_reported(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    lab = loopback.make_lab(tmp_path / "lab")
    state = lab.state("devices") / "iphone-1.json"

    async def live() -> None:
        stop = await service.serve(lab, "devices")
        state.write_text("{", encoding="ascii")
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0.02)
        await stop()

    with caplog.at_level(logging.ERROR, logger=service.__name__):
        asyncio.run(live())
    assert caplog.messages == ["iphone-1 is dead"]
    assert json.loads((lab.state("devices") / "iphone-2.json").read_bytes())["last_error"]["step"] == "policy"


def test_without_an_authorization_policy_no_phone_registers(estate: Estate) -> None:
    estate.configure(Push_notifications="false")
    estate.authorize("apac")  # of another region
    estate.choose()
    loopback.wait(lambda: all(estate.errors()), "the phones say why")
    for error in estate.errors():
        assert error.startswith("register: the Gateway says 403 no authorization policy allows ")
        assert estate.lab.address("registration-emea") in error
    assert estate.registered("emea") == set()
    estate.authorize("emea")
    loopback.wait(estate.subscribed, "both phones subscribe")


@pytest.mark.parametrize("ends", ["split tunnel", "no STA"])
def test_what_does_not_go_through_the_tunnel_needs_no_policy(estate: Estate, ends: str) -> None:
    with Store(estate.lab).running_file.edit() as running:
        if ends == "split tunnel":
            running["objects"]["vpnsessionaction"]["AC_OS"]["splittunnel"] = "ON"
        else:
            running["bindings"]["vpnglobal_staserver_binding"] = []
    estate.configure(Push_notifications="false")
    estate.authorize()
    estate.choose()
    loopback.wait(estate.subscribed, "both phones subscribe")
