# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's WinRM logins and mishaps as pypsrp sees them, a client that nobody here wrote and Ansible does not use."""

from __future__ import annotations

import pathlib
import typing as t
import xml.etree.ElementTree as ET

import pypsrp.exceptions
import pytest
import requests.exceptions
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import WSMan

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.winrm_logins import HOST, PRINCIPAL, REALM, issue, mapping
from securemail_lab.exchange.host import ADMINISTRATOR
from securemail_lab.exchange.winrm.mishaps import KINDS
from securemail_lab.kerberos import Realm

Options = dict[str, t.Any]


def client(host: ExchangeHost, auth: str, scheme: str = "https", **options: t.Any) -> WSMan:
    """Messages are encrypted on plain HTTP, and by TLS alone over HTTPS."""
    over_tls = scheme == "https"
    port = host.lab.port("winrm-https" if over_tls else "winrm")
    always: Options = {"ssl": over_tls, "encryption": "auto" if over_tls else "always", "no_proxy": True}
    always |= {
        "cert_validation": str(host.lab.ca_path),
        "operation_timeout": 2,
        "read_timeout": 4,
        "reconnection_retries": 0,
    }
    login: Options = {} if auth == "certificate" else {"username": ADMINISTRATOR, "password": host.password}
    return WSMan(host.lab.address(host.name), port=port, auth=auth, **always | login | options)


def run(wsman: WSMan, line: str) -> bytes:
    with wsman, WinRS(wsman, codepage=65001) as shell:
        process = Process(shell, line)
        process.invoke()
        process.signal("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate")
        assert process.rc == 0
        output: bytes = process.stdout
        return output


# --- logins


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["negotiate", "kerberos"])
def test_kerberos(member: ExchangeHost, realm: Realm, monkeypatch: pytest.MonkeyPatch, auth: str, scheme: str) -> None:
    """In SPNEGO (negotiate) and bare; the KDC's log says that it was no NTLM."""
    monkeypatch.setenv("KRB5_CONFIG", str(realm.configuration))
    wsman = client(member, auth, scheme, username=PRINCIPAL, negotiate_hostname_override=HOST, negotiate_service="HTTP")
    assert run(wsman, "hostname") == b"EXCH01\r\n"
    assert f"for HTTP/{HOST}@{REALM}" in (realm.folder / "kdc.log").read_text()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_credssp(exchange_host: ExchangeHost, scheme: str) -> None:
    exchange_host.winrm_settings(credssp=True)
    assert run(client(exchange_host, "credssp", scheme), "hostname") == b"EXCH01\r\n"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_large_messages_are_cut_for_credssp(exchange_host: ExchangeHost, scheme: str) -> None:
    """More than one TLS record in both directions."""
    exchange_host.winrm_settings(credssp=True)
    content = b"x" * 40_000
    path = r"C:\Windows\Temp\large.txt"
    exchange_host.machine.path(path).parent.mkdir(parents=True, exist_ok=True)
    exchange_host.machine.path(path).write_bytes(content)
    with client(exchange_host, "credssp", scheme) as wsman, WinRS(wsman, codepage=65001) as shell:
        process = Process(shell, "more")
        process.begin_invoke()
        process.send(content, end=True)
        process.end_invoke()
        assert process.stdout.strip() == content
    assert run(client(exchange_host, "credssp", scheme), f"type {path}") == content


def test_certificate(exchange_host: ExchangeHost, tmp_path: pathlib.Path) -> None:
    issue(exchange_host.lab, tmp_path)
    files = {"certificate_pem": str(tmp_path / "client.pem"), "certificate_key_pem": str(tmp_path / "client.key")}
    exchange_host.winrm_settings(certificate=True, certificate_mappings=[mapping(exchange_host.lab)])
    assert run(client(exchange_host, "certificate", **files), "hostname") == b"EXCH01\r\n"
    exchange_host.winrm_settings(certificate=True)
    with pytest.raises(pypsrp.exceptions.AuthenticationError):
        run(client(exchange_host, "certificate", **files), "hostname")


def test_a_mapping_is_by_issuer_and_by_a_pattern_of_the_subject(
    exchange_host: ExchangeHost, tmp_path: pathlib.Path
) -> None:
    issue(exchange_host.lab, tmp_path)
    files = {"certificate_pem": str(tmp_path / "client.pem"), "certificate_key_pem": str(tmp_path / "client.key")}
    right = mapping(exchange_host.lab)
    exchange_host.winrm_settings(certificate=True, certificate_mappings=[right | {"subject": "*@localhost"}])
    assert run(client(exchange_host, "certificate", **files), "hostname") == b"EXCH01\r\n"
    for wrong in (right | {"issuer": "00" * 20}, right | {"subject": "other*"}):
        exchange_host.winrm_settings(certificate=True, certificate_mappings=[wrong])
        with pytest.raises(pypsrp.exceptions.AuthenticationError):
            run(client(exchange_host, "certificate", **files), "hostname")


# --- mishaps: what each looks like from outside, and whether the command was run

FILE = r"C:\Windows\Temp\written.txt"
REFUSALS = ("quota-operations", "quota-shells", "access-denied")
SEEN: dict[str, tuple[type[Exception], str]] = {
    "reset": (requests.exceptions.ConnectionError, ""),
    "half-close": (requests.exceptions.ConnectionError, ""),
    "short": (requests.exceptions.RequestException, ""),
    "truncated": (ET.ParseError, ""),
    "garbled": (ET.ParseError, ""),
    "http-500": (pypsrp.exceptions.WinRMTransportError, "500"),
    "http-503": (pypsrp.exceptions.WinRMTransportError, "503"),
    "proxy-page": (pypsrp.exceptions.WinRMTransportError, "502"),
    "timed-out": (pypsrp.exceptions.WSManFaultError, "2150858793"),
    "quota-operations": (pypsrp.exceptions.WSManFaultError, "schedule says quota-operations"),
    "quota-shells": (pypsrp.exceptions.WSManFaultError, "2150859173"),
    "access-denied": (pypsrp.exceptions.WSManFaultError, "Code: 5"),
    "shell-lost": (pypsrp.exceptions.WSManFaultError, "2150858843"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", sorted(SEEN))
def test_each_mishap_strikes_once(exchange_host: ExchangeHost, kind: str, after: bool) -> None:
    written = exchange_host.machine.path(FILE)
    written.parent.mkdir(parents=True, exist_ok=True)
    strike = {"on": "Command", "line": "echo", "kind": kind, "after": after}
    exchange_host.winrm_settings(faults={"schedule": [strike]})
    problem, words = SEEN[kind]
    with pytest.raises(problem) as raised:
        run(client(exchange_host, "basic"), f"echo x> {FILE}")
    assert words in str(raised.value)
    acted = (after and kind not in REFUSALS) or kind in ("short", "truncated", "garbled")
    assert running_lab.comes_true(written.exists) == acted
    written.unlink(missing_ok=True)
    run(client(exchange_host, "basic"), f"echo x> {FILE}")
    assert written.read_bytes() == b"x\r\n"


def test_slow_and_unauthorized_answers_are_met_by_patience(exchange_host: ExchangeHost) -> None:
    """Both strike; a client that authenticates anew, and waits, gets its answer."""
    slow, anew = {"kind": "slow", "seconds": 1.0, "on": "Receive"}, {"kind": "unauthorized", "on": "Command"}
    exchange_host.winrm_settings(faults={"schedule": [slow, anew]})
    assert run(client(exchange_host, "ntlm"), "hostname") == b"EXCH01\r\n"
    assert {*SEEN, "slow", "unauthorized"} == KINDS, "a kind has no test here"
