# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one TCP connection has proved: NTLM, Kerberos (bare or in SPNEGO) and CredSSP, by pyspnego's acceptors.

Kerberos needs pyspnego's extra and a keytab; without them a Kerberos token is refused, as by a host outside a domain.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import struct

import spnego
import spnego.exceptions

from .accounts import Accounts, Denied


@dataclasses.dataclass
class Connection:
    """What one TCP connection has proved so far."""

    accounts: Accounts
    user: str = ""
    context: spnego.ContextProxy | None = None

    def negotiate(self, scheme: str, token: str) -> str:
        """One leg of an exchange; returns the header value of the last reply, empty where it has no token.

        :raises Denied: the exchange goes on, or it failed and begins anew.
        """
        try:
            content = base64.b64decode(token, validate=True)
            with self.accounts.environment():
                if self.context is None or self.context.complete or b"NTLMSSP\0\x01" in content:
                    self.user, self.context = "", _acceptor(scheme, content)
                answer = base64.b64encode(self.context.step(content) or b"").decode("ascii")
                complete = self.context.complete
        except (binascii.Error, ValueError, struct.error, ImportError, spnego.exceptions.SpnegoError):
            self.forget()
            raise Denied from None
        if not complete:
            if not answer:
                self.forget()
            raise Denied(answer, scheme)
        self.user = self.accounts.canonical(str(self.context.client_principal))
        return f"{scheme} {answer}" if answer else ""

    def forget(self) -> None:
        """Begin anew, as after an exchange that failed."""
        self.user, self.context = "", None


def _acceptor(scheme: str, first: bytes) -> spnego.ContextProxy:
    if scheme != "Negotiate":
        return spnego.server(protocol=scheme.lower())
    return spnego.server(protocol="ntlm" if first.startswith(b"NTLMSSP\0") else "negotiate")
