# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking, and sealed messages: Basic, NTLM (bare or in SPNEGO) per TCP connection, MS-WSMV 2.2.9.1 encryption.

NTLM is pyspnego's acceptor, which knows accounts from a file that the environment names.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import hmac
import os
import pathlib
import re
import struct
import threading
import typing as t

import spnego
import spnego.exceptions

from ...state import write_atomically
from ..machine import Machine

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
ENCRYPTED_TYPE = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
_BOUNDARY = b"--Encrypted Boundary"
_SEALED = re.compile(
    rb"--\s*Encrypted Boundary\r\n.*?Length=(\d+)\r\n"
    rb"--\s*Encrypted Boundary\r\n\s*Content-Type: application/octet-stream\r\n(.*)--\s*Encrypted Boundary--\s*",
    re.S,
)
#: pyspnego reads the accounts' file through the process environment: one machine at a time.
_ENVIRONMENT = threading.Lock()


class Denied(Exception):
    """Not authenticated (yet). ``challenge`` is the token to send back, if the exchange goes on."""

    def __init__(self, challenge: str = "") -> None:
        super().__init__("not authenticated")
        self.challenge = challenge


class BadSeal(ValueError):
    """An encrypted message that does not open."""


class Accounts:
    """Users of a machine: ``DOMAIN\\user``, ``user`` and ``user@DOMAIN`` are one account, in any case."""

    def __init__(self, machine: Machine, users: t.Mapping[str, str]) -> None:
        self._passwords: dict[str, str] = {}
        self._names: dict[str, str] = {}
        lines = []
        for account, password in users.items():
            domain, _separator, user = account.rpartition("\\")
            if ":" in f"{account}{password}" or len(f"{account}{password}".splitlines()) != 1:
                raise ValueError(f"the account {account} has a colon or a line break, which the NTLM file cannot hold")
            for name in dict.fromkeys(
                [user, f"{domain}\\{user}" if domain else user, f"{user}@{domain}" if domain else user]
            ):
                self._passwords[name.lower()] = password
                self._names[name.lower()] = account
                lines.append(":".join([*name.rpartition("\\")[::2], password]))
        self.file = machine.state / "ntlm-users"
        write_atomically(self.file, "\n".join([*lines, ""]).encode(), mode=0o600)

    def canonical(self, name: str) -> str:
        return self._names.get(name.lower(), name)

    def basic(self, credentials: str) -> str:
        """The account of Basic credentials.

        :raises Denied: malformed, unknown or wrong.
        """
        try:
            name, _separator, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Denied from None
        expected = self._passwords.get(name.lower())
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise Denied
        return self.canonical(name)


@dataclasses.dataclass
class Connection:
    """What one TCP connection has proved so far."""

    accounts: Accounts
    user: str = ""
    context: spnego.ContextProxy | None = None

    def negotiate(self, token: str) -> str:
        """One leg of NTLM; returns the token of the last reply, often empty.

        :raises Denied: the exchange goes on, or it failed and begins anew.
        """
        try:
            content = base64.b64decode(token, validate=True)
            with _environment(self.accounts.file):
                if self.context is None or self.context.complete or b"NTLMSSP\0\x01" in content:
                    bare = content.startswith(b"NTLMSSP\0")
                    self.user, self.context = "", spnego.server(protocol="ntlm" if bare else "negotiate")
                answer = base64.b64encode(self.context.step(content) or b"").decode("ascii")
        except (binascii.Error, ValueError, struct.error, spnego.exceptions.SpnegoError):
            self.user, self.context = "", None
            raise Denied from None
        if not self.context.complete:
            raise Denied(answer)
        self.user = self.accounts.canonical(str(self.context.client_principal))
        return answer

    def unseal(self, content: bytes) -> bytes:
        """:raises BadSeal: no such context, or the message was changed on its way."""
        found = _SEALED.fullmatch(content)
        if not found or self.context is None or not self.user:
            raise BadSeal("not an encrypted message of this connection")
        sealed = found[2]
        try:
            length = struct.unpack("<i", sealed[:4])[0]
            plain = self.context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :])
        except (struct.error, spnego.exceptions.SpnegoError) as error:
            raise BadSeal("the signature does not fit") from error
        if len(plain) != int(found[1]):
            raise BadSeal("the announced length does not fit")
        return bytes(plain)

    def seal(self, content: bytes) -> bytes:
        """The multipart message. Part headers begin with a tab, which clients rely on to find the payload."""
        assert self.context is not None
        sealed = self.context.wrap_winrm(content)
        announced = f"type=application/soap+xml;charset=UTF-8;Length={len(content) + sealed.padding_length}"
        return b"\r\n".join(
            [
                _BOUNDARY,
                f"\tContent-Type: {PROTOCOL}".encode("ascii"),
                f"\tOriginalContent: {announced}".encode("ascii"),
                _BOUNDARY,
                b"\tContent-Type: application/octet-stream",
                struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data + _BOUNDARY + b"--",
                b"",
            ]
        )


@contextlib.contextmanager
def _environment(file: pathlib.Path) -> t.Iterator[None]:
    with _ENVIRONMENT:
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = str(file)
        try:
            yield
        finally:
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before
