# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Site "Default Web Site": IIS's rules for the client's TLS connection, authentication, and HttpProxy.

The 413 rule is Microsoft's (TechNet cc737382, OfficeDocs-Exchange 1819): a client certificate is asked for when the
request is there, so its body must fit into uploadReadAheadSize, unless the client waits for "100 Continue".
"""

from __future__ import annotations

import math
import typing as t

import aiohttp
from aiohttp import web

from ...lab import Lab
from ..accounts import Denied
from ..iis import Iis, IisError
from ..machine import Machine
from ..mailbox import Mailboxes
from .authentication import USER_HEADER, SignIn, certificate_user, client_certificate, machine_authorization
from .pages import EXCHANGE_ASMX, LARGEST_CONTENT, bad_configuration, dated, error_page
from .starting import unable_to_serve

FRONT_END = "Default Web Site/EWS"
SSL_NEGOTIATE_CERT, SSL_REQUIRE_CERT = 32, 64
_HEALTH_CHECK = "/ews/healthcheck.htm"
_BACK_END_SECONDS = 30.0


def application(lab: Lab, machine: Machine, mailboxes: Mailboxes) -> web.Application:
    """The front end's EWS on one host."""
    app = web.Application(client_max_size=LARGEST_CONTENT)
    app.on_response_prepare.append(dated(machine))
    app.router.add_route("*", "/{path:.*}", _FrontEnd(lab, machine, mailboxes).handle)
    return app


class _FrontEnd:
    def __init__(self, lab: Lab, machine: Machine, mailboxes: Mailboxes) -> None:
        self._lab = lab
        self._machine = machine
        self._mailboxes = mailboxes
        self._sign_in = SignIn(lab, machine)

    async def handle(self, request: web.Request) -> web.Response:
        unable = unable_to_serve(self._machine, FRONT_END)
        if unable is not None:
            return unable
        iis = Iis(self._machine)
        try:
            flags, read_ahead = iis.ssl_flags(FRONT_END), iis.upload_read_ahead_size(FRONT_END)
            offered = iis.sign_in_schemes(FRONT_END)
        except IisError:
            return bad_configuration()
        if not request.path.lower().startswith("/ews/"):
            return error_page(404, "404 - File or directory not found.")
        asks_for_certificate = bool(flags & (SSL_NEGOTIATE_CERT | SSL_REQUIRE_CERT))
        if asks_for_certificate and _pending_bytes(request) > read_ahead:
            refusal = error_page(413, "HTTP Error 413.0 - Request Entity Too Large")
            refusal.force_close()
            return refusal
        certificate = client_certificate(request) if asks_for_certificate else None
        if flags & SSL_REQUIRE_CERT and certificate is None:
            return error_page(403, "403.7 - Forbidden: Client certificate required.")
        if (request.content_length or 0) > LARGEST_CONTENT:
            return error_page(404, "404.13 - Content length too large.")
        if request.path.lower() == _HEALTH_CHECK:
            name = self._lab.name(self._machine.name)
            return web.Response(text=f"200 OK<br/>{name}", content_type="text/html")
        content = await request.read()
        user, answer = certificate_user(certificate, self._mailboxes) if certificate else None, ""
        if user is None:
            try:
                user, answer = self._sign_in.user(request, offered)
            except Denied as denied:
                return self._unauthorized([denied.challenge] if denied.challenge else offered)
        if request.path.lower() != EXCHANGE_ASMX:
            return error_page(404, "404 - File or directory not found.")
        response = await self._proxy(request, user, content)
        if answer:
            response.headers["WWW-Authenticate"] = answer
        return response

    def _unauthorized(self, challenges: t.Iterable[str]) -> web.Response:
        response = error_page(401, "401 - Unauthorized: Access is denied due to invalid credentials.")
        realm = f' realm="{self._lab.name(self._machine.name)}"'
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge + (realm if challenge == "Basic" else ""))
        return response

    async def _proxy(self, request: web.Request, user: str, content: bytes) -> web.Response:
        """Hand the request to the back end of the host that has the mailbox."""
        lab = self._lab
        target = lab.url(self._mailboxes.active_host(), "exchange-backend", "/EWS/Exchange.asmx")
        authorization = machine_authorization(lab, self._machine.name)
        headers = {
            "Authorization": authorization,
            USER_HEADER: user,
            "Content-Type": request.headers.get("Content-Type", ""),
        }
        connector = aiohttp.TCPConnector(resolver=lab.resolver(), ssl=lab.client_tls())
        timeout = aiohttp.ClientTimeout(total=_BACK_END_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(request.method, target, data=content, headers=headers) as answer,
            ):
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    headers={
                        "Content-Type": answer.headers.get("Content-Type", "text/html"),
                        "X-FEServer": self._machine.name.upper(),
                        "X-BEServer": answer.headers.get("X-BEServer", ""),
                    },
                )
        except (aiohttp.ClientError, TimeoutError):
            return error_page(503, "503 - Service Unavailable: the back end does not answer.")


def _pending_bytes(request: web.Request) -> float:
    """How much body waits while IIS asks for the certificate; without a Content-Length, nobody knows how much."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        return 0
    return math.inf if request.content_length is None and request.body_exists else request.content_length or 0
