# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device check-in: the apps of a user with their policies, as the server hands them to Secure Hub."""

from __future__ import annotations

import typing as t

from aiohttp import web

from . import groups
from .store import Json, Store

PATH = "/device/apps"


def application(store: Store) -> web.Application:
    """``GET /device/apps?user=<user>[&platform=ios][&device=<name>]``: the MDX apps that delivery groups give out."""

    async def apps(request: web.Request) -> web.Response:
        user, device = request.query.get("user"), request.query.get("device")
        if not user:
            raise web.HTTPBadRequest(text="user is required")
        handed_out = assigned(store, user, request.query.get("platform", "ios"))
        if device:
            _note(store, device, user)
        return web.json_response(handed_out)

    service = web.Application()
    service.add_routes([web.get(PATH, apps)])
    return service


def assigned(store: Store, user: str, platform: str) -> list[Json]:
    """Apps of one platform that are enabled and in a delivery group of the user."""
    known = store.groups
    return [
        {
            "name": app["name"],
            "bundle_id": app[platform]["bundleId"],
            "policies": {policy["title"]: _handed_out(policy) for policy in app[platform]["policies"]},
        }
        for app in store.apps
        if app["appType"] == "MDX" and app.get(platform) and not app["disabled"] and groups.gives(known, app, user)
    ]


def _note(store: Store, device: str, user: str) -> None:
    """Remember a device, and that it has fetched what a deployment waits for; writes nothing where both are known."""
    if store.devices_file.read()["devices"].get(device) != {"user": user}:
        with store.devices_file.edit() as document:
            document["devices"][device] = {"user": user}
    if any(device in group["deployment"]["pending"] for group in store.groups):
        with store.groups_file.edit() as document:
            groups.checked_in(document["groups"], device)


def _handed_out(policy: Json) -> dict[str, t.Any]:
    labels = {choice["id"]: choice["label"] for choice in policy.get("enumValues", [])}
    value = policy["policyValue"]
    return {"name": policy["policyName"], "value": value, "label": labels.get(value, value)}
