# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_egress_info through Ansible and WinRM, with a real curl on the network of an Exchange host of the lab."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Task
from ansible_collections.pushops.securemail.tests.integration.windows_firewall import WindowsFirewall
from securemail_lab.exchange.commands import curl
from securemail_lab.pki import Authority

LISTENER = "listener-emea"


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def log_message(self, *_arguments: t.Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def answering(address: str, port: int, tls: ssl.SSLContext | None) -> t.Iterator[None]:
    """An HTTP server on one address, with TLS or without."""
    server = http.server.ThreadingHTTPServer((address, port), _Answers)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def silent(address: str, port: int) -> t.Iterator[None]:
    """Something that takes connections and never says a word."""
    with socket.create_server((address, port)):
        yield


@pytest.fixture
def host(exchange_host: ExchangeHost) -> ExchangeHost:
    for server in (LISTENER, "portal"):
        Authority(exchange_host.lab).issue_server(server)
    return exchange_host


def listener(host: ExchangeHost, **changed: t.Any) -> dict[str, t.Any]:
    lab = host.lab
    return {
        "name": "listener",
        "fqdn": lab.name(LISTENER),
        "destinations": lab.addresses(LISTENER),
        "ports": [lab.port("https")],
        **changed,
    }


def asked(ansible: Ansible, host: ExchangeHost, check: bool = False, **changed: t.Any) -> t.Any:
    task: Task = {
        "name": "Egress",
        "pushops.securemail.exchange_egress_info": {"flows": [listener(host, **changed)], "timeout": 1},
    }
    return ansible.play(host.inventory(), task, check=check).result()


def reasons(result: t.Any) -> dict[str, str]:
    return {probe["address"]: probe["reason"] for probe in result["probes"]}


@pytest.mark.parametrize("check", [False, True])
def test_what_answers_is_reached_and_its_certificates_are_seen(
    ansible: Ansible, host: ExchangeHost, check: bool
) -> None:
    lab = host.lab
    before = host.files()
    first, second = lab.addresses(LISTENER)
    tls = lab.server_tls(LISTENER)
    with answering(first, lab.port("https"), tls), answering(second, lab.port("https"), tls):
        result = asked(ansible, host, check)
    assert (result.status, result.changed) == ("ok", False)
    assert reasons(result) == {"": "reached", first: "reached", second: "reached"}
    assert (result["obstacles"], result["unable"]) == ([], "")
    seen = result["probes"][1]["certificates"][0]
    assert lab.name(LISTENER) in seen["subject"] and len(seen["sha256"]) == 64
    assert host.files() == before


def test_each_address_has_a_word_of_its_own(ansible: Ansible, host: ExchangeHost) -> None:
    """One answers, one is blocked by the host's own firewall, one is not there."""
    lab, port = host.lab, host.lab.port("https")
    first, second = lab.addresses(LISTENER)
    nobody = lab.addresses("listener-apac")[0]
    WindowsFirewall(host.machine).add(f"Action=Block|Protocol=6|RA4={second}|Name=by hand")
    tls = lab.server_tls(LISTENER)
    with answering(first, port, tls), answering(second, port, tls):
        result = asked(ansible, host, destinations=[first, second, nobody, "198.51.100.0/24"])
    assert reasons(result) == {"": "reached", first: "reached", second: "not-connected", nobody: "not-connected"}
    assert [obstacle["link"] for obstacle in result["obstacles"]] == ["listener-egress"] * 2
    assert second in result["obstacles"][0]["sentence"]


def test_who_answers_must_be_the_listener(ansible: Ansible, host: ExchangeHost) -> None:
    """Another certificate, plain text, silence."""
    lab, port = host.lab, host.lab.port("https")
    first, second = lab.addresses(LISTENER)
    third = lab.addresses("listener-apac")[0]
    with answering(first, port, lab.server_tls("portal")), answering(second, port, None), silent(third, port):
        result = asked(ansible, host, destinations=[first, second, third])
    found = reasons(result)
    assert (found[first], found[second], found[third]) == ("not-trusted", "tls-failed", "timed-out")
    assert [probe["reached"] for probe in result["probes"]] == [False] * 4


def test_a_name_that_the_host_does_not_resolve_is_said_beside_what_is_reached(
    ansible: Ansible, host: ExchangeHost
) -> None:
    result = asked(ansible, host, fqdn="nowhere.example.com")
    assert reasons(result)[""] == "not-resolved"
    assert "its name does not resolve on the host" in result["obstacles"][0]["sentence"]


def test_a_host_without_curl_claims_nothing(ansible: Ansible, host: ExchangeHost) -> None:
    host.machine.path(curl.PATH).unlink()
    result = asked(ansible, host)
    assert (result["probes"], result["obstacles"]) == ([], [])
    assert "no curl.exe" in result["unable"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"flows": []}, "flows is []"),
        ({"flows": [{"name": "listener", "destinations": ["203.0.113.21"]}]}, "flows[0].fqdn"),
        ({"timeout": 0}, "timeout is 0"),
    ],
)
def test_bad_input_is_named_before_anything_connects(
    ansible: Ansible, host: ExchangeHost, arguments: dict[str, t.Any], named: str
) -> None:
    task = {"name": "Egress", "pushops.securemail.exchange_egress_info": {"flows": [listener(host)], **arguments}}
    result = ansible.play(host.inventory(ansible_port=1), task).result()
    assert result.status == "failed" and result["msg"].startswith(named)
