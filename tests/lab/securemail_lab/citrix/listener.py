# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox listener of one region: Exchange posts what is new, and every device of the user gets a badge."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import pathlib
import ssl

import httpx
from aiohttp import web

from ..lab import Lab
from ..requesting import target
from ..state import append_line
from . import notifying
from .accounts import Accounts
from .registrations import Registration, Registrations

_APNS_SECONDS = 5.0


class Listener:
    """Counts and pushes. Every push is written to ``state/push-<region>/deliveries.jsonl``."""

    def __init__(self, lab: Lab, region: str, accounts: Accounts, registrations: Registrations) -> None:
        self._lab = lab
        self._region = region
        self._accounts = accounts
        self._registrations = registrations
        self._pushing: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """``POST /v1/notify/<opaque>``, a SOAP SendNotification."""
        app = web.Application()
        app.add_routes([web.post("/v1/notify/{opaque}", self._notify)])
        return app

    async def close(self) -> None:
        """Wait until no push is under way."""
        await asyncio.gather(*self._pushing, return_exceptions=True)

    async def _notify(self, request: web.Request) -> web.Response:
        try:
            items = notifying.new_items(await request.read())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        registration = self._registrations.by_opaque(request.match_info["opaque"])
        if registration is None:
            return web.Response(body=notifying.UNSUBSCRIBE, content_type="text/xml")
        badge = self._registrations.count(registration.user, items) if items else None
        if badge is not None:
            task = asyncio.create_task(self._push(registration, badge))
            self._pushing.add(task)
            task.add_done_callback(self._pushing.discard)
        return web.Response(body=notifying.OK, content_type="text/xml")

    async def _push(self, told: Registration, badge: int) -> None:
        """One request to APNs for every device of the user, over one connection."""
        signing = self._accounts.signing_file(self._region, told.customer_id, told.bundle_id)
        devices = self._registrations.of_user(told.user)
        if signing is None:
            self._record(devices, 0, "no certificate was uploaded for this region")
            return
        try:
            async with httpx.AsyncClient(
                http2=True, verify=self._sign_in(signing), timeout=_APNS_SECONDS, trust_env=False
            ) as client:
                for device in devices:
                    await self._send(client, device, badge)
        except (httpx.TransportError, ssl.SSLError) as error:
            self._record(devices, 0, f"APNs: {_root_cause(error)}")

    def _sign_in(self, signing: pathlib.Path) -> ssl.SSLContext:
        context = self._lab.client_tls()
        # Later versions end the handshake before the other side has looked at the certificate.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(signing)
        return context

    async def _send(self, client: httpx.AsyncClient, device: Registration, badge: int) -> None:
        url, headers, extensions = target(self._lab, "apns", f"/3/device/{device.token}")
        headers |= {"apns-topic": device.bundle_id, "apns-push-type": "alert", "apns-priority": "10"}
        payload = json.dumps({"aps": {"badge": badge}}, separators=(",", ":")).encode()
        answer = await client.post(url, content=payload, headers=headers, extensions=extensions)
        self._record([device], answer.status_code, answer.json()["reason"] if answer.content else "")

    def _record(self, devices: list[Registration], status: int, reason: str) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        log = self._lab.state(f"push-{self._region}") / "deliveries.jsonl"
        for device in devices:
            append_line(log, json.dumps({"at": now, "device": device.device, "status": status, "reason": reason}))


def _root_cause(error: BaseException) -> str:
    """The innermost error's words: httpx hides those of TLS behind empty ones of its own."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__
