# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registration service of one region: devices announce themselves and learn their listener URL."""

from __future__ import annotations

import re

from aiohttp import web

from ..lab import Lab
from .accounts import Accounts
from .forms import read_form
from .registrations import Registrations

_FIELDS = ("customer_id", "bundle_id", "user", "device", "token")
_TOKEN = re.compile(r"[0-9a-f]{64}")


def application(lab: Lab, region: str, accounts: Accounts, registrations: Registrations) -> web.Application:
    """``POST /v1/devices``, ``DELETE /v1/devices/<token>``, ``POST /v1/devices/<token>/seen``."""

    async def register(request: web.Request) -> web.Response:
        form = await read_form(request, _FIELDS)
        if form is None or not _TOKEN.fullmatch(form["token"]):
            return _refusal(400, f"Expected {', '.join(_FIELDS)}; the token is 64 hexadecimal digits")
        customer_id, bundle_id = form["customer_id"], form["bundle_id"]
        if accounts.signing_file(region, customer_id, bundle_id) is None:
            return _refusal(403, f"Customer {customer_id} has no certificate for {bundle_id} in this region")
        registration = registrations.add(**form)
        url = lab.url(f"listener-{region}", path=f"/v1/notify/{registration.opaque}")
        return web.json_response({"listener_url": url}, status=201)

    async def remove(request: web.Request) -> web.Response:
        registrations.remove(request.match_info["token"])
        return web.Response(status=204)

    async def seen(request: web.Request) -> web.Response:
        if not registrations.seen(request.match_info["token"]):
            return _refusal(404, "Unknown device")
        return web.Response(status=204)

    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/devices", register),
            web.delete("/v1/devices/{token}", remove),
            web.post("/v1/devices/{token}/seen", seen),
        ]
    )
    return app


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
