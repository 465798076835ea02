# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be shown instead of a secret."""

from __future__ import annotations

import hashlib
import re
import typing as t

REDACTED = "REDACTED"

_USERINFO = re.compile(r'://[^"\r\n]*@')


def redact(text: str, secrets: t.Iterable[str | None]) -> str:
    """Return ``text`` with every secret in it replaced, longest first; empty secrets are passed over."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def without_userinfo(url: str) -> str:
    """The URL, or ``host:port`` alone, with user and password replaced. What lies before the last ``@`` counts as them.

    A password that holds a ``/`` or ``@`` unescaped is hidden, too, at the price of a path that holds an ``@``.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    _userinfo, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{REDACTED}@{host}" if at else url


def without_userinfo_in(text: str) -> str:
    """A text, as a command line, with user and password of the URLs in it replaced; rather too much than too little."""
    return _USERINFO.sub(f"://{REDACTED}@", text)


def fingerprint(content: bytes) -> str:
    """SHA-256 in lower-case hex: names a content without showing it."""
    return hashlib.sha256(content).hexdigest()
