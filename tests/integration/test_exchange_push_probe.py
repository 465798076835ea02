# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_push_probe against the lab's EWS: what arrives, what does not and why, and what stays behind."""

from __future__ import annotations

import re
import socket
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK_FILE, FRONT_FILE, ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, Task
from ansible_collections.pushops.securemail.tests.integration.windows_firewall import WindowsFirewall
from securemail_lab.exchange.events import EventLog
from securemail_lab.exchange.mailbox import Mailboxes
from securemail_lab.pki import Authority
from securemail_lab.state import JsonFile

MAILBOX, OTHER = "alex@contoso.com", "kim@contoso.com"
#: Stands for the controller: a name that the lab's hosts resolve, and that is not their own.
CONTROLLER_NAME = "exch02.corp.contoso.com"
BYPASSED = rf"^https?://{re.escape(CONTROLLER_NAME)}"


class Site:
    """An Exchange host that reaches the controller past its proxy, and the controller's own port."""

    def __init__(self, host: ExchangeHost) -> None:
        self.host, self.lab = host, host.lab
        self.port = running_lab.free_ports(1)[0]
        self.mailboxes = Mailboxes(self.lab)
        self.mailboxes.create(OTHER)
        path = host.machine.path(FRONT_FILE)
        path.write_bytes(path.read_bytes().replace(b'uploadReadAheadSize="0"', b'uploadReadAheadSize="49152"'))

    @property
    def url(self) -> str:
        return f"http://{CONTROLLER_NAME}:{self.port}"

    def behind_a_proxy(self, bypassed: str = BYPASSED) -> None:
        """Exchange calls everything through a proxy that is not there, but for what is bypassed."""
        path = self.host.machine.path(BACK_FILE)
        proxy = (
            '<system.net><defaultProxy><proxy proxyaddress="http://127.0.0.1:1"/><bypasslist>'
            f'<add address="{bypassed}"/></bypasslist></defaultProxy></system.net></configuration>'
        )
        path.write_bytes(path.read_bytes().replace(b"</configuration>", proxy.encode()))

    def task(self, check: bool = False, **changed: t.Any) -> Task:
        receiver = {"url": self.url, "address": self.lab.address("exch02"), **changed.pop("receiver", {})}
        arguments = {
            "endpoint": f"https://{self.lab.address('exch01')}:{self.lab.port('https')}/EWS/Exchange.asmx",
            "mailbox": MAILBOX,
            "password": self.lab.secret("mailbox"),
            "ca_path": str(self.lab.ca_path),
            "receiver": receiver,
            "timeout": 5,
            **changed,
        }
        return {"pushops.securemail.exchange_push_probe": arguments, "check_mode": check}

    def subscriptions(self) -> list[t.Any]:
        found: list[t.Any] = JsonFile(self.lab.state("exch01") / "subscriptions.json", default=[]).read()
        return found

    def subjects(self) -> list[str]:
        return [item.subject for item in self.mailboxes.items(MAILBOX)]


@pytest.fixture
def site(exchange_host: ExchangeHost) -> Site:
    return Site(exchange_host)


def test_a_change_is_told_and_nothing_stays(ansible: Ansible, site: Site) -> None:
    site.behind_a_proxy()
    run = ansible.play(CONTROLLER, site.task())
    assert run.status == 0, run.output
    result = run.result().value
    assert (result["delivered"], result["reason"], result["ended"]) == (True, "delivered", "answered")
    assert result["status_seconds"] >= 0 and result["change_seconds"] >= 0 and result["left_behind"] == []
    assert not result["changed"] and result["sentence"].startswith(f"Exchange told {site.url}/")
    assert running_lab.comes_true(lambda: site.subscriptions() == [])
    assert site.subjects() == [], "the draft is gone for good"
    assert EventLog(site.host.machine).read() == []


def test_the_sign_in_is_agreed_with_the_server_or_declared(ansible: Ansible, site: Site) -> None:
    site.behind_a_proxy()
    refused = ansible.play(CONTROLLER, site.task(auth_type="basic")).result()
    assert refused.status == "failed" and "refuses the sign-in" in refused["msg"], "Exchange's setup turns Basic off"
    site.host.offer_basic()
    for auth_type, username in (("basic", MAILBOX), ("ntlm", "CONTOSO\\alex")):
        task = site.task(auth_type=auth_type, username=username, validate_certs=False, ca_path=None)
        run = ansible.play(CONTROLLER, task)
        assert run.result()["delivered"], run.output


def test_over_tls_where_exchange_trusts_the_receiver(ansible: Ansible, site: Site) -> None:
    site.behind_a_proxy()
    Authority(site.lab).issue_server("exch02")
    certificate, key = site.lab.server_certificate("exch02")
    receiver = {
        "url": site.url.replace("http:", "https:"),
        "certificate_path": str(certificate),
        "key_path": str(key),
    }
    assert ansible.play(CONTROLLER, site.task(receiver=receiver)).result()["delivered"]


def test_a_proxy_that_stands_between_is_seen_as_silence(ansible: Ansible, site: Site) -> None:
    site.behind_a_proxy(bypassed=r"192\.0\.2\.1")
    result = ansible.play(CONTROLLER, site.task(timeout=2)).result().value
    assert (result["delivered"], result["reason"], result["ended"]) == (False, "no-status", "by itself")
    assert result["status_seconds"] is None and "a proxy or a firewall" in result["remedy"]
    events = EventLog(site.host.machine).read()
    assert any(event.event_id == 6 and f"{site.url}/" in event.message for event in events)
    assert site.subjects() == [], "nothing was written where nothing could be told"


def test_a_firewall_that_stands_between_is_seen_as_silence(ansible: Ansible, site: Site) -> None:
    site.behind_a_proxy()
    WindowsFirewall(site.host.machine).block_by_default()
    result = ansible.play(CONTROLLER, site.task(timeout=2)).result().value
    assert (result["delivered"], result["reason"], result["ended"]) == (False, "no-status", "by itself")
    events = EventLog(site.host.machine).read()
    assert any(event.event_id == 6 and f"{site.url}/" in event.message for event in events)


def test_check_mode_asks_nobody(ansible: Ansible, site: Site) -> None:
    result = ansible.play(CONTROLLER, site.task(check=True)).result().value
    assert (result["reason"], result["delivered"], site.subscriptions()) == ("not-run", False, [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"password": "wrong"}, "refuses the sign-in of alex@contoso.com"),
        ({"mailbox": OTHER, "username": MAILBOX}, f"{OTHER} cannot be subscribed to: EWS answers Error"),
        ({"mailbox": "nobody@contoso.com", "username": MAILBOX}, "nobody@contoso.com cannot be subscribed to"),
        ({"endpoint": "https://127.0.0.1:1/EWS/Exchange.asmx"}, "does not answer as EWS does"),
        ({"ca_path": None}, "does not answer as EWS does"),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path is '/nowhere/ca.pem'"),
    ],
    ids=["password", "without rights", "no mailbox", "nobody there", "not trusted", "no authority"],
)
def test_what_ews_refuses_is_named_and_begins_nothing(
    ansible: Ansible, site: Site, changed: dict[str, t.Any], message: str
) -> None:
    site.behind_a_proxy()
    run = ansible.play(CONTROLLER, site.task(**changed))
    assert run.status != 0
    result = run.result().value
    assert message in result["msg"] and result["remedy"], result
    assert site.subscriptions() == [] and "Traceback" not in run.output


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"endpoint": "http://exch01/EWS"}, "endpoint is 'http://exch01/EWS', expected https://HOST"),
        ({"mailbox": "alex"}, "mailbox is 'alex', expected an SMTP address"),
        ({"receiver": {"url": "ftp://127.0.0.1"}}, "receiver.url is 'ftp://127.0.0.1', expected http or https://HOST"),
        ({"receiver": {"url": "http://127.0.0.1/x"}}, "receiver.url is 'http://127.0.0.1/x', expected no path"),
        ({"receiver": {"url": "https://127.0.0.1"}}, "receiver.certificate_path is None, expected a file"),
        ({"receiver": {"certificate_path": "/x"}}, "receiver.certificate_path is '/x', expected a file, for https"),
        ({"receiver": {"url": "https://127.0.0.1", "certificate_path": "/nowhere"}}, "expected a PEM certificate"),
        ({"receiver": {"address": "192.0.2.1"}}, "Nothing can listen on 192.0.2.1"),
        ({"timeout": 0}, "timeout is 0, expected 1 to 600 seconds"),
    ],
)
def test_bad_input_asks_nobody(ansible: Ansible, site: Site, changed: dict[str, t.Any], message: str) -> None:
    run = ansible.play(CONTROLLER, site.task(**changed))
    assert run.status != 0 and message in run.result()["msg"], run.output
    assert site.subscriptions() == []


def test_a_port_that_is_taken_is_named(ansible: Ansible, site: Site) -> None:
    with socket.socket() as taken:
        taken.bind((site.lab.address("exch02"), site.port))
        taken.listen()
        run = ansible.play(CONTROLLER, site.task())
    assert f"Nothing can listen on {site.lab.address('exch02')} port {site.port}" in run.result()["msg"]
