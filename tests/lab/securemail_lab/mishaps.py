# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules of mishaps on disk, whose entries strike once each, and the ways to end a connection badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import typing as t

from aiohttp import web

from .state import JsonFile

Entry = t.Mapping[str, t.Any]


class Turns:
    """How many requests each entry of a schedule has seen, kept in a file; another schedule starts anew."""

    def __init__(self, seen: JsonFile) -> None:
        self._seen = seen

    def take(self, schedule: t.Sequence[Entry], kinds: t.Collection[str], concerns: t.Callable[[Entry], bool]) -> Entry:
        """The first entry whose turn it is, or an empty one; every entry that the request concerns has seen it then.

        :raises ValueError: an entry of an unknown kind.
        """
        for entry in schedule:
            if entry["kind"] not in kinds:
                raise ValueError(f"unknown mishap {entry['kind']}, expected one of {', '.join(sorted(kinds))}")
        if not schedule:
            return {}
        struck: Entry = {}
        with self._seen.edit() as document:
            if document.get("schedule") != list(schedule):
                document |= {"schedule": list(schedule), "seen": [0] * len(schedule)}
            for number, entry in enumerate(schedule):
                if not concerns(entry):
                    continue
                document["seen"][number] += 1
                if not struck and document["seen"][number] == entry.get("nth", 1):
                    struck = entry
        return struck


async def hang_up(http: web.Request, *, reset: bool) -> None:
    """End the connection at once, or only this side of it, and the other a moment later."""
    transport = http.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if reset:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            socket.socket.shutdown(_own(raw), socket.SHUT_WR)
            await asyncio.sleep(0.2)
    transport.abort()


def _own(raw: t.Any) -> socket.socket:
    """The socket behind asyncio's view of it, which has no ``shutdown``."""
    own: socket.socket = raw._sock
    return own


async def cut(http: web.Request, answer: web.Response, body: bytes) -> web.StreamResponse:
    """Announce the whole body, send half of it, and end the connection."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(body) + 1
    await response.prepare(http)
    await response.write(body[: len(body) // 2])
    if http.transport is not None:
        http.transport.close()
    return response
