# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API as one application: faults first, then the session, then the role, then the request itself."""

from __future__ import annotations

import typing as t

from aiohttp import web

from . import mishaps, permissions
from .applications import Applications
from .authentication import LOGIN_NAME, LOGINS, Authentication
from .delivering import DeliveryGroups
from .envelope import Refusal, failure, page
from .keystores import Keystores
from .packages import Packages
from .properties import ServerProperties
from .sessions import Sessions
from .store import Store

BASE_PATH = "/xenmobile/api/v1"
TOKEN_HEADER = "Auth_token"

Handler = t.Callable[[web.Request], t.Awaitable[web.StreamResponse]]


def application(store: Store) -> web.Application:
    """The API of one server."""
    sessions = Sessions(store)
    schedule = mishaps.Mishaps(store.faults_file)

    @web.middleware
    async def mishap(request: web.Request, handler: Handler) -> web.StreamResponse:
        struck = schedule.strikes(request.method, request.path.removeprefix(BASE_PATH))
        if not struck:
            return await handler(request)
        if struck["kind"] == "expired":
            sessions.close_all()
        answer = await handler(request) if mishaps.acts(struck) else web.Response()
        return await mishaps.spoil(struck, request, answer)

    @web.middleware
    async def faults(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = store.faults.take()
        if fault.get("down"):
            return page("Service Unavailable", 503)
        if fault.get("html"):
            return page("XenMobile log on", 200)
        if fault.get("expire_sessions"):
            sessions.close_all()
        if fault.get("status") and not request.path.startswith(f"{BASE_PATH}/authentication/"):
            return failure(str(fault.get("message", "Operation failed")), 200, int(fault["status"]))
        return await handler(request)

    @web.middleware
    async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return failure(str(refusal), refusal.http)
        except web.HTTPError as error:
            answer = page(error.reason, error.status)
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
            return answer

    @web.middleware
    async def session(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix(BASE_PATH)
        if request.match_info.http_exception is not None or path in LOGINS:
            return await handler(request)
        login = sessions.use(request.headers.get(TOKEN_HEADER, ""))
        if login is None:
            raise Refusal("The session is not valid or has expired", 401)
        if not store.may(login, permissions.needed(path)):
            return page("Forbidden", 403)
        request[LOGIN_NAME] = login
        return await handler(request)

    service = web.Application(middlewares=[mishap, faults, refusals, session])
    service.add_routes(Authentication(store, sessions).routes(BASE_PATH))
    for part in (Applications, Packages, DeliveryGroups, ServerProperties, Keystores):
        service.add_routes(part(store).routes(BASE_PATH))
    return service
