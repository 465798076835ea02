# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XenMobile Server as a program: the REST API on 4443, device check-in on 8443."""

from __future__ import annotations

from ..lab import Lab
from ..serve import Stop, listen
from . import api, checkin
from .store import Store


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on all addresses of ``host``."""
    store = Store(lab)
    tls = lab.server_tls(host)
    runners = [
        await listen(api.application(store), lab.addresses(host), lab.port("xms"), tls),
        await listen(checkin.application(store), lab.addresses(host), lab.port("xms-device"), tls),
    ]

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()

    return stop
