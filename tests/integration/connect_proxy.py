# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP proxy on loopback that passes connections on (RFC 9110, CONNECT) for one user."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
import types

_LONGEST_START = 10.0  # seconds


class ConnectProxy:
    """Listens while it is entered.

    :ivar asked: every ``host:port`` that it connected to.
    """

    def __init__(self, username: str, password: str) -> None:
        self._expected = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self.asked: list[str] = []
        self.port = 0

    def __enter__(self) -> ConnectProxy:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._attend, "127.0.0.1"), self._loop)
        self._server = starting.result(_LONGEST_START)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | types.TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_LONGEST_START)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LONGEST_START)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _version = first.split()
            given = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
            if method != "CONNECT" or given.get("proxy-authorization") != self._expected:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return
            self.asked.append(target)
            host, _colon, port = target.rpartition(":")
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            with contextlib.closing(far_writer):
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
        writer.write_eof()
