# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push service as a program: three regions and the portal."""

from __future__ import annotations

from ..lab import REGIONS, Lab
from ..serve import Stop, listen
from . import portal, registration
from .accounts import Accounts
from .listener import Listener
from .registrations import Registrations


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on the addresses of portal, listeners and registration services; ``host`` names the program alone."""
    accounts = Accounts(lab)
    applications = {"portal": portal.application(lab, accounts)}
    listeners = []
    for region in REGIONS:
        registrations = Registrations(lab, region)
        listener = Listener(lab, region, accounts, registrations)
        listeners.append(listener)
        applications[f"listener-{region}"] = listener.application()
        applications[f"registration-{region}"] = registration.application(lab, region, accounts, registrations)
    runners = [
        await listen(application, lab.addresses(name), lab.port("https"), lab.server_tls(name))
        for name, application in applications.items()
    ]

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()
        for listener in listeners:
            await listener.close()

    return stop
