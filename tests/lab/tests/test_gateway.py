# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's gateway and web proxy: the real nft takes the rule set, the real Squid keeps its list."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import threading
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab.gateway import proxy, rules
from securemail_lab.gateway.seed import seed
from securemail_lab.lab import Lab, create

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
NAMESPACE = ["unshare", "-nm", *(["-Ur"] if os.geteuid() != 0 else [])]


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> Lab:
    made = create(tmp_path / "lab", "loopback", unprivileged=True)
    seed(made)
    return made


def test_an_edit_by_hand_is_kept(lab: Lab) -> None:
    for path in (rules.path(lab), proxy.path(lab)):
        path.write_text("# edited\n", encoding="ascii")
    seed(lab)
    assert rules.path(lab).read_text(encoding="ascii") == proxy.path(lab).read_text(encoding="ascii") == "# edited\n"


@pytest.mark.namespaces
def test_nft_takes_the_rule_set_and_lets_neither_exchange_nor_devices_out(tmp_path: pathlib.Path) -> None:
    lab = create(tmp_path / "lab", "namespaces")
    seed(lab)
    loaded = subprocess.run(
        [*NAMESPACE, "sh", "-c", f"nft -f {rules.path(lab)} && nft list ruleset"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.count("policy drop;") == 2
    assert f"ip saddr {lab.address('controller')} tcp dport 443 accept" in loaded.stdout
    for host in ("exch01", "exch02", "devices", "xms"):
        assert lab.address(host) not in loaded.stdout


def test_a_rule_set_that_does_not_load_is_reported_with_the_reason(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules.topology, "inside", lambda _name: NAMESPACE)
    rules.load(lab)
    rules.path(lab).write_text("table inet filter { chain }\n", encoding="ascii")
    with pytest.raises(RuntimeError, match="syntax error"):
        rules.load(lab)


def test_squid_accepts_its_configuration_without_a_warning(lab: Lab) -> None:
    checked = subprocess.run(
        ["squid", "-k", "parse", "-f", str(proxy.path(lab))], capture_output=True, text=True, timeout=30, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert not [line for line in checked.stderr.splitlines() if "WARNING" in line or "ERROR" in line]


@contextlib.contextmanager
def _banner(address: str) -> t.Iterator[int]:
    """A server that greets whoever connects; yields its port."""
    with socket.create_server((address, 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.sendall(b"example site")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _connect(lab: Lab, target: str) -> tuple[int, bytes]:
    """CONNECT through the proxy: its status, and what the far end says."""
    with socket.create_connection((lab.address("proxy"), lab.port("proxy")), 10) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            while stream.readline().strip():
                pass
            return status, stream.read(64) if status == 200 else b""


def _listens(lab: Lab) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((lab.address("proxy"), lab.port("proxy"))) == 0


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as probe:
        return int(probe.getsockname()[1])


def test_squid_denies_listeners_and_lets_listed_sites_through(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = create(tmp_path / "lab", "loopback", unprivileged=True)
    site = "127.77.113.80"
    with _banner(site) as https:
        ports = {"proxy": _free_port(lab.address("proxy")), "https": https}
        monkeypatch.setattr(Lab, "port", lambda _lab, service: ports[service])
        seed(lab)
        with open(proxy.path(lab).with_name("hosts"), "a", encoding="ascii") as hosts:
            hosts.write(f"{site} www.example.com {LISTENER} look-alike-example.com\n")
        with subprocess.Popen(
            [*proxy.command(lab), "-d", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as squid:
            try:
                loopback.wait(lambda: squid.poll() is not None or _listens(lab), "Squid accepts connections")
                assert _connect(lab, f"www.example.com:{https}") == (200, b"example site")
                assert _connect(lab, f"{LISTENER}:{https}")[0] == 403
                assert _connect(lab, f"look-alike-example.com:{https}")[0] == 403
                assert _connect(lab, f"{site}:{https}")[0] == 403, "an address passed as the name behind it"
                assert _connect(lab, "www.example.com:22")[0] == 403
            finally:
                squid.terminate()
                said, _none = squid.communicate(timeout=10)
        assert squid.returncode == 0, said
        assert "FATAL" not in said.decode()
