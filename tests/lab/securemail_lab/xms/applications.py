# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App containers over the REST API: list, read, change, delete (3.15 of "Public API for REST Services", April 2021)."""

from __future__ import annotations

from aiohttp import web

from . import containers, update
from .body import read_object
from .envelope import Refusal, completed, success
from .listing import select
from .store import MDX_PLATFORMS, ROOT_KEY, Json, Store


class Applications:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        base = f"{base}/application"
        return [
            web.post(f"{base}/filter", self.filter),
            web.get(f"{base}/mobile/{{id}}", self.get),
            web.get(f"{base}/store/{{id}}", self.get_from_store),
            web.put(f"{base}/mobile/mdx/{{platform}}/{{id}}", self.put),
            web.delete(f"{base}/{{id:[0-9]+}}", self.delete),
        ]

    async def filter(self, request: web.Request) -> web.Response:
        return success(applicationListData=select(self._store.apps, await read_object(request)))

    async def get(self, request: web.Request) -> web.Response:
        return self._answer(containers.find(self._store.apps, request.match_info["id"], "MDX", "Enterprise"))

    async def get_from_store(self, request: web.Request) -> web.Response:
        app = containers.find(self._store.apps, request.match_info["id"], "App Store App")
        return success(**{ROOT_KEY[self._store.generation]: containers.shown_from_store(app)})

    async def put(self, request: web.Request) -> web.Response:
        generation = self._store.generation
        platform = request.match_info["platform"]
        if platform not in MDX_PLATFORMS[generation]:
            raise Refusal(f"Platform {platform!r} is not known for MDX apps")
        body = await read_object(request)
        with self._store.apps_file.edit() as document:
            app = containers.find(document["apps"], request.match_info["id"], "MDX")
            if app.get(platform) is None:
                raise Refusal(f"The app has no platform {platform!r}")
            takes_policies, longest = generation == "2021", self._store.longest_value
            update.apply(app, platform, body, takes_policies=takes_policies, longest_value=longest)
        return self._answer(app)

    async def delete(self, request: web.Request) -> web.Response:
        with self._store.apps_file.edit() as document:
            app = containers.find(document["apps"], request.match_info["id"])
            document["apps"].remove(app)
        for package in self._store.packages.glob(f"{app['id']}-*"):
            package.unlink()
        return completed()

    def _answer(self, app: Json) -> web.Response:
        return success(**{ROOT_KEY[self._store.generation]: containers.shown(app, self._store.language)})
