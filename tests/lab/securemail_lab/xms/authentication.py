# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login and logout of local users (3.3.1 and 3.3.3 of "Public API for REST Services", April 2021)."""

from __future__ import annotations

import hmac

from aiohttp import web

from .body import read_object
from .envelope import Refusal, page
from .sessions import Sessions
from .store import Store

LOGIN = "/authentication/login"
LOGOUT = "/authentication/logout"
#: The user whose session a request is in.
LOGIN_NAME = web.RequestKey("login_name", str)


class Authentication:
    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def routes(self, base: str) -> list[web.RouteDef]:
        return [web.post(base + LOGIN, self.login), web.post(base + LOGOUT, self.logout)]

    async def login(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        login, password = body.get("login"), body.get("password")
        if not isinstance(login, str) or not isinstance(password, str):
            raise Refusal("login and password are required")
        expected = self._store.password(login)
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise Refusal("The user name or the password is not correct", 401)
        if not self._store.may_use_api(login):
            return page("Forbidden", 403)
        return web.json_response({"auth_token": self._sessions.open(login)})

    async def logout(self, request: web.Request) -> web.Response:
        self._sessions.close(request.headers["Auth_token"])
        # A capital S and a sentence: the one answer without the usual envelope.
        return web.json_response({"Status": f"user {request[LOGIN_NAME]} logged out successfully."})
