# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning profiles as files: a property list in a signed message (CMS), which is how Apple hands them out.

Source: Apple, TN3125 "Inside Code Signing: Provisioning Profiles".
"""

from __future__ import annotations

import datetime as dt
import plistlib
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

LIFETIME = dt.timedelta(days=365)


def signed(document: dict[str, t.Any]) -> bytes:
    """A profile that says ``document``, signed by a key that is thrown away."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Apple iPhone OS Provisioning Profile Signing")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signer = builder.not_valid_before(now).not_valid_after(now + LIFETIME).sign(key, hashes.SHA256())
    message = pkcs7.PKCS7SignatureBuilder().set_data(plistlib.dumps(document))
    return message.add_signer(signer, key, hashes.SHA256()).sign(
        serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary]
    )
