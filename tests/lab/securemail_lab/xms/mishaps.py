# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on purpose between a client and the REST API: ``schedule`` of ``faults.json``.

Each entry of the list strikes once:

``kind``
    ``http-503`` (with ``retry_after``, seconds), ``http-500`` (a page, no JSON), ``html`` (a log-on page with HTTP
    200), ``reset`` (after ``bytes`` of the request's body, none by default), ``short`` (the connection ends within
    the answer), ``truncated`` (half of the JSON), ``strange`` (fields in another order, and some that nobody knows),
    ``slow`` (by ``seconds``), ``expired`` (every session ends before the request is judged).
``on``
    Method and beginning of the path below the API's base, e.g. ``PUT /application``; any request where it is not given.
``nth``
    The how many-th matching request it is; 1 by default.
``after``
    Whether the server acts on the request before the answer is spoilt; false by default.
"""

from __future__ import annotations

import asyncio
import json
import typing as t

from aiohttp import web

from ..mishaps import Entry, Turns, cut, hang_up
from ..state import JsonFile
from .envelope import page

#: Kinds that spoil the server's own answer, so that it must have acted first.
_SPOIL_ANSWERS = frozenset({"short", "truncated", "strange", "slow", "expired"})
KINDS = _SPOIL_ANSWERS | {"http-503", "http-500", "html", "reset"}
_PIECE = 1 << 14


class Mishaps:
    """The schedule of a server; what has struck is counted in a file beside it."""

    def __init__(self, faults: JsonFile) -> None:
        self._faults = faults
        self._turns = Turns(JsonFile(faults.path.with_name("mishaps.json")))

    def strikes(self, method: str, path: str) -> Entry:
        """The entry that strikes this request, or an empty one.

        :param path: below the API's base.
        :raises ValueError: an entry of an unknown kind.
        """
        schedule = self._faults.read().get("schedule", [])
        asked = f"{method} {path}"
        return self._turns.take(schedule, KINDS, lambda entry: asked.startswith(entry.get("on", "")))


def acts(mishap: Entry) -> bool:
    """Whether the server acts on the request."""
    return bool(mishap["kind"] in _SPOIL_ANSWERS or mishap.get("after"))


async def spoil(mishap: Entry, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """What the client gets in place of ``answer``."""
    kind = mishap["kind"]
    if kind == "http-503":
        answer = page("Service Unavailable", 503)
        if "retry_after" in mishap:
            answer.headers["Retry-After"] = str(mishap["retry_after"])
    elif kind == "http-500":
        answer = page("Internal Server Error", 500)
    elif kind == "html":
        answer = page("XenMobile log on", 200)
    elif kind == "reset":
        await _swallow(request, mishap.get("bytes", 0))
        await hang_up(request, reset=True)
    elif kind == "slow":
        await asyncio.sleep(mishap["seconds"])
    elif isinstance(answer, web.Response) and isinstance(answer.body, bytes):
        if kind == "short":
            return await cut(request, answer, answer.body)
        if kind == "truncated":
            answer.body = answer.body[: len(answer.body) // 2]
        elif kind == "strange" and answer.content_type == "application/json":
            answer.body = json.dumps(_strange(json.loads(answer.body))).encode()
    return answer


async def _swallow(request: web.Request, count: int) -> None:
    while count > 0 and (piece := await request.content.read(min(count, _PIECE))):
        count -= len(piece)


def _strange(document: t.Any) -> t.Any:
    if isinstance(document, list):
        return [_strange(item) for item in document]
    if not isinstance(document, dict):
        return document
    known = {name: _strange(document[name]) for name in reversed(document)}
    return {"labUnknown": {"nested": [1, None]}, **known, "labUnknownText": ""}
