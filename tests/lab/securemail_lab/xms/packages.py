# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload of packages: a new container, one more platform, a new version (3.15.2.1, 3.15.2.2 and the like for enterprise
apps in "Public API for REST Services", April 2021).

All or nothing: a package is read whole before the container changes, and both change under one lock.
"""

from __future__ import annotations

import asyncio
import os
import time
import typing as t

from aiohttp import web

from . import containers, unpacking, versions
from .envelope import Refusal, completed
from .store import MDX_PLATFORMS, Store
from .uploading import received

_Reader = t.Callable[..., unpacking.Package]


class Packages:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        mdx, enterprise = (f"{base}/application/mobile/{kind}/{{platform}}" for kind in ("mdx", "enterprise"))
        return [
            web.post(mdx, self.mdx),
            web.post(f"{mdx}/{{id}}", self.mdx),
            web.post(enterprise, self.enterprise),
            web.post(f"{enterprise}/{{id}}", self.enterprise),
        ]

    async def mdx(self, request: web.Request) -> web.Response:
        platforms = MDX_PLATFORMS[self._store.generation]
        return await self._take(request, "MDX", "mdx", platforms, unpacking.read_mdx)

    async def enterprise(self, request: web.Request) -> web.Response:
        return await self._take(request, "Enterprise", "ipa", ("ios",), unpacking.read_ipa)

    async def _take(
        self, request: web.Request, app_type: str, suffix: str, platforms: t.Collection[str], reader: _Reader
    ) -> web.Response:
        platform, known = request.match_info["platform"], request.match_info.get("id")
        if platform not in platforms:
            raise Refusal(f"Platform {platform!r} is not known for {app_type} apps")
        if known is not None:
            containers.find(self._store.apps, known, app_type)
        async with received(request, self._store.uploads, "appInfo") as upload:
            package = await asyncio.to_thread(reader, upload.file)
            now = int(time.time() * 1000)
            groups = [group["name"] for group in self._store.groups]
            with self._store.apps_file.edit() as document:
                apps = document["apps"]
                identifier = containers.next_id(apps)
                if known is None:
                    app = containers.new(identifier, package.name, app_type, now)
                    apps.append(app)
                else:
                    app = containers.find(apps, known, app_type)
                versions.restate(app, upload.info, package, groups)
                keep = not self._store.resets_on_upload
                versions.bring(app, platform, package, identifier, keep_values=keep)
                app["lastModificationDate"] = now
                kept = self._store.packages / f"{app['id']}-{platform}.{suffix}"
                kept.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(upload.file, kept)
        return completed(f". Container Id: {app['id']}")
