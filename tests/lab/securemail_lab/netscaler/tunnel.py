# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gateway virtual server: devices come in with user and password, and leave towards what they are authorized for.

Two requests over TLS: ``GET /vpn/settings`` says what goes through the tunnel; ``CONNECT name:port`` is one connection
through it. Each connection is authorized by address when it is opened, and leaves from the subnet IP address.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import http
import json

from ..lab import USER, Lab
from ..serve import Stop
from .authorization import Sessions
from .store import HOST, VIRTUAL, Store

_LONGEST_HEAD = 8192
_PATIENCE = 10.0


class Refused(Exception):
    """A request that is answered with a status and a reason, and no body."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(reason or http.HTTPStatus(status).phrase)
        self.status = status


class Tunnel:
    """One virtual server."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._sessions = Sessions(Store(lab))

    async def serve(self) -> Stop:
        server = await asyncio.start_server(
            self._serve_one,
            self._lab.address(VIRTUAL),
            self._lab.port("https"),
            ssl=self._lab.server_tls(VIRTUAL),
            limit=_LONGEST_HEAD,
        )

        async def stop() -> None:
            server.close()

        return stop

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, _blank, rest = head.partition(" ")
            user = self._user(head)
            if method == "CONNECT":
                source = writer.get_extra_info("peername")[0]
                await self._relay(user, source, rest.split(" ")[0], reader, writer)
            elif (method, rest.split(" ")[0]) == ("GET", "/vpn/settings"):
                body = json.dumps(self._sessions.settings(user)).encode()
                kind = "Content-Type: application/json\r\nConnection: close"
                writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            else:
                raise Refused(404)
        except Refused as refused:
            challenge = 'Proxy-Authenticate: Basic realm="Gateway"\r\n' if refused.status == 407 else ""
            answer = f"HTTP/1.1 {refused.status} {refused}\r\n{challenge}Connection: close\r\nContent-Length: 0\r\n\r\n"
            writer.write(answer.encode("ascii", "replace"))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who came in has gone, or speaks something else
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.drain(), _PATIENCE)
            writer.close()

    def _user(self, head: str) -> str:
        """The user who signs in; the directory knows one."""
        for line in head.split("\r\n")[1:]:
            name, _colon, value = line.partition(":")
            if name.lower() in ("authorization", "proxy-authorization"):
                with contextlib.suppress(ValueError, binascii.Error):
                    given = base64.b64decode(value.strip().removeprefix("Basic "))
                    if hmac.compare_digest(given, f"{USER}:{self._lab.secret('mailbox')}".encode()):
                        return USER
        raise Refused(407)

    async def _relay(
        self, user: str, source: str, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        name, _colon, port = target.rpartition(":")
        if not port.isdigit():
            raise Refused(400)
        outer_reader, outer_writer = await self._connect(user, source, name, int(port))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            ways = [
                asyncio.create_task(_pump(reader, outer_writer)),
                asyncio.create_task(_pump(outer_reader, writer)),
            ]
            _done, open_ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in open_ways:
                way.cancel()
        finally:
            outer_writer.close()

    async def _connect(
        self, user: str, source: str, name: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The first of a name's addresses that is allowed and answers."""
        try:
            addresses = self._lab.resolve(name)
        except OSError:
            raise Refused(502, f"{name} does not resolve") from None
        refusals = {address: self._sessions.refusal(user, source, address, port) for address in addresses}
        for address in (address for address, refusal in refusals.items() if not refusal):
            with contextlib.suppress(OSError, TimeoutError):
                opening = asyncio.open_connection(address, port, local_addr=(self._lab.address(HOST), 0))
                return await asyncio.wait_for(opening, self._lab.seconds(60))
        if all(refusals.values()):
            raise Refused(403, "; ".join(refusals.values()))
        raise Refused(502, f"{name} does not answer")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
