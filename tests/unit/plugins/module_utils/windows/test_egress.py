# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried, with which line, and what an exit code says."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.windows.egress import (
    parse_asked,
    read_egress,
    targets,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

FQDN = "eu-west-1.mailboxlistener.xm.citrix.com"
FLOW = {"name": "listener", "fqdn": FQDN, "sources": [], "destinations": ["192.0.2.1", "2001:db8::1"], "ports": [443]}


class Host:
    """A Windows host that has curl, and whose curl ends as the test says."""

    def __init__(self, *codes: int, output: str = "", errors: str = "") -> None:
        self._codes = iter(codes)
        self._output, self._errors = output, errors
        self.lines: list[str] = []

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        assert not writes
        self.lines.append(command_line)
        if command_line.startswith("if exist"):
            return CommandResult(0, "curl\r\n")
        return CommandResult(next(self._codes), self._output, self._errors)

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        return [self.run(line) for line in lines]


def asked(**changed: t.Any) -> t.Any:
    return parse_asked({"flows": [{**FLOW, **changed}], "timeout": 5, "link": "listener-egress"})


def test_the_name_as_the_host_resolves_it_and_then_each_address_is_tried() -> None:
    host = Host(0, 0, 0)
    read_egress(host, asked())
    assert len(host.lines) == 4
    assert "--resolve" not in host.lines[1]
    assert f"--resolve {FQDN}:443:192.0.2.1 " in host.lines[2]
    assert f'--resolve "{FQDN}:443:[2001:db8::1]" ' in host.lines[3]
    for line in host.lines[1:]:
        assert line.startswith(r"%windir%\System32\curl.exe --disable --silent ")
        assert " --noproxy * " in line and " --connect-timeout 5 --max-time 10 " in line
        assert line.endswith(f"https://{FQDN}:443/")


@pytest.mark.parametrize(
    ("code", "reason", "reached"),
    [
        (0, "reached", True),
        (8, "reached", True),
        (52, "reached", True),
        (6, "not-resolved", False),
        (7, "not-connected", False),
        (28, "timed-out", False),
        (35, "tls-failed", False),
        (51, "not-trusted", False),
        (56, "broken-off", False),
        (60, "not-trusted", False),
        (2, "no-verdict", None),
        (3221225781, "no-verdict", None),
    ],
)
def test_an_exit_code_has_one_meaning(code: int, reason: str, reached: bool | None) -> None:
    found = read_egress(Host(code), asked(destinations=["192.0.2.0/24"]))
    (probe,) = found["probes"]
    assert (probe["reason"], probe["reached"]) == (reason, reached)
    assert len(found["obstacles"]) == (reached is False)


def test_certificates_are_taken_out_of_what_curl_prints() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    output = f"Subject:CN=x\r\n{pem}Subject:CN=y\r\n{pem}".replace("\n", "\r\n")
    (probe,) = read_egress(Host(0, output=output), asked(destinations=["192.0.2.0/24"]))["probes"]
    assert probe["certificates"] == [pem, pem]


@pytest.mark.parametrize("code", [35, 77])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("curl: (35) schannel: SNI or certificate check failed: SEC_E_WRONG_PRINCIPAL (0x80090322)", "not-trusted"),
        (
            "curl: (77) schannel: next InitializeSecurityContext failed: SEC_E_UNTRUSTED_ROOT (0x80090325)",
            "not-trusted",
        ),
        ("curl: (35) schannel: failed to receive handshake, SSL/TLS connection failed", None),
    ],
)
def test_schannel_says_by_its_status_that_it_does_not_trust(code: int, said: str, reason: str | None) -> None:
    (probe,) = read_egress(Host(code, errors=said), asked(destinations=["192.0.2.0/24"]))["probes"]
    assert probe["reason"] == (reason or {35: "tls-failed", 77: "no-verdict"}[code])


def test_so_many_connections_that_a_task_would_last_for_hours_are_refused() -> None:
    many = [f"192.0.2.{number}" for number in range(100)]
    assert asked(destinations=many[:31], ports=[443, 2197])
    with pytest.raises(InvalidInput, match="66 connections.*64 at most"):
        asked(destinations=many[:32], ports=[443, 2197])


@given(
    st.lists(st.ip_addresses().map(str), min_size=1, max_size=8, unique=True),
    st.lists(st.integers(1, 65535), min_size=1, max_size=4, unique=True),
)
def test_every_single_address_is_tried_once_on_each_port(listed: list[str], ports: list[int]) -> None:
    flow = Flow("listener", FQDN, (), tuple(listed), tuple(ports))
    tried = [(target.address, target.port) for target in targets(flow)]
    assert sorted(tried) == sorted((address, port) for port in ports for address in ["", *listed])
