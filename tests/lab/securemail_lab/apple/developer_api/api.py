# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API over HTTPS: faults first, then the token, then the request. JSON:API with Apple's filters and pages.

Source: Apple, "App Store Connect API" and "Enterprise Program API", the pages of each endpoint.
"""

from __future__ import annotations

import base64
import binascii
import typing as t

from aiohttp import web

from . import making
from .refusals import Refusal, not_found
from .signing_in import expect_may_provision, role_of
from .team import KINDS, Resource, Team

_MOST_PER_PAGE, _PER_PAGE = 200, 20
#: Filters that find a part of the value; others want the whole one. Kebechet/setup-apple-certificate 7 tells of it.
_PARTIAL = ("identifier",)
_CHILDREN = {
    ("bundleIds", "bundleIdCapabilities"),
    ("bundleIds", "profiles"),
    ("profiles", "certificates"),
    ("profiles", "devices"),
}

Handler = t.Callable[[web.Request], t.Awaitable[web.StreamResponse]]


def application(team: Team) -> web.Application:
    """One team's API."""

    @web.middleware
    async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            fault = team.faults.take()
            if fault.get("down"):
                return web.Response(status=503, text="<html>Service Unavailable</html>", content_type="text/html")
            if fault.get("rate_limit"):
                headers = {"X-Rate-Limit": "user-hour-lim:3500;user-hour-rem:0;"}
                if "retry_after" in fault:
                    headers["Retry-After"] = str(fault["retry_after"])
                raise Refusal(429, "RATE_LIMIT_EXCEEDED", "We've received too many requests for this API.", headers)
            role = role_of(team, request.headers.get("Authorization", ""))
            if request.method != "GET":
                expect_may_provision(role)
            return await handler(request)
        except Refusal as refusal:
            return refusal.answer()
        except web.HTTPNotFound:
            return Refusal(404, "NOT_FOUND", f"The path {request.path} does not exist").answer()

    async def collection(request: web.Request) -> web.Response:
        kind = _kind(request)
        return _page(request, team.file.read()[kind])

    async def children(request: web.Request) -> web.Response:
        kind, child = _kind(request), request.match_info["child"]
        if (kind, child) not in _CHILDREN:
            raise not_found(child, "")
        document = team.file.read()
        parent = making.find(document, kind, request.match_info["id"])
        if kind == "profiles":
            held = parent["relationships"][child]
            return _page(request, [one for one in document[child] if one["id"] in held])
        return _page(request, [one for one in document[child] if one["relationships"]["bundleId"] == parent["id"]])

    async def create(request: web.Request) -> web.Response:
        kind = _kind(request)
        try:
            data = (await request.json())["data"]
            if data["type"] != kind:
                raise LookupError
        except (ValueError, LookupError, TypeError):
            raise Refusal(400, "PARAMETER_ERROR.INVALID", f"Expected data of type '{kind}'") from None
        with team.file.edit() as document:
            made = making.make(team.api, document, kind, data)
        return web.json_response({"data": _shown(made), "links": {"self": str(request.url)}}, status=201)

    async def delete(request: web.Request) -> web.Response:
        with team.file.edit() as document:
            making.take_away(document, _kind(request), request.match_info["id"])
        return web.Response(status=204)

    app = web.Application(middlewares=[refusals])
    app.add_routes(
        [
            web.get("/v1/{kind}", collection),
            web.post("/v1/{kind}", create),
            web.delete("/v1/{kind}/{id}", delete),
            web.get("/v1/{kind}/{id}/{child}", children),
        ]
    )
    return app


def _kind(request: web.Request) -> str:
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise not_found(kind, "")
    return kind


def _page(request: web.Request, resources: list[Resource]) -> web.Response:
    """One page: ``limit`` at most, and where to go on in ``links.next``."""
    try:
        limit = int(request.query.get("limit", _PER_PAGE))
        start = int(base64.urlsafe_b64decode(request.query.get("cursor", "")) or 0)
    except (ValueError, binascii.Error):
        limit, start = 0, 0
    if not 0 < limit <= _MOST_PER_PAGE:
        raise Refusal(400, "PARAMETER_ERROR.INVALID", f"The limit must be from 1 to {_MOST_PER_PAGE}")
    found = [one for one in resources if _passes(request, one)]
    links = {"self": str(request.url)}
    if start + limit < len(found):
        cursor = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        links["next"] = str(request.url.update_query(cursor=cursor))
    shown = [_shown(one) for one in found[start : start + limit]]
    return web.json_response(
        {"data": shown, "links": links, "meta": {"paging": {"total": len(found), "limit": limit}}},
        headers={"X-Rate-Limit": "user-hour-lim:3500;user-hour-rem:3000;"},
    )


def _passes(request: web.Request, resource: Resource) -> bool:
    for name, value in request.query.items():
        if name.startswith("filter["):
            attribute = name.removeprefix("filter[").removesuffix("]")
            has = str(resource["attributes"].get(attribute, ""))
            wanted = value.split(",")
            if not any(one in has if attribute in _PARTIAL else one == has for one in wanted):
                return False
    return True


def _shown(resource: Resource) -> Resource:
    """A resource as it is answered: its relationships are read by links of their own."""
    shown = {name: value for name, value in resource.items() if name != "relationships"}
    if resource["type"] == "profiles" and resource["attributes"]["profileState"] != "ACTIVE":
        shown["attributes"] = {**resource["attributes"], "profileContent": None}
    return shown
