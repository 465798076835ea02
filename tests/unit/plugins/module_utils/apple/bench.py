# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workbench for rotations: a key store in a temporary folder, an authority, and gates that a test can bend."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.plugins.module_utils.apple import gates, keys
from ansible_collections.pushops.securemail.plugins.module_utils.apple.order import Order
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import (
    BUNDLE_ID,
    GOOD,
    NOW,
    PushCa,
    new_private_key,
)

KEY_PASSPHRASE = "canary-key-passphrase"
PKCS12_PASSPHRASE = "canary pkcs12 'passphrase\""
CUSTOMER_ID = "contoso-7Q2M4"
COMMANDS: dict[str, t.Any] = {
    "signing_command": ["sign", "{bundle_id}", "{csr}", "{certificate}"],
    "portal_command": ["upload", "{region}", "{bundle_id}", "{pkcs12}"],
}

Snapshot = dict[str, tuple[int, bytes]]


class Bench:
    """Runs rotations in this process; ``gates.run`` is the seam, everything below it is real.

    :ivar kind: what the authority issues next; ``None``: the signing command makes nothing.
    :ivar customer_id: what the portal returns.
    :ivar calls: every site command that was run: gate, argv, standard input.
    """

    def __init__(self, tmp_path: pathlib.Path, patch: pytest.MonkeyPatch) -> None:
        self.path = tmp_path / "store"
        self.ca = PushCa(_key(0))
        self.kind: t.Any = GOOD
        self.customer_id = CUSTOMER_ID
        self.calls: list[tuple[str, list[str], str]] = []
        self._made = 0
        patch.setattr(gates, "run", self._gate)
        patch.setattr(keys, "new_key", self._new_key)
        patch.setattr(keys, "read_key", _read_key)
        patch.setattr(keys, "read_bundle", _read_bundle)

    def _new_key(self, passphrase: str) -> bytes:
        self._made += 1
        return encrypted(self._made % 4, passphrase)

    def _gate(self, gate: str, argv: list[str], timeout: int, secrets: t.Iterable[str], stdin: str = "") -> str:
        self.calls.append((gate, list(argv), stdin))
        if gate == gates.PORTAL:
            return json.dumps({"customer_id": self.customer_id})
        if self.kind is not None:
            pathlib.Path(argv[3]).write_bytes(self.ca.answer(pathlib.Path(argv[2]).read_bytes(), self.kind))
        return ""

    def params(self, **changed: t.Any) -> dict[str, t.Any]:
        return {
            "path": str(self.path),
            "bundle_id": BUNDLE_ID,
            "region": "emea",
            "customer_id": CUSTOMER_ID,
            "state": "present",
            "key_passphrase": KEY_PASSPHRASE,
            "pkcs12_passphrase": PKCS12_PASSPHRASE,
            "pkcs12_encryption": "modern",
            "renew_before_days": 30,
            "email": "postmaster@contoso.com",
            "common_name": "Secure Mail push EMEA",
            "signing_command": [],
            "portal_command": [],
            "handoff_path": None,
            "now": NOW.isoformat(),
            "command_timeout": 10,
            "proof": None,
            "proof_required": True,
            "metrics_path": None,
            "consumer_command": [],
            "revoked_serials": [],
            "lock_timeout": 0,
            **changed,
        }

    def run(self, check: bool = False, **changed: t.Any) -> dict[str, t.Any]:
        """One task, with both commands unless told otherwise."""
        order = Order(self.params(**{**COMMANDS, **changed}))
        with contextlib.closing(order.rotation) as rotation:
            outcome = reconcile(rotation, check)
            if not check:
                order.report(outcome)
        return {**outcome.result(), **order.describe(outcome)}

    def by_hand(self, check: bool = False, **changed: t.Any) -> dict[str, t.Any]:
        """One task without commands: a person acts at both gates."""
        return self.run(check, **{"signing_command": [], "portal_command": [], **changed})

    @property
    def home(self) -> pathlib.Path:
        return self.path / BUNDLE_ID

    def version(self, number: int = 1) -> pathlib.Path:
        return self.home / "versions" / f"{number:04d}"

    def handed_out(self, number: int = 1) -> pathlib.Path:
        return self.path / "handoff" / f"{BUNDLE_ID}-{number:04d}"

    def sign_by_hand(self, number: int = 1, kind: t.Any = GOOD, name: str = "aps.cer") -> pathlib.Path:
        folder = self.handed_out(number)
        answer = folder / name
        answer.write_bytes(self.ca.answer((folder / "request.csr").read_bytes(), kind))
        return answer

    def fill_in(self, **values: str) -> None:
        form = self.handed_out() / "portal.json"
        document = json.loads(form.read_bytes())
        form.write_text(json.dumps({**document, "customer_id": CUSTOMER_ID, "uploaded_by": "Alex", **values}))

    def snapshot(self) -> Snapshot:
        """Permissions and content of everything under the store, but for the lock."""
        return {
            str(path.relative_to(self.path)): (
                path.lstat().st_mode,
                str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.path.rglob("*"))
            if path.name != "lock"
        }


def request_key(path: pathlib.Path) -> bytes:
    return spki(x509.load_pem_x509_csr(path.read_bytes()).public_key())


def certificate_key(path: pathlib.Path) -> bytes:
    return spki(x509.load_pem_x509_certificate(path.read_bytes()).public_key())


def private_key(path: pathlib.Path) -> bytes:
    return _public_half(path.read_bytes())


@functools.lru_cache
def _public_half(content: bytes) -> bytes:
    key: t.Any = serialization.load_pem_private_key(content, KEY_PASSPHRASE.encode())
    return spki(key.public_key())


def spki(key: t.Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


# Making, encrypting and decrypting keys costs more than everything else in most tests.
_key = functools.lru_cache(lambda _number: new_private_key())
_read_bundle = functools.lru_cache(keys.read_bundle)
_decrypt = functools.lru_cache(lambda content, passphrase: _real_read_key("", content, passphrase))
_real_read_key = keys.read_key


def _read_key(path: str, content: bytes, passphrase: str) -> t.Any:
    """Cached by content; what cannot be read is read again, for the error names its path."""
    try:
        return _decrypt(content, passphrase)
    except UnexpectedState:
        return _real_read_key(path, content, passphrase)


@functools.lru_cache
def encrypted(number: int, passphrase: str) -> bytes:
    return _key(number).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
