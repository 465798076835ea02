# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the server: the keystore by which it manages devices through APNs, and no other.

3.4.1 and 3.5.3 of "Public API for REST Services" (April 2021). The push certificate of Secure Mail has no place here:
imported as ``apns`` it takes the place of the one for device management. Those have a topic ``com.apple.mgmt.*``.
"""

from __future__ import annotations

import datetime
import secrets
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from .envelope import Refusal
from .store import Json

_NAMES = {
    "commonName": NameOID.COMMON_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "country": NameOID.COUNTRY_NAME,
}


def for_device_management() -> Json:
    """A certificate as Apple makes them for device management, with its key; signed by itself."""
    unique = secrets.token_hex(16)
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, f"com.apple.mgmt.External.{unique}"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"APSP:{unique}"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=90))
        .not_valid_after(now + datetime.timedelta(days=275))
        .sign(key, hashes.SHA256())
    )
    return stored(751, "Device management", certificate, key)


def stored(identifier: int, description: str, certificate: x509.Certificate, key: t.Any) -> Json:
    """A certificate and its key as the server keeps them."""
    plain = serialization.NoEncryption()
    return {
        "id": identifier,
        "description": description,
        "isActive": True,
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "key": key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode(),
    }


def shown(entry: Json, now: datetime.datetime) -> Json:
    """A certificate as the API shows it."""
    certificate = loaded(entry)
    return {
        "id": entry["id"],
        "name": _attribute(certificate.subject, NameOID.COMMON_NAME),
        "description": entry["description"],
        "remainingDays": (certificate.not_valid_after_utc - now).days,
        "validFrom": f"{certificate.not_valid_before_utc:%Y-%m-%d}",
        "validTo": f"{certificate.not_valid_after_utc:%Y-%m-%d}",
        "type": "apns",
        "isActive": entry["isActive"],
        "privateKey": True,
        "ca": False,
        "certDetails": {
            "signatureAlgo": certificate.signature_algorithm_oid._name,
            "serialNum": f"{certificate.serial_number:x}",
            "issuerName": _shown_name(certificate.issuer),
            "subjectName": _shown_name(certificate.subject),
        },
    }


def loaded(entry: Json) -> x509.Certificate:
    """The certificate of an entry."""
    return x509.load_pem_x509_certificate(entry["certificate"].encode())


def from_keystore(content: bytes, password: str) -> tuple[x509.Certificate, t.Any]:
    """Certificate and key of a PKCS#12.

    :raises Refusal: not a PKCS#12 with both, or another password.
    """
    try:
        key, certificate, _chain = pkcs12.load_key_and_certificates(content, password.encode())
    except ValueError:
        raise Refusal("The keystore cannot be opened: it is damaged, or the password is not correct") from None
    if key is None or certificate is None:
        raise Refusal("The keystore does not hold a certificate and its private key")
    return certificate, key


def check(certificate: x509.Certificate, active: x509.Certificate | None, now: datetime.datetime) -> Json:
    """``apnsCheckObj``: what speaks against a certificate in place of the active one."""
    return {
        "topicNameMismatch": active is not None and topic(certificate) != topic(active),
        "certExpired": now >= certificate.not_valid_after_utc,
        "certNotYetValid": now < certificate.not_valid_before_utc,
        "malformed": not topic(certificate),
    }


def topic(certificate: x509.Certificate) -> str:
    """What APNs knows the certificate's holder by: the subject's UID."""
    return _attribute(certificate.subject, NameOID.USER_ID)


def _attribute(name: x509.Name, identifier: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(identifier)
    return str(found[0].value) if found else ""


def _shown_name(name: x509.Name) -> Json:
    parts = {field: _attribute(name, identifier) for field, identifier in _NAMES.items()}
    return {"certString": name.rfc4514_string(), **parts}
