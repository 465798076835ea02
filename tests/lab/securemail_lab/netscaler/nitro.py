# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NITRO as one application: faults first, then the session, then the command policy, then the request itself."""

from __future__ import annotations

import asyncio
import json
import re
import typing as t
import urllib.parse

from aiohttp import web

from . import envelope
from .configuration import Configuration
from .resources import BONDS, KINDS
from .sessions import Sessions
from .showing import NOUNS, show
from .store import Json, Store

BASE_PATH = "/nitro/v1/config"
COOKIE = "NITRO_AUTH_TOKEN"
_ACTIONS = {("nsacls", "apply"): "apply ns acls", ("nsconfig", "save"): "save ns config"}

Handler = t.Callable[[web.Request], t.Awaitable[web.StreamResponse]]


class Nitro:
    """The requests of one NetScaler's API."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sessions = Sessions(store)
        self._configuration = Configuration(store)

    def application(self) -> web.Application:
        service = web.Application(middlewares=[self._faults, self._refusals])
        service.add_routes(
            [
                web.post(f"{BASE_PATH}/login", self._login),
                web.post(f"{BASE_PATH}/logout", self._logout),
                web.get(BASE_PATH + "/{resource}", self._get),
                web.get(BASE_PATH + "/{resource}/{name}", self._get),
                web.post(BASE_PATH + "/{resource}", self._post),
                web.put(BASE_PATH + "/{resource}", self._put),
                web.delete(BASE_PATH + "/{resource}/{name}", self._delete),
            ]
        )
        return service

    @web.middleware
    async def _faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        line = f"{request.method} {request.path.removeprefix(BASE_PATH + '/')}"
        if not line.startswith(str(self._store.faults.peek().get("only", ""))):
            return await handler(request)
        fault = self._store.faults.take()
        await asyncio.sleep(float(fault.get("seconds", 0)))
        if fault.get("down"):
            return envelope.page("Http/1.1 Service Unavailable", 503)
        if fault.get("html"):
            return envelope.page("NetScaler Gateway", 200)
        if fault.get("expire_sessions"):
            self.sessions.close_all()
        if fault.get("errorcode") and not line.endswith(("login", "logout")):
            code, message = int(fault["errorcode"]), str(fault.get("message", "Operation failed"))
            return envelope.failure(envelope.Refusal(code, message, int(fault.get("http", 599))))
        return await handler(request)

    @web.middleware
    async def _refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except envelope.Refusal as refusal:
            return envelope.failure(refusal)
        except web.HTTPError as error:
            return envelope.page(error.reason, error.status)

    async def _login(self, request: web.Request) -> web.Response:
        given = (await _body(request)).get("login")
        if not isinstance(given, dict):
            raise envelope.missing("username")
        token = self.sessions.open(self.sessions.check(given.get("username"), given.get("password")))
        answer = envelope.success(201, sessionid=token)
        answer.set_cookie(COOKIE, urllib.parse.quote(token, safe=""), path="/nitro/v1", secure=True, httponly=True)
        return answer

    async def _logout(self, request: web.Request) -> web.Response:
        self._user(request)
        self.sessions.close(_token(request))
        return envelope.success(201)

    def _user(self, request: web.Request) -> str:
        """Who asks: by session, or by the two headers for this one request."""
        if "X-NITRO-USER" in request.headers:
            return self.sessions.check(request.headers["X-NITRO-USER"], request.headers.get("X-NITRO-PASS", ""))
        return self.sessions.use(_token(request))

    def _authorize(self, request: web.Request, command: str) -> None:
        """Command policies are regular expressions over commands, in any case; what none allows is denied."""
        if not re.match(self._store.commands(self._user(request)), command, re.IGNORECASE):
            raise envelope.Refusal(2138, "Not authorized to execute this command", 403)

    async def _get(self, request: web.Request) -> web.Response:
        resource, name = _resource(request), _name(request)
        self._authorize(request, f"show {NOUNS.get(resource, resource)} {name}".rstrip())
        found = show(self._store, resource, name)
        return envelope.success(**({} if found is None else {resource: found}))

    async def _post(self, request: web.Request) -> web.Response:
        resource, action = _resource(request), request.query.get("action", "")
        fields = (await _body(request)).get(resource)
        if not isinstance(fields, dict):
            raise envelope.missing(resource)
        if action:
            command = _ACTIONS.get((resource, action))
            self._authorize(request, command or f"{action} {resource}")
            if command is None:
                raise envelope.no_such(f"{resource}, {action}")
            if resource == "nsacls":
                self._store.apply_acls()
            else:
                self._store.save()
            return envelope.success()
        if resource in BONDS:
            return self._bind(request, resource, fields)
        kind = _writable(resource)
        self._authorize(request, f"add {kind.noun} {fields.get(kind.key, '')}")
        self._configuration.add(resource, fields)
        return envelope.success(201)

    async def _put(self, request: web.Request) -> web.Response:
        resource = _resource(request)
        fields = (await _body(request)).get(resource)
        if not isinstance(fields, dict):
            raise envelope.missing(resource)
        if resource in BONDS:
            return self._bind(request, resource, fields)
        kind = _writable(resource)
        self._authorize(request, f"set {kind.noun} {fields.get(kind.key, '')}")
        self._configuration.change(resource, fields)
        return envelope.success()

    def _bind(self, request: web.Request, resource: str, fields: Json) -> web.Response:
        bond = BONDS[resource]
        self._authorize(request, f"bind {bond.noun} {fields.get(bond.parent_field)} -policy {fields.get('policy')}")
        if not bond.is_writable:
            raise envelope.Refusal(339, "Feature is not implemented", 599)
        self._configuration.bind(resource, fields)
        return envelope.success(201)

    async def _delete(self, request: web.Request) -> web.Response:
        resource, name = _resource(request), _name(request)
        if resource in BONDS:
            bond = BONDS[resource]
            child = _arguments(request).get(bond.child_field, "")
            self._authorize(request, f"unbind {bond.noun} {name} -policy {child}")
            self._configuration.unbind(resource, name, child)
        else:
            self._authorize(request, f"rm {_writable(resource).noun} {name}")
            self._configuration.remove(resource, name)
        return envelope.success()


def _writable(resource: str) -> t.Any:
    kind = KINDS.get(resource)
    if kind is None:
        raise envelope.no_such(resource)
    if not kind.is_writable:
        raise envelope.Refusal(339, "Feature is not implemented", 599)
    return kind


def _resource(request: web.Request) -> str:
    return request.match_info["resource"]


def _name(request: web.Request) -> str:
    """Decoded twice: once as any path, once more by NITRO itself."""
    return urllib.parse.unquote(request.match_info.get("name", ""))


def _token(request: web.Request) -> str:
    return urllib.parse.unquote(request.cookies.get(COOKIE, ""))


def _arguments(request: web.Request) -> dict[str, str]:
    """``args=key:value,key:value``."""
    pairs = (part.partition(":") for part in request.query.get("args", "").split(",") if part)
    return {key: urllib.parse.unquote(value) for key, _colon, value in pairs}


async def _body(request: web.Request) -> Json:
    try:
        document = json.loads(await request.read() or b"{}")
    except ValueError:
        raise envelope.Refusal(278, "Invalid argument", 400) from None
    if not isinstance(document, dict):
        raise envelope.Refusal(278, "Invalid argument", 400)
    return document
