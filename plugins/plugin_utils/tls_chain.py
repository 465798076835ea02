# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that a host saw at the other end of TLS, as plain data."""

from __future__ import annotations

import typing as t

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
except ImportError:
    x509 = None  # type: ignore[assignment]


def chain(pems: t.Iterable[str]) -> list[dict[str, str]]:
    """Subject, issuer, end of validity and SHA-256 of each, in the order given; empty without cryptography."""
    return [] if x509 is None else [_shown(x509.load_pem_x509_certificate(pem.encode())) for pem in pems]


def _shown(certificate: t.Any) -> dict[str, str]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }
