# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices as a program: every phone of the user."""

from __future__ import annotations

import asyncio
import contextlib

from ..lab import DEVICES, EXCHANGE_HOSTS, Lab
from ..serve import Stop
from .phone import Phone


async def serve(lab: Lab, host: str) -> Stop:
    """Switch on every phone, each with a mail server of its own; ``host`` names the program alone."""
    lives = [
        asyncio.create_task(Phone(lab, device, server).run())
        for device, server in zip(DEVICES, EXCHANGE_HOSTS, strict=True)
    ]

    async def stop() -> None:
        for life in lives:
            life.cancel()
        for life in lives:
            with contextlib.suppress(asyncio.CancelledError):
                await life

    return stop
