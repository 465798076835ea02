# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate's own certificate authority: one root, one server certificate a host, client certificates for users."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from .lab import Lab
from .state import write_atomically

_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # user principal name, as smart-card log-on certificates carry it


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso lab"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 365
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1 + max(-days, 0)))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


class Authority:
    """The lab's root, made on first use and kept in ``pki/``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._key_path = lab.directory / "pki" / "ca.key"
        if not self._key_path.exists():
            self._create()
        loaded = serialization.load_pem_private_key(self._key_path.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self._key = loaded
        self._certificate = x509.load_pem_x509_certificate(lab.ca_path.read_bytes())

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Contoso lab root")
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_atomically(self._key_path, _key_pem(key))
        write_atomically(self._lab.ca_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def _issue(
        self,
        folder: pathlib.Path,
        stem: str,
        subject: str,
        names: list[x509.GeneralName],
        usage: ObjectIdentifier,
        days: int = 365,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(subject), self._certificate.subject, key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        write_atomically(folder / f"{stem}.key", _key_pem(key))
        write_atomically(folder / f"{stem}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue_server(self, host: str) -> None:
        """Make ``server.pem`` and ``server.key`` of a host, for all its names and addresses."""
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in self._lab.names(host)]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in self._lab.addresses(host)]
        folder = self._lab.server_certificate(host)[0].parent
        self._issue(folder, "server", self._lab.name(host), names, ExtendedKeyUsageOID.SERVER_AUTH)

    def issue_client(self, folder: pathlib.Path, user: str, days: int = 365) -> None:
        """Make ``client.pem`` and ``client.key`` of a user; the user principal name stands in the SAN.

        :param days: until it ends; negative where it has ended.
        """
        upn = bytes([0x0C, len(user)]) + user.encode()  # DER UTF8String, under 128 bytes
        names: list[x509.GeneralName] = [x509.OtherName(_UPN, upn), x509.RFC822Name(user)]
        self._issue(folder, "client", user, names, ExtendedKeyUsageOID.CLIENT_AUTH, days)
