# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority that signs push certificates: Apple's subject, extensions and rules, a root of the lab's own.

Subject, extensions and the limit of two live certificates an App ID follow public dumps of such certificates and
fastlane's ``pem``; 395 days are what newer certificates run.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import pathlib
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..lab import Lab
from ..state import JsonFile, write_atomically
from . import topics

SANDBOX, PRODUCTION = "1.2.840.113635.100.6.3.1", "1.2.840.113635.100.6.3.2"
TEAM_ID, ORGANIZATION = "C0NT0S0LAB", "Contoso Ltd"
LIFETIME = dt.timedelta(days=395)
MOST_LIVE = 2
_NULL = b"\x05\x00"


class RequestRefused(Exception):
    """A certificate request that the authority does not sign; ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Kind:
    """What sort of push certificate to issue; as it stands, the one that production needs."""

    common_name: str = "Apple Push Services: {bundle_id}"
    environments: tuple[str, ...] = (SANDBOX, PRODUCTION)
    topics: tuple[str, ...] = ("{bundle_id}", "{bundle_id}.voip", "{bundle_id}.complication")


UNIVERSAL = Kind()
SANDBOX_ONLY = Kind("Apple Development IOS Push Services: {bundle_id}", (SANDBOX,), ())
MDM = Kind("APSP:{bundle_id}", (), ("com.apple.mgmt.External.{bundle_id}",))


def root_path(lab: Lab) -> pathlib.Path:
    """PEM of the authority by which APNs knows its clients."""
    return lab.state("apple-ca") / "ca.pem"


def issued(lab: Lab) -> JsonFile:
    """The record of all that was issued: a list of ``{serial, bundle_id, not_after}``, ``not_after`` in ISO 8601.

    An entry of a revoked certificate has ``revoked``, too: when, in ISO 8601.
    """
    return JsonFile(lab.state("apple-ca") / "issued.json", [])


def revocations_path(lab: Lab) -> pathlib.Path:
    """PEM of the authority's list of revoked certificates; there is none before the first."""
    return lab.state("apple-ca") / "revoked.pem"


def revoke(lab: Lab, serial: int) -> None:
    """Revoke a certificate, as a person does at the developer portal: APNs refuses it, and it is not live any more."""
    now = dt.datetime.now(dt.UTC)
    with issued(lab).edit() as record:
        for one in record:
            if one["serial"] == f"{serial:x}":
                one["revoked"] = now.isoformat()
    root, key = _load(lab)
    path = revocations_path(lab)
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.subject)
    builder = builder.last_update(now - dt.timedelta(minutes=10)).next_update(now + 9 * LIFETIME)
    for known in x509.load_pem_x509_crl(path.read_bytes()) if path.exists() else ():
        builder = builder.add_revoked_certificate(known)
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    revoked = builder.add_revoked_certificate(entry).sign(key, hashes.SHA256())
    write_atomically(path, revoked.public_bytes(serialization.Encoding.PEM), 0o644)


def create(lab: Lab) -> None:
    """Make the root, unless there is one."""
    if root_path(lab).exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab of Apple's push"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Worldwide Developer Relations, simulated"),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        _builder(name, name, key.public_key(), now - 4 * LIFETIME, now + 9 * LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(_key_path(lab), private)
    write_atomically(root_path(lab), certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def sign(lab: Lab, bundle_id: str, request: bytes) -> x509.Certificate:
    """The certificate for a request in PEM, as the developer portal issues it.

    :raises RequestRefused: the request is malformed, its key is not RSA-2048, or two certificates are live already.
    """
    key = _requested_key(request)
    with issued(lab).edit() as record:
        now = dt.datetime.now(dt.UTC)
        live = [
            one
            for one in record
            if one["bundle_id"] == bundle_id
            and dt.datetime.fromisoformat(one["not_after"]) > now
            and "revoked" not in one
        ]
        if len(live) >= MOST_LIVE:
            raise RequestRefused(
                409, f"There are already {len(live)} active push certificates for {bundle_id}; revoke one first"
            )
        certificate = issue(lab, bundle_id, key, now - dt.timedelta(minutes=10), now + LIFETIME)
        record.append(
            {
                "serial": f"{certificate.serial_number:x}",
                "bundle_id": bundle_id,
                "not_after": certificate.not_valid_after_utc.isoformat(),
            }
        )
    return certificate


def issue(
    lab: Lab, bundle_id: str, key: t.Any, not_before: dt.datetime, not_after: dt.datetime, kind: Kind = UNIVERSAL
) -> x509.Certificate:
    """A certificate with chosen dates and marks, past the portal's rules and its record."""
    authority, loaded = _load(lab)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, bundle_id),
            x509.NameAttribute(NameOID.COMMON_NAME, kind.common_name.format(bundle_id=bundle_id)[:64]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, TEAM_ID),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    builder = (
        _builder(subject, authority.subject, key, not_before, not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(loaded.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
    )
    for environment in kind.environments:
        builder = _mark(builder, environment, _NULL)
    if kind.topics:
        builder = _mark(builder, topics.OID, topics.encode(topic.format(bundle_id=bundle_id) for topic in kind.topics))
    return builder.sign(loaded, hashes.SHA256())


def _load(lab: Lab) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """The root and its key."""
    key = serialization.load_pem_private_key(_key_path(lab).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return x509.load_pem_x509_certificate(root_path(lab).read_bytes()), key


def _requested_key(request: bytes) -> rsa.RSAPublicKey:
    try:
        parsed = x509.load_pem_x509_csr(request)
        valid = parsed.is_signature_valid
    except (ValueError, InvalidSignature):
        raise RequestRefused(422, "This is not a certificate signing request in PEM") from None
    key = parsed.public_key()
    if not valid:
        raise RequestRefused(422, "The signature of the certificate signing request is wrong")
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 2048:
        raise RequestRefused(422, "The key of a certificate signing request must be RSA with 2048 bits")
    return key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: t.Any, not_before: dt.datetime, not_after: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _mark(builder: x509.CertificateBuilder, oid: str, value: bytes) -> x509.CertificateBuilder:
    return builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)


def _key_path(lab: Lab) -> pathlib.Path:
    return lab.state("apple-ca") / "ca.key"
