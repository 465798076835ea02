# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App containers over the REST API (3.15 of "Public API for REST Services", April 2021)."""

from __future__ import annotations

from aiohttp import web

from . import update
from .body import read_object
from .envelope import Refusal, success
from .listing import ITEM_FIELDS, select
from .store import ROOT_KEY, Json, Store

PLATFORMS = ("ios", "android", "android_knox", "android_work", "windows", "windows_tab")
#: Platforms of an MDX app by the document that describes the server.
MDX_PLATFORMS = {
    "2021": ("ios", "android", "windows", "windows_tab"),
    "2016": ("ios", "android", "windows", "windows_tab", "android_work", "android_knox"),
}
PLATFORM_FIELDS = (
    "displayName",
    "description",
    "paid",
    "removeWithMdm",
    "preventBackup",
    "changeManagementState",
    "associateToDevice",
    "canAssociateToDevice",
    "appVersion",
    "minOsVersion",
    "maxOsVersion",
    "excludedDevices",
    "store",
    "avppParams",
    "avppTokenParams",
    "rules",
    "appType",
    "uuid",
    "id",
)
#: The choices of an enumeration are on the server, but not in this list: the API does not show them.
POLICY_FIELDS = (
    "policyName",
    "policyValue",
    "policyType",
    "policyCategory",
    "title",
    "description",
    "units",
    "explanation",
)


class Applications:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        return [
            web.post(f"{base}/application/filter", self.filter),
            web.get(f"{base}/application/mobile/{{id}}", self.get),
            web.put(f"{base}/application/mobile/mdx/{{platform}}/{{id}}", self.put),
        ]

    async def filter(self, request: web.Request) -> web.Response:
        return success(applicationListData=select(self._store.apps, await read_object(request)))

    async def get(self, request: web.Request) -> web.Response:
        return self._answer(_find(self._store.apps, request.match_info["id"], "MDX", "Enterprise"))

    async def put(self, request: web.Request) -> web.Response:
        generation = self._store.generation
        platform = request.match_info["platform"]
        if platform not in MDX_PLATFORMS[generation]:
            raise Refusal(f"Platform {platform!r} is not known for MDX apps")
        body = await read_object(request)
        with self._store.apps_file.edit() as document:
            app = _find(document["apps"], request.match_info["id"], "MDX")
            if app.get(platform) is None:
                raise Refusal(f"The app has no platform {platform!r}")
            update.apply(app, platform, body, takes_policies=generation == "2021")
        return self._answer(app)

    def _answer(self, app: Json) -> web.Response:
        return success(**{ROOT_KEY[self._store.generation]: shown(app)})


def shown(app: Json) -> Json:
    """A container as the API shows it: documented fields only."""
    container = {field: app.get(field) for field in ITEM_FIELDS}
    for name in PLATFORMS:
        platform = app.get(name)
        container[name] = platform and {
            **{field: platform.get(field) for field in PLATFORM_FIELDS},
            "policies": [{field: policy.get(field) for field in POLICY_FIELDS} for policy in platform["policies"]],
        }
    return container


def _find(apps: list[Json], identifier: str, *app_types: str) -> Json:
    for app in apps:
        if str(app["id"]) == identifier and app["appType"] in app_types:
            return app
    raise Refusal(f"There is no {' or '.join(app_types)} app with the id {identifier}")
