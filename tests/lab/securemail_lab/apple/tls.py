# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of TLS over asyncio's streams, which tells a refused client why: asyncio's own drops the alert.

Source: RFC 5246, section 7.2.2 (error alerts).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import typing as t

_CHUNK = 65536
_PATIENCE = 1.0  # seconds that a refused client has to read why

ResultT = t.TypeVar("ResultT")


class TlsStream:
    """One connection. Reading and writing may not overlap with themselves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> bytes:
        """Returns the client's certificate in DER.

        :raises ssl.SSLError: the client is not let in; it was told.
        """
        try:
            await self._until_done(self._tls.do_handshake)
        except ssl.SSLError:
            await self._flush()  # the alert
            await self._let_it_be_read()
            raise
        certificate = self._tls.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate

    async def read(self) -> bytes:
        """What the client said; empty once it has hung up."""
        try:
            return await self._until_done(lambda: self._tls.read(_CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def write(self, content: bytes) -> None:
        if content:
            self._tls.write(content)
            await self._flush()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._writer.wait_closed()

    async def _until_done(self, act: t.Callable[[], ResultT]) -> ResultT:
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                await self._flush()
                content = await self._reader.read(_CHUNK)
                if content:
                    self._incoming.write(content)
                else:
                    self._incoming.write_eof()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        self._writer.write(self._outgoing.read())
        await self._writer.drain()

    async def _let_it_be_read(self) -> None:
        """A socket closed over unread data resets the connection, and the alert with it."""
        with contextlib.suppress(OSError, TimeoutError):
            self._writer.write_eof()
            async with asyncio.timeout(_PATIENCE):
                while await self._reader.read(_CHUNK):
                    pass
