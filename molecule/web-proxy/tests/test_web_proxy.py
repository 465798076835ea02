# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What firewall.yml left behind on the web proxy: Exchange reaches the listener, and nobody else and nothing else."""

from __future__ import annotations

import os
import pathlib
import shlex
import sys
import typing as t

import pytest

from securemail_lab.gateway import proxy
from securemail_lab.lab import Lab

testinfra_hosts = ["local://"]
LISTENER = "listener-emea"
Host = t.Any  # testinfra has no types
_CONNECT = """
import socket, sys
source, proxy, port, target = sys.argv[1:]
with socket.create_connection((proxy, int(port)), 10, (source, 0)) as connection:
    connection.sendall(f"CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n".encode())
    print(connection.makefile("rb").readline().split()[1].decode())
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(pathlib.Path(os.environ["SECUREMAIL_LAB"]))


def connect(host: Host, lab: Lab, source: str, name: str, port: int) -> int:
    """What Squid answers to a host that asks for a tunnel."""
    enter = ["ip", "netns", "exec", source] if lab.kind == "namespaces" else []
    ends = [lab.address(source), lab.address("proxy"), str(lab.port("proxy")), f"{name}:{port}"]
    asked = host.run(shlex.join([*enter, sys.executable, "-c", _CONNECT, *ends]))
    assert asked.rc == 0, asked.stderr
    return int(asked.stdout)


@pytest.mark.parametrize("source", ["exch01", "exch02"])
def test_exchange_may_connect_to_the_listener(host: Host, lab: Lab, source: str) -> None:
    # whether the tunnel stands then is up to the network behind the proxy
    assert connect(host, lab, source, lab.name(LISTENER), lab.port("https")) != 403


def test_nobody_else_may(host: Host, lab: Lab) -> None:
    assert connect(host, lab, "xms", lab.name(LISTENER), lab.port("https")) == 403


@pytest.mark.parametrize("target", ["my-{name}", "{name}.example.net", "{address}", "registration"])
def test_exchange_may_connect_to_nothing_that_only_looks_like_it(host: Host, lab: Lab, target: str) -> None:
    name = lab.name("registration-emea") if target == "registration" else target
    asked = name.format(name=lab.name(LISTENER), address=lab.address(LISTENER))
    assert connect(host, lab, "exch01", asked, lab.port("https")) == 403


def test_the_proxys_own_lines_stand(host: Host, lab: Lab) -> None:
    text = host.file(str(proxy.path(lab))).content_string
    assert "acl sites dstdomain -n .example.com" in text and "pushops" not in text
