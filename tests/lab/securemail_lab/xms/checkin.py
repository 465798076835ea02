# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device check-in: the apps of a user with their policies, as the server hands them to Secure Hub."""

from __future__ import annotations

import typing as t

from aiohttp import web

from .store import Json, Store

PATH = "/device/apps"


def application(store: Store) -> web.Application:
    """``GET /device/apps?user=<user>[&platform=ios]``: every MDX app that a delivery group gives out."""

    async def apps(request: web.Request) -> web.Response:
        if not request.query.get("user"):
            raise web.HTTPBadRequest(text="user is required")
        return web.json_response(assigned(store.apps, request.query.get("platform", "ios")))

    service = web.Application()
    service.add_routes([web.get(PATH, apps)])
    return service


def assigned(apps: list[Json], platform: str) -> list[Json]:
    """Apps of one platform that are enabled and in a delivery group."""
    return [
        {
            "name": app["name"],
            "bundle_id": app[platform]["bundleId"],
            "policies": {policy["title"]: _handed_out(policy) for policy in app[platform]["policies"]},
        }
        for app in apps
        if app["appType"] == "MDX" and app.get(platform) and app["roles"] and not app["disabled"]
    ]


def _handed_out(policy: Json) -> dict[str, t.Any]:
    labels = {choice["id"]: choice["label"] for choice in policy.get("enumValues", [])}
    value = policy["policyValue"]
    return {"name": policy["policyName"], "value": value, "label": labels.get(value, value)}
