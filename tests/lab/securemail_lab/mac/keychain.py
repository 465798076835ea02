# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keychain in a folder: one certificate with its key a file, and a file ``locked`` while it is locked.

Also ``security``, as far as ``find-identity -v -p codesigning`` goes, which lists identities of a locked keychain, too.
"""

from __future__ import annotations

import datetime as dt
import pathlib
import shlex
import sys
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

IDENTITY = "iPhone Distribution: Contoso Ltd"
_LIFETIME = dt.timedelta(days=1095)


class Keychain:
    """The keychain of a Mac, whose folder is made with the first identity."""

    def __init__(self, mac: pathlib.Path) -> None:
        self._folder = mac / "keychain"

    def add(self, name: str = IDENTITY) -> x509.Certificate:
        """A new identity, valid for three years, as distribution certificates of in-house teams are."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(hours=1)
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        certificate = builder.not_valid_before(start).not_valid_after(start + _LIFETIME).sign(key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{certificate.serial_number:x}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return certificate

    @property
    def identities(self) -> dict[str, x509.Certificate]:
        """Name -> certificate."""
        found = (x509.load_pem_x509_certificate(path.read_bytes()) for path in sorted(self._folder.glob("*.pem")))
        return {str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value): one for one in found}

    @property
    def locked(self) -> bool:
        return (self._folder / "locked").exists()

    def lock(self) -> None:
        (self._folder / "locked").touch()

    def unlock(self) -> None:
        (self._folder / "locked").unlink(missing_ok=True)


def install(mac: pathlib.Path, python: str = sys.executable) -> None:
    """Put the commands into the Mac's folder, as ``CGAppCLPrepTool`` and ``security``."""
    mac.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, module in (("CGAppCLPrepTool", "toolkit"), ("security", "keychain")):
        command = shlex.join([python, "-m", f"securemail_lab.mac.{module}", str(mac)])
        path = mac / name
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)


def main(arguments: t.Sequence[str]) -> int:
    mac, *words = arguments
    if words != ["find-identity", "-v", "-p", "codesigning"]:
        print(f"security: unknown command {' '.join(words)!r}", file=sys.stderr)
        return 2
    identities = Keychain(pathlib.Path(mac)).identities
    for number, (name, certificate) in enumerate(identities.items(), start=1):
        print(f'  {number}) {certificate.fingerprint(hashes.SHA1()).hex().upper()} "{name}"')
    print(f"     {len(identities)} valid identities found")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
