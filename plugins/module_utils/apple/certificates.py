# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an APNs certificate says, read from whatever form it came in.

Object identifiers of the extensions: Apple, "Worldwide Developer Relations Certification Practice Statement".
"""

from __future__ import annotations

import datetime
import traceback
import typing as t
from dataclasses import dataclass, field

from ..core.der import leading_strings
from ..core.redact import fingerprint

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs7

    CRYPTOGRAPHY_IMPORT_ERROR = ""
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()

SANDBOX_PUSH = "1.2.840.113635.100.6.3.1"
PRODUCTION_PUSH = "1.2.840.113635.100.6.3.2"
TOPICS = "1.2.840.113635.100.6.3.6"
_USER_ID = "0.9.2342.19200300.100.1.1"
_COMMON_NAME = "2.5.4.3"

UNREADABLE = "unreadable"
NOT_A_LEAF = "not-a-leaf"


class NotACertificate(ValueError):
    """An answer that is no single leaf certificate.

    :param reason: ``unreadable`` or ``not-a-leaf``.
    :param sentence: what it is instead.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True)
class Certificate:
    """One leaf certificate.

    :param sha256: of the DER, lower-case hex.
    :param key_sha256: of the public key (SubjectPublicKeyInfo), lower-case hex.
    :param user_id: the subject's UID, where Apple puts the bundle id; empty where there is none.
    :param topics: of Apple's topics extension; empty where there is none.
    """

    pem: bytes = field(repr=False)
    sha256: str
    key_sha256: str
    key_type: str
    subject: str
    common_name: str
    user_id: str
    serial: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    sandbox: bool
    production: bool
    topics: tuple[str, ...]

    def shown(self, now: datetime.datetime) -> dict[str, t.Any]:
        """The certificate as modules return it; ``days_left`` counts whole days and is negative after the end."""
        return {
            "sha256": self.sha256,
            "subject": self.subject,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "days_left": (self.not_after - now).days,
            "serial": self.serial,
            "bundle_id": self.user_id,
            "topics": list(self.topics),
        }


def parse_certificate(content: bytes) -> Certificate:
    """Read an answer: one leaf certificate as PEM, DER or PKCS#7.

    :raises NotACertificate: it is something else, or several.
    """
    found = _load(content)
    if len(found) > 1:
        leaves = [one.subject.rfc4514_string() for one in found if not _is_authority(one)]
        raise NotACertificate(
            NOT_A_LEAF, f"it is a chain of {len(found)} certificates (of them leaves: {'; '.join(leaves) or 'none'})"
        )
    if _is_authority(found[0]):
        subject = found[0].subject.rfc4514_string()
        raise NotACertificate(NOT_A_LEAF, f"it is the certificate of an authority ({subject})")
    try:
        return _describe(found[0])
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise NotACertificate(UNREADABLE, f"it is a malformed certificate ({problem})") from None


def _load(content: bytes) -> list[x509.Certificate]:
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise NotACertificate(UNREADABLE, "it is empty")
    if text.startswith(b"<"):
        raise NotACertificate(UNREADABLE, "it is a web page, most often that of a sign-in that had ended")
    if b"-----BEGIN CERTIFICATE REQUEST-----" in text:
        raise NotACertificate(UNREADABLE, "it is the certificate request itself, not the answer to it")
    for load in _PEM_LOADERS if b"-----BEGIN" in text else _DER_LOADERS:
        try:
            found = load(text if load in _PEM_LOADERS else content)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if found:
            return found
    raise NotACertificate(UNREADABLE, f"it is neither PEM, DER nor PKCS#7 ({len(content)} bytes)")


def _load_pem(text: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(text)


def _load_pem_pkcs7(text: bytes) -> list[x509.Certificate]:
    return pkcs7.load_pem_pkcs7_certificates(text)


def _load_der(content: bytes) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(content)]


def _load_der_pkcs7(content: bytes) -> list[x509.Certificate]:
    return pkcs7.load_der_pkcs7_certificates(content)


_PEM_LOADERS = (_load_pem, _load_pem_pkcs7)
_DER_LOADERS = (_load_der, _load_der_pkcs7)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _describe(certificate: x509.Certificate) -> Certificate:
    extensions = {extension.oid.dotted_string: extension.value for extension in certificate.extensions}
    topics = extensions.get(TOPICS)
    key = certificate.public_key()
    return Certificate(
        pem=certificate.public_bytes(serialization.Encoding.PEM),
        sha256=fingerprint(certificate.public_bytes(serialization.Encoding.DER)),
        key_sha256=key_fingerprint(key),
        key_type=f"RSA-{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__,
        subject=certificate.subject.rfc4514_string(),
        common_name=_attribute(certificate, _COMMON_NAME),
        user_id=_attribute(certificate, _USER_ID),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sandbox=SANDBOX_PUSH in extensions,
        production=PRODUCTION_PUSH in extensions,
        topics=leading_strings(topics.value) if isinstance(topics, x509.UnrecognizedExtension) else (),
    )


def _attribute(certificate: x509.Certificate, oid: str) -> str:
    values = [str(attribute.value) for attribute in certificate.subject if attribute.oid.dotted_string == oid]
    return values[0] if values else ""


def key_fingerprint(public_key: t.Any) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo: equal for a key, its CSR and its certificate."""
    spki = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return fingerprint(spki)
