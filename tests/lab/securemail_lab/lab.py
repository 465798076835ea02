# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as its services see it: who has which address and port, where state lies, how time runs."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import socket
import ssl
import typing as t

from aiohttp.abc import AbstractResolver, ResolveResult

REGIONS = {"americas": "Americas", "emea": "EMEA", "apac": "APAC"}
REGION_PREFIX = {"americas": "us-east-1", "emea": "eu-west-1", "apac": "ap-southeast-1"}

#: Field seconds per lab second. 30 s until Exchange's first retry are a quarter of a second here.
TIME_SCALE = 120.0

# name, fully qualified names, addresses (as last octets of a network), network
_CORPORATE = {
    "controller": (["controller.corp.contoso.com"], [1]),
    "exch01": (["exch01.corp.contoso.com", "mail.contoso.com"], [11]),
    "exch02": (["exch02.corp.contoso.com"], [12]),
    "netscaler": (["netscaler.corp.contoso.com"], [21]),
    "vpn": (["vpn.contoso.com"], [22]),
    "proxy": (["proxy.corp.contoso.com"], [31]),
    "xms": (["xms.corp.contoso.com"], [41]),
    "dns": (["dns.corp.contoso.com"], [53]),
    "devices": (["devices.corp.contoso.com"], [61]),
    "gateway": (["gateway.corp.contoso.com"], [254]),
}
_INTERNET = {
    "listener-americas": (["us-east-1.mailboxlistener.xm.citrix.com"], [11, 12]),
    "registration-americas": (["us-east-1.pushreg.xm.citrix.com"], [13, 14]),
    "listener-emea": (["eu-west-1.mailboxlistener.xm.citrix.com"], [21, 22]),
    "registration-emea": (["eu-west-1.pushreg.xm.citrix.com"], [23, 24]),
    "listener-apac": (["ap-southeast-1.mailboxlistener.xm.citrix.com"], [31, 32]),
    "registration-apac": (["ap-southeast-1.pushreg.xm.citrix.com"], [33, 34]),
    "portal": (["xenmobiletools.citrix.com"], [41]),
    "apple-ca": (["developer.apple.com"], [51]),
    "apns": (["api.push.apple.com"], [52]),
    "asc-api": (["api.appstoreconnect.apple.com"], [53]),
    "enterprise-api": (["api.enterprise.developer.apple.com"], [54]),
}
#: Networks by kind of lab: documentation addresses inside namespaces, loopback where the kernel allows none.
NETWORKS = {
    "namespaces": {"corporate": "192.0.2.", "internet": "203.0.113.", "mobile": "198.51.100."},
    "loopback": {"corporate": "127.77.2.", "internet": "127.77.113.", "mobile": "127.77.100."},
}
PORTS = {
    "https": 443,
    "exchange-backend": 444,
    "smtp": 25,
    "dns": 53,
    "winrm": 5985,
    "winrm-https": 5986,
    "xms": 4443,
    "xms-device": 8443,
    "proxy": 3128,
    "courier": 5223,
}
#: Added to ports below 1024 where an ordinary user may not bind them.
UNPRIVILEGED_OFFSET = 10000

USER = "alex@contoso.com"
BUNDLE_ID = "com.contoso.securemail"
EXCHANGE_HOSTS = ("exch01", "exch02")
DEVICES = ("iphone-1", "iphone-2")


@dataclasses.dataclass(frozen=True)
class Lab:
    """One lab, found by its directory. Everything but the directory is read from ``lab.json`` in it."""

    directory: pathlib.Path

    @functools.cached_property
    def _plan(self) -> dict[str, t.Any]:
        document: dict[str, t.Any] = json.loads((self.directory / "lab.json").read_bytes())
        return document

    @property
    def kind(self) -> str:
        """``namespaces`` (packets are real) or ``loopback`` (no packet filter on the way)."""
        return str(self._plan["kind"])

    def addresses(self, host: str) -> list[str]:
        """The addresses that a host, or a service on the internet, listens on."""
        return list(self._plan["addresses"][host])

    def address(self, host: str) -> str:
        return self.addresses(host)[0]

    def names(self, host: str) -> list[str]:
        """Fully qualified names of a host; the first is its own."""
        return list(self._plan["names"][host])

    def name(self, host: str) -> str:
        return self.names(host)[0]

    def directory_of_names(self) -> list[tuple[list[str], list[str]]]:
        """The names and the addresses of every host."""
        return [(names, self.addresses(host)) for host, names in self._plan["names"].items()]

    def port(self, service: str) -> int:
        """The TCP port of a service, by its key in ``PORTS``."""
        return int(self._plan["ports"][service])

    def url(self, host: str, service: str = "https", path: str = "") -> str:
        """``https://name[:port]path`` of a host, the port left out where it is 443."""
        port = self.port(service)
        return f"https://{self.name(host)}{'' if port == 443 else f':{port}'}{path}"

    def state(self, host: str) -> pathlib.Path:
        """The folder that holds a host's state."""
        return self.directory / "state" / host

    def secret(self, name: str) -> str:
        """A random secret of this lab, by name; made with the lab, never in the repository."""
        secrets: dict[str, str] = json.loads((self.directory / "secrets.json").read_bytes())
        return secrets[name]

    @staticmethod
    def seconds(field_seconds: float) -> float:
        """Lab seconds for a duration that a source gives in real seconds."""
        return field_seconds / TIME_SCALE

    def resolve(self, name: str) -> list[str]:
        """All addresses of a name; an address resolves to itself. Raises ``OSError`` where there is none."""
        try:
            socket.inet_pton(socket.AF_INET, name)
        except OSError:
            for host, names in self._plan["names"].items():
                if name.lower() in names:
                    return self.addresses(host)
            raise OSError(f"The lab has no host named {name}") from None
        return [name]

    def resolver(self) -> AbstractResolver:
        """A resolver for aiohttp's connector that knows the lab's names only."""
        return _LabResolver(self)

    # --- TLS: the estate's own authority signs every server; Apple's authority is apart (securemail_lab.apple)

    @property
    def ca_path(self) -> pathlib.Path:
        """PEM of the authority that signed every server certificate of the lab."""
        return self.directory / "pki" / "ca.pem"

    def server_certificate(self, host: str) -> tuple[pathlib.Path, pathlib.Path]:
        """PEM chain and PEM key of a host's server certificate (names and addresses in its SAN)."""
        folder = self.directory / "pki" / host
        return folder / "server.pem", folder / "server.key"

    def server_tls(self, host: str) -> ssl.SSLContext:
        """A server context with the host's certificate; callers add client-certificate rules of their own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self.server_certificate(host))
        return context

    def client_tls(self) -> ssl.SSLContext:
        """A client context that trusts the lab's authority only."""
        return ssl.create_default_context(cafile=str(self.ca_path))


class _LabResolver(AbstractResolver):
    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in self._lab.resolve(host)
        ]

    async def close(self) -> None:
        """Nothing is held open."""


def create(directory: pathlib.Path, kind: str, unprivileged: bool = False) -> Lab:
    """Write ``lab.json`` of a new lab: addresses, names and ports. Existing state is kept."""
    networks = NETWORKS[kind]
    plan: dict[str, t.Any] = {"kind": kind, "addresses": {}, "names": {}, "ports": {}}
    for hosts, network in ((_CORPORATE, "corporate"), (_INTERNET, "internet")):
        for host, (names, octets) in hosts.items():
            plan["addresses"][host] = [f"{networks[network]}{octet}" for octet in octets]
            plan["names"][host] = names
    plan["addresses"]["devices-mobile"] = [f"{networks['mobile']}10"]
    plan["names"]["devices-mobile"] = ["devices.mobile.example.net"]
    offset = UNPRIVILEGED_OFFSET if unprivileged else 0
    plan["ports"] = {service: port + (offset if port < 1024 else 0) for service, port in PORTS.items()}
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    (directory / "lab.json").write_text(json.dumps(plan, indent=1) + "\n", encoding="ascii")
    return Lab(directory)
