# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The developer portal's one page that matters here: a certificate for a signing request.

The real portal has no official API for push certificates; this door stands for the person who uses it, signed in.
"""

from __future__ import annotations

import base64
import hmac

from aiohttp import web
from cryptography.hazmat.primitives import serialization

from ..lab import Lab
from . import authority


def application(lab: Lab) -> web.Application:
    """``POST /v1/push-certificates`` {bundle_id, csr (PEM)} -> 201 {certificate (base64 DER)}; else {error}."""

    async def issue(request: web.Request) -> web.Response:
        offered = request.headers.get("Authorization", "")
        if not hmac.compare_digest(offered.encode(), f"Bearer {lab.secret('apple')}".encode()):
            return _refusal(401, "Your session has expired. Please sign in.")
        try:
            wanted = await request.json()
            bundle_id, signing_request = str.strip(wanted["bundle_id"]), str.encode(wanted["csr"])
        except (ValueError, LookupError, TypeError):
            return _refusal(400, "Expected bundle_id and csr, both text")
        try:
            certificate = authority.sign(lab, bundle_id, signing_request)
        except authority.RequestRefused as refusal:
            return _refusal(refusal.status, str(refusal))
        content = certificate.public_bytes(serialization.Encoding.DER)
        return web.json_response({"certificate": base64.b64encode(content).decode()}, status=201)

    app = web.Application()
    app.add_routes([web.post("/v1/push-certificates", issue)])
    return app


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
