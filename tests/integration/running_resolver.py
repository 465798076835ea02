# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolvers that a test controls: a real dnsmasq on loopback, and one that answers whatever the test says."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import typing as t

import dns.exception
import dns.message
import dns.query

ADDRESS = "127.0.0.1"
_LONGEST_START = 10.0


class Resolver(t.NamedTuple):
    """Where a resolver listens, as the module's ``resolvers`` option takes it."""

    address: str
    port: int

    @property
    def option(self) -> dict[str, t.Any]:
        return {"address": self.address, "port": self.port}


def _free_port() -> int:
    """A port that was free for UDP and TCP a moment ago."""
    while True:
        with socket.create_server((ADDRESS, 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            port = int(stream.getsockname()[1])
            with contextlib.suppress(OSError):
                datagram.bind((ADDRESS, port))
                return port


@contextlib.contextmanager
def dnsmasq(folder: pathlib.Path, *lines: str) -> t.Iterator[Resolver]:
    """A dnsmasq that knows only what ``lines`` of its configuration say."""
    program = shutil.which("dnsmasq", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert program, "make setup installs dnsmasq-base"
    port = _free_port()
    fixed = ["no-resolv", "no-hosts", "bind-interfaces", f"listen-address={ADDRESS}", f"port={port}"]
    configuration = folder / f"dnsmasq-{port}.conf"
    configuration.write_text("\n".join([*fixed, *lines, ""]), encoding="ascii")
    with open(folder / f"dnsmasq-{port}.log", "wb") as log:
        process = subprocess.Popen([program, "--no-daemon", f"--conf-file={configuration}"], stdout=log, stderr=log)
    try:
        _wait(process, port)
        yield Resolver(ADDRESS, port)
    finally:
        process.kill()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _LONGEST_START
    while True:
        assert process.poll() is None and time.monotonic() < deadline, "dnsmasq does not answer; see its log"
        with contextlib.suppress(OSError, dns.exception.Timeout):
            dns.query.udp(dns.message.make_query("started.invalid.", "A"), ADDRESS, 0.5, port)
            return


@contextlib.contextmanager
def answering(answer: t.Callable[[bytes], bytes | None]) -> t.Iterator[Resolver]:
    """A resolver on UDP that sends what ``answer`` makes of a query; ``None`` is silence."""
    with socket.socket(type=socket.SOCK_DGRAM) as door:
        door.bind((ADDRESS, 0))
        door.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    query, client = door.recvfrom(4096)
                    reply = answer(query)
                    if reply is not None:
                        door.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Resolver(ADDRESS, int(door.getsockname()[1]))
        finally:
            done.set()
            thread.join(10)
