# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices as a program: every phone of the user."""

from __future__ import annotations

import asyncio
import logging

from ..lab import DEVICES, EXCHANGE_HOSTS, Lab
from ..serve import Stop
from .phone import Phone

_log = logging.getLogger(__name__)


async def serve(lab: Lab, host: str) -> Stop:
    """Switch on every phone, each with a mail server of its own; ``host`` names the program alone."""
    lives = [
        asyncio.create_task(Phone(lab, device, server).run(), name=device)
        for device, server in zip(DEVICES, EXCHANGE_HOSTS, strict=True)
    ]
    for life in lives:
        life.add_done_callback(_ended)

    async def stop() -> None:
        for life in lives:
            life.cancel()
        await asyncio.wait(lives)

    return stop


def _ended(life: asyncio.Task[None]) -> None:
    """A phone that died of a broken state file would be silent for ever: say why in the program's log."""
    if not life.cancelled() and (error := life.exception()) is not None:
        _log.error("%s is dead", life.get_name(), exc_info=error)
