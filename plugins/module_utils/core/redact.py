# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be shown instead of a secret."""

from __future__ import annotations

import hashlib
import typing as t

REDACTED = "REDACTED"


def redact(text: str, secrets: t.Iterable[str | None]) -> str:
    """Return ``text`` with every secret in it replaced, longest first; empty secrets are passed over."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def fingerprint(content: bytes) -> str:
    """SHA-256 in lower-case hex: names a content without showing it."""
    return hashlib.sha256(content).hexdigest()
