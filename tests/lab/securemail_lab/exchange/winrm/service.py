# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side of WinRM: ``POST /wsman``, authentication per connection, sealed or plain bodies, faults as 500."""

from __future__ import annotations

import asyncio
import ssl
import typing as t
import weakref

from aiohttp import web

from ..accounts import Accounts, Denied
from ..machine import Machine
from .mishaps import ACCESS_DENIED, Mishap, Schedule
from .operations import Operations
from .sealing import BadSeal, protocol_of
from .security import SCHEMES, SealedConnection
from .settings import SIGNING_IN, UNREADABLE, Settings, count_request, read_settings
from .soap import Fault, NotSoap, Request, fault_reply

PLAIN_TYPE = "application/soap+xml;charset=UTF-8"
#: In place of credentials: "I am who my TLS certificate says" (DSP0226, annex C).
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
#: Windows' MaxEnvelopeSizekb, 500, with room for the sealed form.
_LARGEST_BODY = 520 * 1024


def application(machine: Machine, users: t.Mapping[str, str]) -> web.Application:
    """The WinRM service of a machine; a plain and a TLS site of one runner share its shells.

    ``users`` maps account (``DOMAIN\\user``) to password. Settings and faults are in ``winrm.json`` of its state;
    a keytab and ``krb5.conf`` there let it take Kerberos tickets (``securemail_lab.kerberos``).
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
        self._schedule = Schedule(machine)
        self._connections: weakref.WeakKeyDictionary[asyncio.Transport, SealedConnection] = weakref.WeakKeyDictionary()

    async def close(self, app: web.Application) -> None:
        self._operations.close()

    async def handle(self, http: web.Request) -> web.StreamResponse:
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
    ) -> tuple[web.StreamResponse, str]:
        """The answer, and what the request was, for the count."""
        connection = self._connections.setdefault(transport, SealedConnection(self._accounts))
        try:
            user, challenge = self._authenticate(http, connection, settings)
        except Denied as denied:
            return _challenge(settings, denied.challenge), SIGNING_IN
        headers = {"WWW-Authenticate": challenge} if challenge else {}
        protocol = protocol_of(http.headers.get("Content-Type", ""))
        if not content:
            return web.Response(headers=headers), SIGNING_IN
        if not protocol and not http.secure and not settings.allow_unencrypted:
            return web.Response(status=500, headers=headers), UNREADABLE
        try:
            request = Request.parse(connection.unseal(content) if protocol else content)
        except (BadSeal, NotSoap):
            return web.Response(status=400, headers=headers), UNREADABLE
        mishap = self._schedule.strikes(settings.schedule, request)
        status, answer = await self._answer(request, user, settings, mishap)
        if mishap and mishap.kind == "unauthorized":
            connection.forget()
            return _challenge(settings, ""), SIGNING_IN
        headers["Content-Type"] = PLAIN_TYPE
        if protocol:
            headers["Content-Type"], answer = connection.seal(protocol, answer)
        response = web.Response(status=status, body=answer, headers=headers)
        return await mishap.spoil(http, response) if mishap else response, request.action.rpartition("/")[2]

    def _authenticate(self, http: web.Request, connection: SealedConnection, settings: Settings) -> tuple[str, str]:
        """The user, and what WWW-Authenticate says beside success."""
        credentials = http.headers.get("Authorization", "")
        if credentials == MUTUAL:
            return self._of_certificate(http, settings), ""
        scheme, _separator, token = credentials.partition(" ")
        scheme = scheme.lower()
        if scheme == "basic":
            if not settings.basic or not (http.secure or settings.allow_unencrypted):
                raise Denied
            return self._accounts.basic(token), ""
        if scheme in SCHEMES and (scheme != "credssp" or settings.credssp):
            challenge = connection.negotiate(SCHEMES[scheme], token.strip())
            return connection.user, challenge
        if not connection.user:
            raise Denied
        return connection.user, ""

    def _of_certificate(self, http: web.Request, settings: Settings) -> str:
        tls = http.get_extra_info("ssl_object")
        if not settings.certificate or not isinstance(tls, ssl.SSLObject):
            raise Denied
        authorities = tls.context.get_ca_certs(binary_form=True)
        return self._accounts.of_certificate(
            tls.getpeercert(binary_form=True), authorities, settings.certificate_mappings
        )

    async def _answer(
        self, request: Request, user: str, settings: Settings, mishap: Mishap | None
    ) -> tuple[int, bytes]:
        try:
            if mishap and not mishap.after:
                await self._befall(mishap, user)
            answer = b""
            if not mishap or mishap.acts:
                if not self._accounts.knows(user):
                    raise Fault("w:AccessDenied", ACCESS_DENIED, "Access is denied.")
                answer = await self._operations.answer(request, user, settings)
            if mishap and mishap.after:
                await self._befall(mishap, user)
            return 200, answer
        except Fault as fault:
            return 500, fault_reply(request.message_id, fault, self._machine.name)

    async def _befall(self, mishap: Mishap, user: str) -> None:
        """What a mishap does besides the answer that it spoils.

        :raises Fault: in place of the service's own answer.
        """
        await asyncio.sleep(mishap.seconds)
        if mishap.kind == "shell-lost":
            self._operations.lose_shells(user)
        fault = mishap.fault()
        if fault:
            raise fault


def _challenge(settings: Settings, token: str) -> web.Response:
    response = web.Response(status=401)
    if token:
        response.headers.add("WWW-Authenticate", token)
        return response
    offered = [
        "Negotiate",
        *(['Basic realm="WSMAN"'] if settings.basic else []),
        *(["CredSSP"] if settings.credssp else []),
    ]
    for scheme in offered:
        response.headers.add("WWW-Authenticate", scheme)
    return response
