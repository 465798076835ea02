# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server properties: ``POST /serverproperties/filter`` and ``GET /serverproperties``, for roles that may see settings.

The names of the three around sessions, that timeouts are minutes, and the query's fields (``orderBy``, ``searchStr``)
are those of public clients (briped/XenMobile, wvanbesien/XenMobileShell); the fields of a property those that
enoola/Xenmobile_RESTWS prints.
"""

from __future__ import annotations

from aiohttp import web

from . import queries
from .body import read_object
from .envelope import success
from .store import PROPERTIES, Json, Store

_SORT_FIELDS = ("id", "name", "value", "displayName")


class ServerProperties:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        base = f"{base}/serverproperties"
        return [web.get(base, self.all), web.post(f"{base}/filter", self.filter)]

    async def all(self, _request: web.Request) -> web.Response:
        return success(allEwProperties=self._listed())

    async def filter(self, request: web.Request) -> web.Response:
        query = await read_object(request)
        search = queries.text(query, "searchStr").casefold()
        column = queries.choice(query, "orderBy", _SORT_FIELDS)
        found = [one for one in self._listed() if search in one["name"].casefold()]
        found.sort(key=lambda one: queries.sortable(one[column]), reverse=queries.descending(query))
        return success(allEwProperties=queries.page(found, query))

    def _listed(self) -> list[Json]:
        values = {**PROPERTIES, **self._store.properties}
        return [
            {"id": number, "name": name, "value": value, "displayName": name, "description": ""}
            for number, (name, value) in enumerate(values.items(), start=1)
        ]
