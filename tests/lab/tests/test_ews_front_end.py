# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end of EWS: IIS's rules for client certificates and bodies, and who is signed in."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from ansible_collections.pushops.securemail.tests.lab.tests.ews_estate import (
    ENVELOPE,
    FRONT_FILE,
    INBOX,
    SUBSCRIBE,
    Estate,
    running,
)
from securemail_lab.exchange.iis import BASIC_AUTHENTICATION, WINDOWS_AUTHENTICATION
from securemail_lab.lab import USER


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> t.Iterator[Estate]:
    with running(tmp_path) as started:
        yield started


def offered(answer: requests.Response) -> list[str]:
    """What WWW-Authenticate says, header by header."""
    headers: list[str] = answer.raw.headers.getlist("WWW-Authenticate")
    return headers


def test_413_obeys_the_effective_read_ahead_size(estate: Estate) -> None:
    refused = estate.subscribe()
    assert refused.status_code == 413 and refused.headers["Connection"] == "close"
    assert estate.subscriptions() == []
    estate.raise_read_ahead("exch01", 100)
    assert estate.subscribe().status_code == 413
    estate.edit("exch01", FRONT_FILE, 'uploadReadAheadSize="100"', 'uploadReadAheadSize="49152"')
    assert estate.subscribe().status_code == 200
    assert estate.subscribe(host="exch02").status_code == 413


def test_413_spares_a_client_that_waits_and_one_without_a_body(estate: Estate) -> None:
    assert estate.subscribe(headers={"Expect": "100-continue"}).status_code == 200
    assert requests.get(estate.url("exch01"), verify=str(estate.lab.ca_path), timeout=5).status_code == 401
    chunks = requests.post(estate.url("exch01"), data=iter([b"x"]), verify=str(estate.lab.ca_path), timeout=5)
    assert chunks.status_code == 413


def test_413_needs_client_certificates(estate: Estate) -> None:
    apphost = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
    estate.edit("exch01", apphost, "Ssl, SslNegotiateCert, Ssl128", "Ssl, Ssl128")
    assert estate.subscribe().status_code == 200
    folder = estate.lab.state("devices") / "pki"
    ignored = estate.subscribe(auth=None, cert=(str(folder / "client.pem"), str(folder / "client.key")))
    assert ignored.status_code == 401
    assert offered(ignored) == ["Negotiate", "NTLM", 'Basic realm="exch01.corp.contoso.com"']


def test_required_certificate(estate: Estate) -> None:
    apphost = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
    estate.edit("exch01", apphost, "Ssl, SslNegotiateCert, Ssl128", "Ssl, SslNegotiateCert, SslRequireCert, Ssl128")
    assert estate.subscribe().status_code == 413
    estate.raise_read_ahead("exch01")
    refused = estate.subscribe()
    assert refused.status_code == 403 and "403.7" in refused.text


@pytest.mark.parametrize("login", [USER, "CONTOSO\\alex"])
def test_basic_authentication(estate: Estate, login: str) -> None:
    estate.raise_read_ahead("exch01")
    assert estate.subscribe(auth=(login, estate.lab.secret("mailbox"))).status_code == 200
    assert estate.subscribe(auth=(login, "wrong")).status_code == 401
    assert estate.subscribe(auth=("bob@contoso.com", estate.lab.secret("mailbox"))).status_code == 401


def test_basic_authentication_is_off_unless_iis_says_so(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.switch("exch01", BASIC_AUTHENTICATION, False)
    refused = estate.subscribe()
    assert (refused.status_code, offered(refused)) == (401, ["Negotiate", "NTLM"])


@pytest.mark.parametrize("login", [USER, "CONTOSO\\alex", "contoso\\ALEX"])
def test_ntlm_signs_a_connection_in(estate: Estate, login: str) -> None:
    estate.raise_read_ahead("exch01")
    with requests.Session() as session:

        def ask() -> requests.Response:
            content = (ENVELOPE % SUBSCRIBE % (INBOX, "NewMailEvent", 1, estate.callback())).encode()
            return session.post(estate.url("exch01"), data=content, verify=str(estate.lab.ca_path), timeout=5)

        assert ask().status_code == 401
        session.auth = HttpNtlmAuth(login, estate.lab.secret("mailbox"))
        answer = ask()
        assert answer.status_code == 200 and "NoError" in answer.text
        session.auth = None
        assert ask().status_code == 200, "the connection stays signed in"
        estate.switch("exch01", WINDOWS_AUTHENTICATION, False)
        refused = ask()
        assert (refused.status_code, offered(refused)) == (401, ['Basic realm="exch01.corp.contoso.com"'])


@pytest.mark.parametrize(("login", "password"), [(USER, "wrong"), ("CONTOSO\\bob", ""), ("FABRIKAM\\alex", "")])
def test_ntlm_refuses_others(estate: Estate, login: str, password: str) -> None:
    estate.raise_read_ahead("exch01")
    auth = HttpNtlmAuth(login, password or estate.lab.secret("mailbox"))
    assert estate.subscribe(auth=auth).status_code == 401
    garbled = estate.subscribe(auth=None, headers={"Authorization": "NTLM %%%"})
    assert garbled.status_code == 401 and offered(garbled)[:2] == ["Negotiate", "NTLM"]


def test_health_check_and_malformed_web_config(estate: Estate) -> None:
    def ask() -> requests.Response:
        url = estate.url("exch01", "/ews/HealthCheck.htm")
        return requests.get(url, verify=str(estate.lab.ca_path), timeout=5)

    assert (ask().status_code, ask().text) == (200, "200 OK<br/>exch01.corp.contoso.com")
    estate.edit("exch01", FRONT_FILE, "<serverRuntime", "<serverRuntime <")
    assert ask().status_code == 500 and "500.19" in ask().text
    assert estate.subscribe().status_code == 500


def test_back_end_serves_front_ends_only(estate: Estate) -> None:
    url = f"https://{estate.lab.address('exch01')}:{estate.lab.port('exchange-backend')}/EWS/Exchange.asmx"
    user = (USER, estate.lab.secret("mailbox"))
    answer = requests.post(url, data=b"", auth=user, verify=str(estate.lab.ca_path), timeout=5)
    assert answer.status_code == 401


def test_503_without_a_back_end(estate: Estate) -> None:
    estate.raise_read_ahead("exch02")
    estate.stop("exch01")
    assert estate.subscribe(host="exch02").status_code == 503
