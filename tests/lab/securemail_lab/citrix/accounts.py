# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the portal holds: the account's customer ID, and in every region the certificate of each of its apps."""

from __future__ import annotations

import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..lab import Lab
from ..state import JsonFile, write_atomically


class Accounts:
    """``state/portal``: ``account.json`` and ``<region>/<bundle id>.pem`` (key and certificate)."""

    def __init__(self, lab: Lab) -> None:
        self._folder = lab.state("portal")

    @property
    def customer_id(self) -> str:
        return str(JsonFile(self._folder / "account.json").read()["customer_id"])

    def create(self, customer_id: str) -> None:
        """Make the account, unless there is one."""
        account = JsonFile(self._folder / "account.json")
        if not account.path.exists():
            account.write({"customer_id": customer_id})

    def signing_file(self, region: str, customer_id: str, bundle_id: str) -> pathlib.Path | None:
        """PEM of key and certificate by which the listener of a region signs in to APNs; none was uploaded: none."""
        if customer_id != self.customer_id or "/" in bundle_id:
            return None
        path = self._path(region, bundle_id)
        return path if path.exists() else None

    def store(self, region: str, bundle_id: str, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        """Replace the certificate of an app in a region; it is in service with the next notification."""
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomically(self._path(region, bundle_id), private + certificate.public_bytes(serialization.Encoding.PEM))

    def _path(self, region: str, bundle_id: str) -> pathlib.Path:
        return self._folder / region / f"{bundle_id}.pem"
