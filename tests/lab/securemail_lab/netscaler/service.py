# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetScaler as a program: NITRO on the management address, the Gateway virtual server on another."""

from __future__ import annotations

from ..lab import Lab
from ..serve import Stop, listen
from .nitro import Nitro
from .store import HOST, Store
from .tunnel import Tunnel


async def serve(lab: Lab, host: str) -> Stop:
    """Listen on the management address and the virtual server's; ``host`` names the program alone."""
    nitro = Nitro(Store(lab))
    management = await listen(nitro.application(), lab.addresses(HOST), lab.port("https"), lab.server_tls(HOST))
    stop_tunnel = await Tunnel(lab).serve()

    async def stop() -> None:
        await stop_tunnel()
        await management.cleanup()

    return stop
