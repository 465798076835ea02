# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push certificates of a lab's own Apple, as PKCS#12 files for its portal."""

from __future__ import annotations

import datetime as dt
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from securemail_lab.apple import authority
from securemail_lab.lab import BUNDLE_ID, Lab

#: One key for all: making one takes long.
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PASSWORD = "canary-pkcs12-password"
DAY = dt.timedelta(days=1)


def issue(
    lab: Lab, bundle_id: str = BUNDLE_ID, kind: authority.Kind = authority.UNIVERSAL, age: dt.timedelta = DAY
) -> x509.Certificate:
    """A certificate for ``KEY`` that was issued ``age`` ago."""
    begin = dt.datetime.now(dt.UTC) - age
    return authority.issue(lab, bundle_id, KEY.public_key(), begin, begin + authority.LIFETIME, kind)


def file(certificate: x509.Certificate | None, key: t.Any = KEY, password: str = PASSWORD) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"push", key, certificate, None, BestAvailableEncryption(password.encode())
    )
