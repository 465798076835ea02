# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the estate consists of: its secrets, its freshly installed state, its programs and where each answers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import secrets
import shlex
import sys

from ..apple import seed as apple
from ..citrix import seed as citrix
from ..devices import seed as devices
from ..dns import dnsmasq
from ..exchange import seed as exchange
from ..gateway import proxy
from ..gateway import seed as gateway
from ..lab import EXCHANGE_HOSTS, REGIONS, Lab
from ..netscaler import seed as netscaler
from ..network.topology import GATEWAY, INTERNET_HOSTS, inside
from ..pki import Authority
from ..state import write_atomically
from ..xms import seed as xms

SECRETS = ("winrm", "mailbox", "xms", "netscaler", "apns_passphrase", "pkcs12", "portal", "machine", "apple")


@dataclasses.dataclass(frozen=True)
class Door:
    """Where a service answers.

    :param service: a key of ``lab.PORTS``.
    :param greeting: ``tls`` (a handshake that the lab's authority vouches for), ``http``, ``smtp`` or ``dns``.
    """

    host: str
    service: str
    greeting: str
    what: str


@dataclasses.dataclass(frozen=True)
class Program:
    """One process of the estate."""

    name: str
    host: str
    doors: tuple[Door, ...]


def _exchange(host: str) -> Program:
    return Program(
        "exchange",
        host,
        (
            Door(host, "https", "tls", "Exchange front end: EWS"),
            Door(host, "exchange-backend", "tls", "Exchange back end: EWS"),
            Door(host, "smtp", "smtp", "SMTP"),
            Door(host, "winrm", "http", "WinRM over HTTP"),
            Door(host, "winrm-https", "tls", "WinRM over HTTPS"),
        ),
    )


PROGRAMS = (
    *(_exchange(host) for host in EXCHANGE_HOSTS),
    Program("dnsmasq", dnsmasq.HOST, (Door(dnsmasq.HOST, "dns", "dns", "dnsmasq, the resolver"),)),
    Program("squid", "proxy", (Door("proxy", "proxy", "http", "Squid, the web proxy"),)),
    Program(
        "xms",
        "xms",
        (
            Door("xms", "xms", "tls", "XenMobile Server: REST API"),
            Door("xms", "xms-device", "tls", "XenMobile Server: device check-in"),
        ),
    ),
    Program(
        "netscaler",
        "netscaler",
        (
            Door("netscaler", "https", "tls", "NetScaler: NITRO"),
            Door("vpn", "https", "tls", "NetScaler Gateway: where devices come in"),
        ),
    ),
    Program(
        "citrix",
        "push-service",
        (
            Door("portal", "https", "tls", "push portal"),
            *(Door(f"listener-{region}", "https", "tls", f"mailbox listener, {REGIONS[region]}") for region in REGIONS),
            *(Door(f"registration-{region}", "https", "tls", f"registration, {REGIONS[region]}") for region in REGIONS),
        ),
    ),
    Program(
        "apple",
        "apple",
        (
            Door("apple-ca", "https", "tls", "Apple: developer portal"),
            # Its courier listens before it does, on a port that only the devices' mobile network leads to.
            Door("apns", "https", "tls", "Apple: APNs"),
            Door("asc-api", "https", "tls", "Apple: App Store Connect API"),
            Door("enterprise-api", "https", "tls", "Apple: Enterprise Program API"),
        ),
    ),
    Program("devices", "devices", ()),
)


def make_secrets(lab: Lab) -> None:
    """Random secrets of this lab, made once."""
    path = lab.directory / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_urlsafe(18) for name in SECRETS}
        write_atomically(path, json.dumps(made, indent=1).encode() + b"\n")


def seed(lab: Lab) -> None:
    """Write the state of a freshly installed estate where there is none yet: push is configured nowhere."""
    make_secrets(lab)
    authority = Authority(lab)
    for host in (*EXCHANGE_HOSTS, "xms", "netscaler", "vpn", *INTERNET_HOSTS):
        if not lab.server_certificate(host)[0].exists():
            authority.issue_server(host)
    for name in EXCHANGE_HOSTS:
        exchange.seed(lab, name)
    apple.seed(lab)
    citrix.seed(lab)
    xms.seed(lab)
    netscaler.seed(lab)
    devices.seed(lab)
    gateway.seed(lab)
    dnsmasq.seed(lab)


def command(lab: Lab, program: Program) -> list[str]:
    """The words that run a program (without its namespace)."""
    if program.name == "squid":
        return proxy.command(lab)
    if program.name == "dnsmasq":
        return dnsmasq.command(lab)
    return [sys.executable, "-m", "securemail_lab.serve", str(lab.directory), program.name, program.host]


def remove_shared_memory(lab: Lab) -> None:
    """Take away what Squid leaves in ``/dev/shm`` where it was ended before it was up, or by force."""
    words = proxy.command(lab)
    for path in pathlib.Path("/dev/shm").glob(f"{words[words.index('-n') + 1]}-*"):
        path.unlink(missing_ok=True)


def write_controller_file(lab: Lab) -> None:
    """What an inventory needs to reach the estate, secrets included: ``controller.json``, readable by its owner.

    The gateway is a namespace, so what stands for a way into it is a Python that runs inside: ``bin/gateway-python``.
    """
    plan = json.loads((lab.directory / "lab.json").read_bytes())
    document = {
        **plan,
        "directory": str(lab.directory),
        "ca_path": str(lab.ca_path),
        "python": sys.executable,
        "secrets": json.loads((lab.directory / "secrets.json").read_bytes()),
    }
    write_atomically(lab.directory / "controller.json", json.dumps(document, indent=1).encode() + b"\n")
    if lab.kind == "namespaces":
        entry = " ".join(["exec", *inside(GATEWAY), shlex.quote(sys.executable), '"$@"'])
        write_atomically(lab.directory / "bin" / "gateway-python", f"#!/bin/sh\n{entry}\n".encode(), 0o755)
