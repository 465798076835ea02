# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The courier: a device's standing connection, over which its pushes arrive.

The real protocol between a device and Apple is private. Here a device opens TLS, sends one line
``{"token", "bundle_id"}``, and receives one line ``{"payload", "headers"}`` a push.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from ..lab import Lab
from .tokens import Push, Tokens


class Courier:
    """Devices that are connected now."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._connected: dict[str, asyncio.StreamWriter] = {}

    async def serve(self, lab: Lab, host: str) -> asyncio.Server:
        return await asyncio.start_server(
            self._attend, lab.addresses(host), lab.port("courier"), ssl=lab.server_tls(host)
        )

    def close(self) -> None:
        """Hang up on every device."""
        for writer in self._connected.values():
            writer.close()

    async def bring(self, token: str, push: Push) -> None:
        """Hand a push to the device, or keep it until the device is back."""
        writer = self._connected.get(token)
        if writer is not None and not writer.is_closing():
            with contextlib.suppress(ConnectionError):
                await _send(writer, push)
                return
        self._tokens.keep(token, push)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token = ""
        try:
            greeting = json.loads(await reader.readline())
            token, bundle_id = str.lower(greeting["token"]), str.strip(greeting["bundle_id"])
            waiting = self._tokens.announce(token, bundle_id)
            self._connected[token] = writer
            if waiting is not None:
                await _send(writer, waiting)
            await reader.read()  # a device says nothing more; this ends when it hangs up
        except (ValueError, LookupError, TypeError, ConnectionError):
            pass  # not a device, or gone
        finally:
            if self._connected.get(token) is writer:
                del self._connected[token]
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, push: Push) -> None:
    writer.write(json.dumps(push).encode() + b"\n")
    await writer.drain()
