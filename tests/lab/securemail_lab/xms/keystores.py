# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates over the REST API: list, and import of the keystore for device management.

3.4.1 and 3.5.3 of "Public API for REST Services" (April 2021). ``checkTopicName`` "determines if you want to check the
APNS only and don't want to import the keystore".
"""

from __future__ import annotations

import datetime

from aiohttp import web

from . import certificates, queries
from .envelope import Refusal, success
from .store import Json, Store
from .uploading import received


class Keystores:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, base: str) -> list[web.RouteDef]:
        base = f"{base}/certificates"
        return [web.get(base, self.all), web.post(f"{base}/import/keystore/apns", self.import_apns)]

    async def all(self, _request: web.Request) -> web.Response:
        now = datetime.datetime.now(datetime.UTC)
        known = self._store.certificates_file.read()["certificates"]
        active = next((certificates.loaded(entry) for entry in known if entry["isActive"]), None)
        verdict = certificates.check(active, active, now) if active else None
        return success(
            certificate=[certificates.shown(entry, now) for entry in known],
            apnsCheck=active is not None,
            apnsCheckObj=verdict,
        )

    async def import_apns(self, request: web.Request) -> web.Response:
        async with received(request, self._store.uploads, "certImportData") as upload:
            described = upload.info
            content = upload.file.read_bytes()
        for field, value in (("useAs", "apns"), ("uploadType", "keystore"), ("keystoreType", "PKCS12")):
            if described.get(field) != value:
                raise Refusal(f"{field} is not {value}")
        only_check = described.get("checkTopicName", False)
        if not isinstance(only_check, bool):
            raise Refusal("checkTopicName is not a boolean")
        description = queries.text(described, "description")
        certificate, key = certificates.from_keystore(content, queries.text(described, "password"))
        with self._store.certificates_file.edit() as document:
            known: list[Json] = document["certificates"]
            in_use = [entry for entry in known if entry["isActive"]]
            active = certificates.loaded(in_use[0]) if in_use else None
            verdict = certificates.check(certificate, active, datetime.datetime.now(datetime.UTC))
            if not only_check:
                for entry in in_use:
                    entry["isActive"] = False
                identifier = max((entry["id"] for entry in known), default=750) + 1
                known.append(certificates.stored(identifier, description, certificate, key))
        return success(apnsCheck=verdict)
