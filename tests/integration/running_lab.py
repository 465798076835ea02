# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of kind loopback on free ports, and its programs run inside the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import pathlib
import secrets
import socket
import threading
import time
import typing as t

from securemail_lab import lab as lab_module
from securemail_lab.lab import Lab
from securemail_lab.pki import Authority
from securemail_lab.serve import PROGRAMS

#: The lab's secrets; each value begins with its name, so that a leak says what leaked.
SECRETS = ("winrm", "mailbox", "xms", "netscaler", "apns_passphrase", "pkcs12", "portal", "machine", "apple")
_LONGEST_START = 20.0  # seconds


def create(folder: pathlib.Path, *hosts: str) -> Lab:
    """A lab with server certificates for ``hosts``, whose ports were free a moment ago."""
    lab = lab_module.create(folder, "loopback", unprivileged=True)
    plan = json.loads((folder / "lab.json").read_bytes())
    plan["ports"] = dict(zip(plan["ports"], free_ports(len(plan["ports"])), strict=True))
    (folder / "lab.json").write_text(json.dumps(plan), encoding="ascii")
    made = {name: f"canary-{name}-{secrets.token_urlsafe(12)}" for name in SECRETS}
    (folder / "secrets.json").write_text(json.dumps(made), encoding="ascii")
    authority = Authority(lab)
    for host in hosts:
        authority.issue_server(host)
    return Lab(folder)


def free_ports(count: int) -> list[int]:
    """TCP ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _turn in range(count)]
        for one in sockets:
            one.bind(("", 0))  # all addresses: each service has one of its own
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def serving(lab: Lab, program: str, host: str = "") -> t.Iterator[None]:
    """Run a program of ``securemail_lab.serve`` in a thread; it listens when this is entered."""
    module = importlib.import_module(PROGRAMS[program])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"lab {host or program}")
    thread.start()
    try:
        stop = asyncio.run_coroutine_threadsafe(module.serve(lab, host or program), loop).result(_LONGEST_START)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(_stopped(stop), loop).result(_LONGEST_START)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LONGEST_START)
        loop.close()


async def _stopped(stop: t.Callable[[], t.Awaitable[None]]) -> None:
    await stop()


def comes_true(condition: t.Callable[[], bool], seconds: float = 0.5) -> bool:
    """Whether something is the case now or a moment later."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
