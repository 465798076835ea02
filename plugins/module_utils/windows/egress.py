# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an Exchange host reaches what it must reach: asked on the host, address by address, with Windows' own curl.

Read are curl's exit code, Schannel's status where it has one, and the certificates that were seen. It goes past every
proxy, as notifications do once the listener is on the bypass list, trusts what Windows trusts, and looks up no
revocation, as .NET's HttpWebRequest does by default. Sources: "curl.1 the man page" (exit codes, ``--resolve``,
``%{certs}``); Microsoft, "Tar and Curl Come to Windows" (in System32 since Windows 10 1803 and Server 2019).
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput
from ..core.flows import FLOW_OPTIONS, Flow, parse_flows
from .cmdline import Expanded, command_line
from .runner import CommandResult, Runner

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
    "timeout": {"type": "int", "default": 5},
    "link": {"type": "str", "default": "listener-egress"},
}
CURL = r"%windir%\System32\curl.exe"
_PRESENT = f"if exist {CURL} echo curl"
_NO_CURL = "the host has no curl.exe, which Windows has since Server 2019"
_LONGEST = 50  # twice that is still less than what the runner gives a command
#: Connections of one task; each may have to wait for its whole time.
_MOST_TARGETS = 64
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n.+?-----END CERTIFICATE-----\n", re.DOTALL)

_REACHED = ("reached", "answers over TLS")
_NOT_TRUSTED = ("not-trusted", "who answers has a certificate that the host does not trust for this name")
#: Exit code -> stable reason code, and what it says of the way. With 8 and 52 TLS stood, and no HTTP came.
_REASONS = {
    0: _REACHED,
    8: _REACHED,
    52: _REACHED,
    6: ("not-resolved", "its name does not resolve on the host"),
    7: ("not-connected", "no connection: it is refused, or blocked on the host"),
    28: ("timed-out", "no answer in time: something on the way drops it"),
    35: ("tls-failed", "who answers speaks no TLS, or breaks it off"),
    51: _NOT_TRUSTED,
    56: ("broken-off", "who answers breaks the connection off after TLS"),
    60: _NOT_TRUSTED,
}
#: Schannel's codes, which have no language, for a certificate that it does not take. Older versions end with 35 or 77.
_CERTIFICATE_STATUS = re.compile(r"0x(80090322|80090325|80090327|80090328|800b0109|800b010a|800b010f)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What is asked of one host.

    :param timeout: seconds for a connection; an answer may take twice as long.
    """

    flows: tuple[Flow, ...]
    timeout: int
    link: str


@dataclass(frozen=True)
class Target:
    """One address of a flow; an empty one is whatever the host itself resolves the name to."""

    flow: str
    fqdn: str
    address: str
    port: int

    @property
    def shown(self) -> str:
        return f"{self.fqdn}:{self.port} at {self.address or 'the address that the host resolves'}"


def parse_asked(params: t.Mapping[str, t.Any]) -> Asked:
    """Turn validated module arguments into what is asked.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    flows = parse_flows(params["flows"])
    if not flows:
        raise InvalidInput("flows", [], "at least one flow", "Name the flow of the listener")
    for number, flow in enumerate(flows):
        if not flow.fqdn:
            raise InvalidInput(f"flows[{number}].fqdn", flow.fqdn, "a name", "TLS goes by names: name the service")
    if not 0 < params["timeout"] <= _LONGEST:
        raise InvalidInput("timeout", params["timeout"], f"1 to {_LONGEST} seconds", "Leave it out for the default")
    count = sum(len(targets(flow)) for flow in flows)
    if count > _MOST_TARGETS:
        expected = f"{_MOST_TARGETS} at most, one by name and one for each address, on each port"
        raise InvalidInput("flows", f"{count} connections", expected, "Name fewer in one task: each may have to wait")
    return Asked(flows, params["timeout"], params["link"])


def targets(flow: Flow) -> list[Target]:
    """What is tried for one flow: the name as the host resolves it, then every single address, on every port."""
    single = [each for each in flow.destinations if ipaddress.ip_network(each).num_addresses == 1]
    addresses = ["", *(str(ipaddress.ip_network(each).network_address) for each in single)]
    return [Target(flow.name, flow.fqdn, address, port) for port in flow.ports for address in addresses]


def read_egress(runner: Runner, asked: Asked) -> dict[str, t.Any]:
    """Ask a host and return the module's own return values.

    :raises PushOpsError: the host does not answer.
    """
    wanted = [target for flow in asked.flows for target in targets(flow)]
    if not runner.run(_PRESENT).stdout.strip():
        return {"probes": [], "obstacles": [], "unable": _NO_CURL}
    probes = [_probe(target, runner.run(_line(target, asked.timeout))) for target in wanted]
    obstacles = [{"link": asked.link, "sentence": each["sentence"]} for each in probes if each["reached"] is False]
    return {"probes": probes, "obstacles": obstacles, "unable": ""}


def _line(target: Target, timeout: int) -> str:
    pinned = f"[{target.address}]" if ":" in target.address else target.address
    resolve = ("--resolve", f"{target.fqdn}:{target.port}:{pinned}") if target.address else ()
    return command_line(
        CURL,
        *("--disable", "--silent", "--show-error", "--head", "--ssl-no-revoke", "--noproxy", "*"),
        *("--connect-timeout", str(timeout), "--max-time", str(2 * timeout)),
        *("--output", "NUL", "--write-out", Expanded("%{certs}")),
        *resolve,
        f"https://{target.fqdn}:{target.port}/",
    )


def _probe(target: Target, result: CommandResult) -> dict[str, t.Any]:
    unknown = ("no-verdict", f"curl ended with exit code {result.rc}")
    refused = result.rc in (35, 77) and _CERTIFICATE_STATUS.search(result.stderr)
    reason, words = _NOT_TRUSTED if refused else _REASONS.get(result.rc, unknown)
    reached = {"reached": True, "no-verdict": None}.get(reason, False)
    return {
        "flow": target.flow,
        "fqdn": target.fqdn,
        "address": target.address,
        "port": target.port,
        "reached": reached,
        "reason": reason,
        "sentence": f"{target.shown}: {words}",
        "certificates": _PEM.findall(result.stdout.replace("\r\n", "\n")),
    }
