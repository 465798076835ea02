# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small authority that issues push certificates as Apple does; as a program, the site command of the signing gate."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import sys
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

BUNDLE_ID = "com.contoso.securemail"
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
LIFETIME = datetime.timedelta(days=395)

SANDBOX, PRODUCTION, TOPICS = (f"1.2.840.113635.100.6.3.{arc}" for arc in (1, 2, 6))


def der(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes((tag, len(content))) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(content).to_bytes(size, "big") + content


def topics_value(topics: t.Iterable[str]) -> bytes:
    """``SEQUENCE { topic, SEQUENCE { type }, ... }`` as Apple writes it."""
    return der(0x30, b"".join(der(0x0C, topic.encode()) + der(0x30, der(0x0C, b"app")) for topic in topics))


@dataclasses.dataclass(frozen=True)
class Kind:
    """What sort of certificate to issue; the defaults are a good one."""

    bundle_id: str = BUNDLE_ID
    common_name: str = "Apple Push Services: {bundle_id}"
    marks: tuple[str, ...] = (SANDBOX, PRODUCTION)
    topics: tuple[str, ...] | None = ("{bundle_id}", "{bundle_id}.voip", "{bundle_id}.complication")
    not_before: datetime.datetime = NOW - datetime.timedelta(hours=1)
    lifetime: datetime.timedelta = LIFETIME


GOOD = Kind()


def new_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class PushCa:
    """One authority with a key of its own."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Push Authority")])

    def certificate(self) -> x509.Certificate:
        builder = self._builder(self.name, self._key.public_key(), NOW - LIFETIME, NOW + 10 * LIFETIME)
        return builder.add_extension(x509.BasicConstraints(True, None), True).sign(self._key, hashes.SHA256())

    def issue(self, public_key: t.Any, kind: Kind = GOOD) -> x509.Certificate:
        fill = {"bundle_id": kind.bundle_id}
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.USER_ID, kind.bundle_id),
                x509.NameAttribute(NameOID.COMMON_NAME, kind.common_name.format(**fill)),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A1B2C3D4E5"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso"),
                x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            ]
        )
        builder = self._builder(subject, public_key, kind.not_before, kind.not_before + kind.lifetime)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True)
        for mark in kind.marks:
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(mark), der(5, b"")), False)
        if kind.topics is not None:
            value = topics_value(topic.format(**fill) for topic in kind.topics)
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(TOPICS), value), False)
        return builder.sign(self._key, hashes.SHA256())

    def answer(self, request: bytes, kind: Kind = GOOD) -> bytes:
        """PEM for a certificate request in PEM."""
        return pem(self.issue(x509.load_pem_x509_csr(request).public_key(), kind))

    def _builder(
        self, subject: x509.Name, public_key: t.Any, start: datetime.datetime, end: datetime.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


if __name__ == "__main__":
    ca_key, csr, answer = (pathlib.Path(argument) for argument in sys.argv[1:4])
    loaded = serialization.load_pem_private_key(ca_key.read_bytes(), None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    wanted = GOOD
    if sys.argv[4:]:  # bundle id and age in days by the clock, for those who cannot set the time
        bundle_id, age = sys.argv[4:]
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=int(age), hours=1)
        wanted = Kind(bundle_id, not_before=start)
    answer.write_bytes(PushCa(loaded).answer(csr.read_bytes(), wanted))
