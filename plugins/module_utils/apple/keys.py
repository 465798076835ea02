# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private key, certificate request and PKCS#12: made, and read back to compare what they contain."""

from __future__ import annotations

import pathlib
import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput, UnexpectedState
from ..core.redact import fingerprint
from .certificates import Certificate, key_fingerprint

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import NameOID
except ImportError:
    pass  # certificates.CRYPTOGRAPHY_IMPORT_ERROR says it

MODERN, LEGACY = "modern", "legacy"
KEY_SIZE = 2048

# DER of the scheme that encrypts the certificate bag; it stands in the clear in the authenticated safe.
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_PBE_SHA1_3DES = bytes.fromhex("060a2a864886f70d010c0103")


@dataclass(frozen=True)
class Bundle:
    """What a PKCS#12 contains. Two of equal contents never have equal bytes: they are salted."""

    certificate_sha256: str
    key_sha256: str
    encryption: str


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as files to sign in with. The key stays encrypted there."""

    certificate: pathlib.Path
    key: pathlib.Path
    passphrase: str = field(repr=False)


def new_key(passphrase: str) -> bytes:
    """A fresh RSA key, as encrypted PKCS#8 in PEM. Apple takes RSA with 2048 bits."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )


def read_key(path: str, content: bytes, passphrase: str) -> rsa.RSAPrivateKey:
    """Decrypt a key of the store.

    :raises UnexpectedState: not readable with the passphrase, or no key of this store's making.
    """
    remedy = "Correct key_passphrase, or restore the file from a backup. It is never replaced; move its folder aside to"
    remedy += " start anew"
    try:
        key = serialization.load_pem_private_key(content, passphrase.encode())
    except TypeError:
        raise UnexpectedState(f"Expected an encrypted key in {path}, but it is not encrypted", remedy) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnexpectedState(f"The key {path} cannot be read with key_passphrase", remedy) from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != KEY_SIZE:
        raise UnexpectedState(f"Expected an RSA-{KEY_SIZE} key in {path}, but it is another kind", remedy)
    return key


def new_request(key: rsa.RSAPrivateKey, email: str, common_name: str) -> bytes:
    """A certificate request in PEM. Apple takes key, e-mail and common name from it and sets the subject itself."""
    try:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.EMAIL_ADDRESS, email),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
    except ValueError:
        raise InvalidInput("common_name", common_name, "1 to 64 characters", "Shorten it") from None
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def read_request(path: str, content: bytes) -> str:
    """Fingerprint of the public key that a request of the store asks for.

    :raises UnexpectedState: not a request, or its signature does not match.
    """
    remedy = "Remove it: it is made anew from the key. If it was sent to Apple already, restore it instead"
    try:
        request = x509.load_pem_x509_csr(content)
        if request.is_signature_valid:
            return key_fingerprint(request.public_key())
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise UnexpectedState(f"{path} is not a certificate request", remedy)


def new_bundle(key: rsa.RSAPrivateKey, certificate: Certificate, name: str, encryption: str, passphrase: str) -> bytes:
    """A PKCS#12 with key and certificate. ``legacy`` is what old consumers open: 3DES and an SHA-1 MAC."""
    how: serialization.KeySerializationEncryption = serialization.BestAvailableEncryption(passphrase.encode())
    if encryption == LEGACY:
        how = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 - the algorithm is the point
            .build(passphrase.encode())
        )
    leaf = x509.load_pem_x509_certificate(certificate.pem)
    return pkcs12.serialize_key_and_certificates(name.encode(), key, leaf, None, how)


def read_bundle(content: bytes, passphrase: str) -> Bundle | None:
    """What a PKCS#12 contains; ``None`` where it does not open: it is made anew from the others then."""
    try:
        bundle = pkcs12.load_pkcs12(content, passphrase.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if bundle.key is None or bundle.cert is None:
        return None
    der = bundle.cert.certificate.public_bytes(serialization.Encoding.DER)
    key: t.Any = bundle.key
    return Bundle(fingerprint(der), key_fingerprint(key.public_key()), _encryption(content))


def _encryption(content: bytes) -> str:
    if _PBES2 in content:
        return MODERN
    return LEGACY if _PBE_SHA1_3DES in content else "other"
