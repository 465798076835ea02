# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to WinRM, on which messages are encrypted with what signing in has agreed on."""

from __future__ import annotations

from ..signing_in import Connection
from .sealing import BadSeal, seal, unseal

#: Scheme of an Authorization header -> how the reply names it.
SCHEMES = {"negotiate": "Negotiate", "ntlm": "Negotiate", "kerberos": "Kerberos", "credssp": "CredSSP"}


class SealedConnection(Connection):
    """One TCP connection and its encrypted messages."""

    def unseal(self, content: bytes) -> bytes:
        """:raises BadSeal: nobody has authenticated here, or the message was changed on its way."""
        if not self.user:
            raise BadSeal("not an encrypted message of this connection")
        return unseal(self.context, content)

    def seal(self, protocol: str, content: bytes) -> tuple[str, bytes]:
        """Content-Type and body of a reply to an encrypted request."""
        assert self.context is not None
        return seal(self.context, protocol, content)
