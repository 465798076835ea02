# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login and logout (3.3.1 to 3.3.3 of "Public API for REST Services", April 2021; 3.4.3 of October 2016).

Local users log in everywhere. A server of Citrix Cloud also takes a client's bearer token (``/login/cloud``, 2021) or
a service key with the customer's name (``/cwclogin``, 2016); a server on premises has neither address.
"""

from __future__ import annotations

import hmac

from aiohttp import web

from . import permissions
from .body import read_object
from .envelope import Refusal, page
from .sessions import Sessions
from .store import Store

LOGIN = "/authentication/login"
LOGIN_CLOUD = "/authentication/login/cloud"
LOGIN_SERVICE_KEY = "/authentication/cwclogin"
LOGOUT = "/authentication/logout"
LOGINS = (LOGIN, LOGIN_CLOUD, LOGIN_SERVICE_KEY)
#: The user whose session a request is in.
LOGIN_NAME = web.RequestKey("login_name", str)
_SERVICE = "CWSAuth service="


class Authentication:
    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def routes(self, base: str) -> list[web.RouteDef]:
        return [
            web.post(base + LOGIN, self.login),
            web.post(base + LOGIN_CLOUD, self.login_cloud),
            web.post(base + LOGIN_SERVICE_KEY, self.login_service_key),
            web.post(base + LOGOUT, self.logout),
        ]

    async def login(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        login, password = body.get("login"), body.get("password")
        if not isinstance(login, str) or not isinstance(password, str):
            raise Refusal("login and password are required")
        return self._open(login, self._store.password(login), password)

    async def login_cloud(self, request: web.Request) -> web.Response:
        cloud = self._cloud("2021")
        token = (await read_object(request)).get("bearerToken")
        if not isinstance(token, str):
            raise Refusal("bearerToken is required")
        return self._open(cloud["login"], self._store.secret(cloud["secret"]), token)

    async def login_service_key(self, request: web.Request) -> web.Response:
        cloud = self._cloud("2016")
        body = await read_object(request)
        header = request.headers.get("Authorization", "")
        if not header.startswith(_SERVICE):
            raise Refusal("Authorization: CWSAuth service=<key> is required", 401)
        if body.get("context") not in ("customer", "cloud") or not isinstance(body.get("customerId"), str):
            raise Refusal("context (customer or cloud) and customerId are required")
        expected = self._store.secret(cloud["secret"]) if body.get("customerId") == cloud["customer"] else None
        return self._open(cloud["login"], expected, header.removeprefix(_SERVICE))

    async def logout(self, request: web.Request) -> web.Response:
        self._sessions.close(request.headers["Auth_token"])
        # A capital S and a sentence: the one answer without the usual envelope.
        return web.json_response({"Status": f"user {request[LOGIN_NAME]} logged out successfully."})

    def _cloud(self, generation: str) -> dict[str, str]:
        cloud = self._store.cloud
        if not cloud or self._store.generation != generation:
            raise web.HTTPNotFound
        return cloud

    def _open(self, login: str, expected: str | None, given: str) -> web.Response:
        known = expected is not None and hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
        if not known:
            raise Refusal("The user name or the password is not correct", 401)
        if not self._store.may(login, {permissions.API}):
            return page("Forbidden", 403)
        return web.json_response({"auth_token": self._sessions.open(login)})
