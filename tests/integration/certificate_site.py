# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that keeps an APNs certificate: its key store, an authority that signs, and commands for both gates."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.tests.integration import portal_upload
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Task
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca

CUSTOMER_ID = "contoso-7Q2M4"
KEY_PASSPHRASE, PKCS12_PASSPHRASE = "canary-key-passphrase-84ab", "canary-pkcs12-passphrase-1f6e"

Snapshot = dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class CertificateSite:
    """Everything lies in one folder: ``store`` is the module's, the rest is the site's own."""

    folder: pathlib.Path

    @classmethod
    def create(cls, folder: pathlib.Path) -> CertificateSite:
        folder.mkdir(parents=True)
        site = cls(folder)
        site._ca_key.write_bytes(
            push_ca.new_private_key().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return site

    @property
    def _ca_key(self) -> pathlib.Path:
        return self.folder / "authority.key"

    @property
    def authority(self) -> push_ca.PushCa:
        key: t.Any = serialization.load_pem_private_key(self._ca_key.read_bytes(), None)
        return push_ca.PushCa(key)

    @property
    def store(self) -> pathlib.Path:
        return self.folder / "store"

    @property
    def home(self) -> pathlib.Path:
        return self.store / push_ca.BUNDLE_ID

    def handed_out(self, version: int = 1) -> pathlib.Path:
        return self.store / "handoff" / f"{push_ca.BUNDLE_ID}-{version:04d}"

    @property
    def uploads(self) -> list[dict[str, str]]:
        """What the portal command saw, one record an upload."""
        record = self.folder / "uploads.jsonl"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []

    def commands(self, customer_id: str = CUSTOMER_ID) -> dict[str, t.Any]:
        """Site commands for both gates."""
        upload = [str(portal_upload.__file__), str(self.folder / "uploads.jsonl"), customer_id, "{pkcs12}"]
        return {
            "signing_command": [sys.executable, str(push_ca.__file__), str(self._ca_key), "{csr}", "{certificate}"],
            "portal_command": [sys.executable, *upload],
        }

    def task(self, *, check: bool | None = None, **changed: t.Any) -> Task:
        """One task with a person at both gates, unless ``changed`` names commands."""
        arguments = {
            "path": str(self.store),
            "bundle_id": push_ca.BUNDLE_ID,
            "region": "emea",
            "customer_id": CUSTOMER_ID,
            "key_passphrase": KEY_PASSPHRASE,
            "pkcs12_passphrase": PKCS12_PASSPHRASE,
            "email": "postmaster@contoso.com",
            "common_name": "Secure Mail push EMEA",
            "now": push_ca.NOW.isoformat(),
            **changed,
        }
        task: dict[str, t.Any] = {"name": "Certificate", "pushops.securemail.apns_certificate": arguments}
        return task if check is None else {**task, "check_mode": check}

    def declared(self, age: int = 0, bundle_id: str = push_ca.BUNDLE_ID, **changed: t.Any) -> dict[str, t.Any]:
        """The variables of a host of ``push_controller``, with commands at both gates; playbooks go by the clock.

        :param age: days ago, by which the authority dates what it issues.
        """
        commands = self.commands()
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "push_region": "emea",
            "push_bundle_id": bundle_id,
            "push_customer_id": CUSTOMER_ID,
            "push_client_certificate_auth": True,
            "apns_certificate_path": str(self.store),
            "apns_certificate_key_passphrase": KEY_PASSPHRASE,
            "apns_certificate_pkcs12_passphrase": PKCS12_PASSPHRASE,
            "apns_certificate_signing_command": [*commands["signing_command"], "{bundle_id}", str(age)],
            "apns_certificate_portal_command": commands["portal_command"],
            **changed,
        }

    def snapshot(self) -> Snapshot:
        """Permissions and content of everything in the store, but for the lock."""
        return {
            str(path.relative_to(self.store)): (
                path.lstat().st_mode,
                str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.store.rglob("*"))
            if path.name != "lock"
        }
