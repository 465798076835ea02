# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple as a program: the developer portal, APNs and its courier."""

from __future__ import annotations

from ..lab import Lab
from ..serve import Stop, listen
from . import developer_portal
from .apns import Apns
from .courier import Courier
from .tokens import Tokens


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on the addresses of ``apple-ca`` and ``apns``; ``host`` names the program alone."""
    tokens = Tokens(lab)
    courier = Courier(tokens)
    portal = await listen(
        developer_portal.application(lab), lab.addresses("apple-ca"), lab.port("https"), lab.server_tls("apple-ca")
    )
    servers = [await courier.serve(lab, "apns"), await Apns(lab, tokens, courier).serve("apns")]

    async def stop() -> None:
        for server in servers:
            server.close()
        courier.close()
        await portal.cleanup()

    return stop
