# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Exchange host as a program: EWS front end and back end, SMTP and WinRM of one machine in one process."""

from __future__ import annotations

import contextlib
import functools
import ssl

from aiohttp import web

from ..lab import Lab
from ..serve import Stop, listen
from . import smtp, winrm
from .ews import backend, frontend
from .ews.notifier import Notifier
from .ews.operations import Operations
from .ews.version import product_version
from .machine import Machine
from .mailbox import Mailboxes

#: The account that the collection's inventory uses.
ADMINISTRATOR = "CONTOSO\\svc-pushops"


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on all addresses of ``host``; subscriptions begin empty, as in a new worker process."""
    machine = Machine(name=host, state=lab.state(host))
    addresses, tls, asking = lab.addresses(host), lab.server_tls(host), _asking_for_certificates(lab, host)

    def changed(address: str) -> None:
        notifier.mailbox_changed(address)

    mailboxes = Mailboxes(lab, changed)
    notifier = Notifier(lab, machine, mailboxes, functools.partial(product_version, machine))
    operations = Operations(lab.name(host), mailboxes, notifier)
    async with contextlib.AsyncExitStack() as started:
        started.push_async_callback(notifier.close)
        back = backend.application(lab, machine, operations)
        started.push_async_callback((await listen(back, addresses, lab.port("exchange-backend"), tls)).cleanup)
        front = frontend.application(lab, machine, mailboxes)
        started.push_async_callback((await listen(front, addresses, lab.port("https"), asking)).cleanup)
        started.push_async_callback((await _listen_for_winrm(lab, host, machine, asking)).cleanup)
        for server in await smtp.listen(lab, host, mailboxes):
            started.callback(server.close)
        return started.pop_all().aclose


def _asking_for_certificates(lab: Lab, host: str) -> ssl.SSLContext:
    """TLS that takes a client certificate of the lab's authority, and goes on without one."""
    context = lab.server_tls(host)
    context.load_verify_locations(lab.ca_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def _listen_for_winrm(lab: Lab, host: str, machine: Machine, tls: ssl.SSLContext) -> web.AppRunner:
    """HTTP and HTTPS of one service: they share its shells."""
    application = winrm.application(machine, {ADMINISTRATOR: lab.secret("winrm")})
    runner = await listen(application, lab.addresses(host), lab.port("winrm"))
    for address in lab.addresses(host):
        site = web.TCPSite(runner, address, lab.port("winrm-https"), ssl_context=tls, reuse_address=True)
        await site.start()
    return runner
