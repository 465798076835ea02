# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens that sign in at Apple's developer API: JSON Web Tokens, signed with ES256.

Source: Apple, "Generating Tokens for API Requests"; RFC 7515 and RFC 7518 section 3.4. Signed with ``cryptography``,
which is needed here anyway: a library for tokens would be one more on every controller, for one fixed form of token.
"""

from __future__ import annotations

import base64
import json
import traceback
from dataclasses import dataclass, field

from ..core.errors import InvalidInput

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    CRYPTOGRAPHY_IMPORT_ERROR = ""
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()

#: Seconds. Apple takes 20 minutes at most, by its own clock; ours may be off by a few.
LIFETIME = 15 * 60
_COORDINATE = 32  # octets of each half of a signature on P-256


@dataclass(frozen=True)
class ApiKey:
    """A team's API key, as Apple hands it out once. Apple lets no individual key provision.

    :param private_key: the content of ``AuthKey_<key id>.p8``.
    """

    issuer_id: str
    key_id: str
    private_key: str = field(repr=False)

    def load(self) -> ec.EllipticCurvePrivateKey:
        """
        :raises InvalidInput: not an unencrypted private key on P-256; nothing of it is repeated.
        """
        try:
            key = serialization.load_pem_private_key(self.private_key.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        raise InvalidInput(
            "private_key",
            "(not shown)",
            "the content of an AuthKey_<key id>.p8, a private key on the curve P-256 in PEM",
            "Take the file as Apple gave it, line breaks included",
        )


def sign(key: ec.EllipticCurvePrivateKey, api_key: ApiKey, audience: str, now: int) -> str:
    """A token that is valid for ``LIFETIME`` from ``now``, in seconds since 1970."""
    claims = {"iss": api_key.issuer_id, "iat": now, "exp": now + LIFETIME, "aud": audience}
    header = {"alg": "ES256", "kid": api_key.key_id, "typ": "JWT"}
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_encoded(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
