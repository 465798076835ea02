# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side of WinRM: ``POST /wsman``, authentication per connection, sealed or plain bodies, faults as 500."""

from __future__ import annotations

import asyncio
import typing as t
import weakref

from aiohttp import web

from ..machine import Machine
from .operations import Operations
from .security import ENCRYPTED_TYPE, Accounts, BadSeal, Connection, Denied
from .settings import SIGNING_IN, UNREADABLE, Settings, count_request, read_settings
from .soap import Fault, NotSoap, Request, fault_reply

PLAIN_TYPE = "application/soap+xml;charset=UTF-8"
#: Windows' MaxEnvelopeSizekb, 500, with room for the sealed form.
_LARGEST_BODY = 520 * 1024


def application(machine: Machine, users: t.Mapping[str, str]) -> web.Application:
    """The WinRM service of a machine; a plain and a TLS site of one runner share its shells.

    ``users`` maps account (``DOMAIN\\user``) to password. Settings and faults are in ``winrm.json`` of its state.
    """
    service = _Service(machine, users)
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_post("/wsman", service.handle)
    app.on_cleanup.append(service.close)
    return app


class _Service:
    def __init__(self, machine: Machine, users: t.Mapping[str, str]) -> None:
        self._machine = machine
        self._accounts = Accounts(machine, users)
        self._operations = Operations(machine)
        self._connections: weakref.WeakKeyDictionary[asyncio.Transport, Connection] = weakref.WeakKeyDictionary()

    async def close(self, app: web.Application) -> None:
        self._operations.close()

    async def handle(self, http: web.Request) -> web.Response:
        content = await http.read()
        settings = read_settings(self._machine)
        transport = http.transport
        if transport is None or settings.down:
            if transport is not None:
                transport.abort()
            return web.Response(status=503)
        response, kind = await self._response(http, content, transport, settings)
        count_request(self._machine, kind, len(content))
        return response

    async def _response(
        self, http: web.Request, content: bytes, transport: asyncio.Transport, settings: Settings
    ) -> tuple[web.Response, str]:
        """The answer, and what the request was, for the count."""
        connection = self._connections.setdefault(transport, Connection(self._accounts))
        try:
            user, token = self._authenticate(http, connection, settings)
        except Denied as denied:
            return _challenge(settings, denied.challenge), SIGNING_IN
        headers = {"WWW-Authenticate": f"Negotiate {token}"} if token else {}
        sealed = http.content_type == "multipart/encrypted"
        if not content:
            return web.Response(headers=headers), SIGNING_IN
        if not sealed and not http.secure and not settings.allow_unencrypted:
            return web.Response(status=500, headers=headers), UNREADABLE
        try:
            request = Request.parse(connection.unseal(content) if sealed else content)
        except (BadSeal, NotSoap):
            return web.Response(status=400, headers=headers), UNREADABLE
        status, answer = await self._answer(request, user, settings)
        headers["Content-Type"] = ENCRYPTED_TYPE if sealed else PLAIN_TYPE
        body = connection.seal(answer) if sealed else answer
        return web.Response(status=status, body=body, headers=headers), request.action.rpartition("/")[2]

    def _authenticate(self, http: web.Request, connection: Connection, settings: Settings) -> tuple[str, str]:
        scheme, _separator, credentials = http.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            if not settings.basic or not (http.secure or settings.allow_unencrypted):
                raise Denied
            return self._accounts.basic(credentials), ""
        if scheme.lower() in ("negotiate", "ntlm"):
            token = connection.negotiate(credentials.strip())
            return connection.user, token
        if not connection.user:
            raise Denied
        return connection.user, ""

    async def _answer(self, request: Request, user: str, settings: Settings) -> tuple[int, bytes]:
        try:
            return 200, await self._operations.answer(request, user, settings)
        except Fault as fault:
            return 500, fault_reply(request.message_id, fault, self._machine.name)


def _challenge(settings: Settings, token: str) -> web.Response:
    response = web.Response(status=401)
    response.headers.add("WWW-Authenticate", f"Negotiate {token}".strip())
    if settings.basic and not token:
        response.headers.add("WWW-Authenticate", 'Basic realm="WSMAN"')
    return response
