# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery groups over the REST API: list, read, replace, switch, deploy."""

from __future__ import annotations

from aiohttp import web

from . import groups
from .body import read, read_object
from .envelope import Refusal, success
from .store import Store


class DeliveryGroups:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        base = f"{base}/deliverygroups"
        return [
            web.post(f"{base}/filter", self.filter),
            web.post(f"{base}/deploy", self.deploy),
            web.get(f"{base}/getdeploymentstatus/{{group}}", self.status),
            web.get(f"{base}/{{group}}", self.get),
            web.put(base, self.put),
            web.put(f"{base}/{{group}}/{{switch:enable|disable}}", self.switch),
        ]

    async def filter(self, request: web.Request) -> web.Response:
        query = await read_object(request)
        return success(dgListData=groups.select(self._store.groups, self._store.apps, query))

    async def get(self, request: web.Request) -> web.Response:
        group = groups.find(self._store.groups, request.match_info["group"])
        return success(role=groups.shown(group, self._store.apps))

    async def put(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        with self._store.apps_file.edit() as document, self._store.groups_file.edit() as known:
            group = groups.find(known["groups"], body.get("id", body.get("name")))
            groups.replace(group, document["apps"], body)
            return success(role=groups.shown(group, document["apps"]))

    async def switch(self, request: web.Request) -> web.Response:
        with self._store.groups_file.edit() as known:
            group = groups.find(known["groups"], request.match_info["group"])
            group["disabled"] = request.match_info["switch"] == "disable"
        return success()

    async def deploy(self, request: web.Request) -> web.Response:
        wanted = await read(request)
        if not isinstance(wanted, list) or not wanted:
            raise Refusal("The request body is not a list of ids or names of delivery groups")
        devices = self._store.devices_file.read()["devices"]
        with self._store.groups_file.edit() as known:
            for group in [groups.find(known["groups"], one) for one in wanted]:
                groups.deploy(group, devices)
        return success()

    async def status(self, request: web.Request) -> web.Response:
        return success(**groups.status(groups.find(self._store.groups, request.match_info["group"])))
