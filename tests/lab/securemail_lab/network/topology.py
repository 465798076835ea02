# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: one namespace a host, a bridge for the corporate network, a router towards the internet.

::

    controller, exch01, exch02, netscaler, proxy, xms, dns, devices   192.0.2.0/24  corporate
                              |  bridge
                           gateway  (forwards; its nftables rule set decides)
                              |
                           internet: push service, portal, Apple  203.0.113.0/24
                              |
                           devices (mobile leg)                 198.51.100.0/24

Everything is made inside the network and mount namespaces of the supervisor, so nothing can outlive it and no name
can clash with one outside. There is no route out.
"""

from __future__ import annotations

import pathlib
import subprocess

from ..lab import Lab

BRIDGE = "corporate"
#: Hosts with a namespace of their own on the corporate bridge; the controller is the supervisor's own namespace.
CORPORATE_HOSTS = ("exch01", "exch02", "netscaler", "proxy", "xms", "dns", "devices")
VIRTUAL_SERVER = "vpn"
_MOBILE_TABLE = 77
GATEWAY = "gateway"
INTERNET = "internet"
INTERNET_HOSTS = (
    *(f"{service}-{region}" for region in ("americas", "emea", "apac") for service in ("listener", "registration")),
    "portal",
    "apple-ca",
    "apns",
    "asc-api",
    "enterprise-api",
)
_MOBILE_ROUTER = "198.51.100.254"
_INTERNET_ROUTER = "203.0.113.253"
_GATEWAY_OUTSIDE = "203.0.113.254"


def namespace(program: str, host: str) -> str:
    """The namespace in which a program of a host runs."""
    return INTERNET if program in ("citrix", "apple") else host


def inside(name: str) -> list[str]:
    """The words that run a command inside a host's namespace."""
    return ["ip", "netns", "exec", name]


def build(lab: Lab) -> None:
    """Make namespaces, links, addresses and routes. Must run inside fresh network and mount namespaces."""
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])
    _run(["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"])  # Squid's shared memory must not outlive the lab
    pathlib.Path("/run/netns").mkdir()
    _bind_names(lab)
    commands = ["link set lo up", f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up"]
    commands += [f"address add {lab.address('controller')}/24 dev {BRIDGE}"]
    commands += [f"route add default via {lab.address(GATEWAY)}"]
    for host in (*CORPORATE_HOSTS, GATEWAY, INTERNET):
        commands += [f"netns add {host}", f"-n {host} link set lo up"]
    for host in (*CORPORATE_HOSTS, GATEWAY):
        commands += [
            f"link add {host} type veth peer name corporate0 netns {host}",
            f"link set {host} master {BRIDGE} up",
            f"-n {host} address add {lab.address(host)}/24 dev corporate0",
            f"-n {host} link set corporate0 up",
        ]
    for host in CORPORATE_HOSTS:
        commands += [f"-n {host} route add default via {lab.address(GATEWAY)}"]
    commands += [
        f"-n {GATEWAY} link add internet0 type veth peer name corporate0 netns {INTERNET}",
        f"-n {GATEWAY} address add {_GATEWAY_OUTSIDE}/24 dev internet0",
        f"-n {GATEWAY} link set internet0 up",
        f"-n {INTERNET} address add {_INTERNET_ROUTER}/24 dev corporate0",
        f"-n {INTERNET} link set corporate0 up",
        f"-n {INTERNET} route add default via {_GATEWAY_OUTSIDE}",
        f"-n devices link add mobile0 type veth peer name mobile0 netns {INTERNET}",
        f"-n devices address add {lab.address('devices-mobile')}/24 dev mobile0",
        "-n devices link set mobile0 up",
        f"-n {INTERNET} address add {_MOBILE_ROUTER}/24 dev mobile0",
        f"-n {INTERNET} link set mobile0 up",
        f"-n netscaler address add {lab.address(VIRTUAL_SERVER)}/24 dev corporate0",
        # A phone reaches Apple over the mobile network, and what does not go through the tunnel, too.
        f"-n devices route add {lab.address('apns')}/32 via {_MOBILE_ROUTER}",
        f"-n devices rule add from {lab.address('devices-mobile')} table {_MOBILE_TABLE}",
        f"-n devices route add default via {_MOBILE_ROUTER} table {_MOBILE_TABLE}",
    ]
    for host in INTERNET_HOSTS:
        commands += [f"-n {INTERNET} address add {address}/32 dev lo" for address in lab.addresses(host)]
    for command in commands:
        _run(["ip", *command.split()])
    for host in (GATEWAY, INTERNET):
        _run([*inside(host), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


def _bind_names(lab: Lab) -> None:
    """Let every program inside resolve the lab's names, and only these."""
    lines = ["127.0.0.1 localhost"]
    for host in ("controller", *CORPORATE_HOSTS, VIRTUAL_SERVER, GATEWAY, *INTERNET_HOSTS):
        lines += [f"{address} {' '.join(lab.names(host))}" for address in lab.addresses(host)]
    hosts = lab.directory / "hosts"
    hosts.write_text("\n".join(lines) + "\n", encoding="ascii")
    _run(["mount", "--bind", str(hosts), "/etc/hosts"])
    if pathlib.Path("/etc/resolv.conf").exists():  # else it was a link into what is hidden now
        nobody = lab.directory / "resolv.conf"
        nobody.write_text("# No name server: what is not in the hosts file does not exist here.\n", encoding="ascii")
        _run(["mount", "--bind", str(nobody), "/etc/resolv.conf"])


def _run(command: list[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise RuntimeError(f"{' '.join(command)!r} failed in the lab's namespace: {finished.stderr.strip()}")
