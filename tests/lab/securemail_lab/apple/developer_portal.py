# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The developer portal's two pages that matter here: a certificate for a signing request, and who pushed last.

The real portal has no official API for push certificates; this door stands for the person who uses it, signed in.
"""

from __future__ import annotations

import base64
import hmac

from aiohttp import web
from cryptography.hazmat.primitives import serialization

from ..lab import Lab
from . import authority
from .seen import last_push

_SIGN_IN = "Your session has expired. Please sign in."


def application(lab: Lab) -> web.Application:
    """``POST /v1/push-certificates`` {bundle_id, csr (PEM)} -> 201 {certificate (base64 DER)}; else {error}.

    ``POST /v1/last-push`` {bundle_id} -> 200 {sha256, at} of the certificate by which APNs last accepted a push.
    """

    def is_signed_in(request: web.Request) -> bool:
        offered = request.headers.get("Authorization", "")
        return hmac.compare_digest(offered.encode(), f"Bearer {lab.secret('apple')}".encode())

    async def last(request: web.Request) -> web.Response:
        if not is_signed_in(request):
            return _refusal(401, _SIGN_IN)
        try:
            bundle_id = str.strip((await request.json())["bundle_id"])
        except (ValueError, LookupError, TypeError):
            return _refusal(400, "Expected bundle_id, a text")
        return web.json_response(last_push(lab, bundle_id))

    async def issue(request: web.Request) -> web.Response:
        if not is_signed_in(request):
            return _refusal(401, _SIGN_IN)
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
    app.add_routes([web.post("/v1/push-certificates", issue), web.post("/v1/last-push", last)])
    return app


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
