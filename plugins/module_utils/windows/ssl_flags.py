# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sslFlags`` of ``system.webServer/security/access``: a bit mask, written as names or numbers.

Source: Microsoft's schema of the section (Ssl 8, SslNegotiateCert 32, SslRequireCert 64, Ssl128 256) and the metabase's
AccessSSLMapCert 128, which older files still name.
"""

from __future__ import annotations

import re

_BITS = {"none": 0, "ssl": 8, "sslnegotiatecert": 32, "sslrequirecert": 64, "sslmapcert": 128, "ssl128": 256}
_CERTIFICATE = _BITS["sslnegotiatecert"] | _BITS["sslrequirecert"]


def asks_for_certificate(flags: str) -> bool:
    """Whether IIS asks clients for a certificate, whatever other bits are set.

    :param flags: such as ``Ssl, SslNegotiateCert`` or ``40`` or ``0x28``; a name that is not known has no bit here.
    """
    return bool(_mask(flags) & _CERTIFICATE)


def requires_certificate(flags: str) -> bool:
    """Whether IIS refuses clients without a certificate."""
    return bool(_mask(flags) & _BITS["sslrequirecert"])


def _mask(flags: str) -> int:
    mask = 0
    for word in re.split(r"[\s,]+", flags.strip().lower()):
        if re.fullmatch(r"\d+|0x[0-9a-f]+", word):
            mask |= int(word, 16 if word.startswith("0x") else 10)
        else:
            mask |= _BITS.get(word, 0)
    return mask
