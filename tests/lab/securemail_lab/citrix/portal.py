# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push portal: takes a PKCS#12 for a region and an app, and gives the customer ID.

The real portal is a web page without a known API; this door stands for the person who uses it.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hmac
import re

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from ..lab import REGIONS, Lab
from .accounts import Accounts
from .forms import read_form

PRODUCTION_PUSH = "1.2.840.113635.100.6.3.2"
_FIELDS = ("bundle_id", "pkcs12", "password")
_BUNDLE_ID = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Unacceptable(Exception):
    """An upload that the portal refuses, in the words that it shows."""


def application(lab: Lab, accounts: Accounts) -> web.Application:
    """``POST /v1/regions/<region>/certificates`` {bundle_id, pkcs12 (base64), password}.

    Answers 200 {customer_id, bundle_id, sha256, not_after}; 400, 401, 404 or 422 {error}.
    """

    async def upload(request: web.Request) -> web.Response:
        offered = request.headers.get("Authorization", "")
        if not hmac.compare_digest(offered.encode(), f"Bearer {lab.secret('portal')}".encode()):
            return _refusal(401, "Sign in first")
        region = request.match_info["region"]
        if region not in REGIONS:
            return _refusal(404, "There is no such region")
        form = await read_form(request, _FIELDS)
        if form is None:
            return _refusal(400, f"Expected {', '.join(_FIELDS)}")
        try:
            certificate = _accept(form, region, accounts)
        except Unacceptable as problem:
            return _refusal(422, str(problem))
        return web.json_response(
            {
                "customer_id": accounts.customer_id,
                "bundle_id": form["bundle_id"],
                "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
                "not_after": certificate.not_valid_after_utc.isoformat(),
            }
        )

    app = web.Application()
    app.add_routes([web.post("/v1/regions/{region}/certificates", upload)])
    return app


def _accept(form: dict[str, str], region: str, accounts: Accounts) -> x509.Certificate:
    bundle_id = form["bundle_id"]
    if not _BUNDLE_ID.fullmatch(bundle_id):
        raise Unacceptable("The App ID must be explicit, such as com.example.mail")
    try:
        key, certificate, _chain = pkcs12.load_key_and_certificates(
            base64.b64decode(form["pkcs12"], validate=True), form["password"].encode()
        )
    except (ValueError, binascii.Error):
        raise Unacceptable("The file cannot be opened: it is no PKCS#12, or the password is wrong") from None
    if not isinstance(key, rsa.RSAPrivateKey) or certificate is None:
        raise Unacceptable("The file must hold an RSA private key and its certificate")
    _check(certificate, bundle_id)
    accounts.store(region, bundle_id, key, certificate)
    return certificate


def _check(certificate: x509.Certificate, bundle_id: str) -> None:
    owners = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.USER_ID)]
    if owners != [bundle_id]:
        raise Unacceptable(f"The certificate is for {', '.join(owners) or 'no app'}, not for {bundle_id}")
    if not any(extension.oid.dotted_string == PRODUCTION_PUSH for extension in certificate.extensions):
        raise Unacceptable("The certificate is not for production")
    now = dt.datetime.now(dt.UTC)
    if certificate.not_valid_before_utc > now:
        raise Unacceptable(f"The certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")
    if certificate.not_valid_after_utc <= now:
        raise Unacceptable(f"The certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}")


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
