# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple as a program: the developer portal and its two APIs, APNs and its courier."""

from __future__ import annotations

from ..lab import Lab
from ..serve import Stop, listen
from . import developer_portal
from .apns import Apns
from .courier import Courier
from .developer_api.api import application
from .developer_api.team import APIS, Team
from .tokens import Tokens


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on the addresses of each; ``host`` names the program alone."""
    tokens = Tokens(lab)
    courier = Courier(tokens)
    sites = {"apple-ca": developer_portal.application(lab)} | {
        api.host: application(Team(lab, api)) for api in APIS if lab.server_certificate(api.host)[0].exists()
    }
    runners = [
        await listen(site, lab.addresses(name), lab.port("https"), lab.server_tls(name)) for name, site in sites.items()
    ]
    servers = [await courier.serve(lab, "apns"), await Apns(lab, tokens, courier).serve("apns")]

    async def stop() -> None:
        for server in servers:
            server.close()
        courier.close()
        for runner in runners:
            await runner.cleanup()

    return stop
