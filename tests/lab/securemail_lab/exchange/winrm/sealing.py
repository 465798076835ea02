# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted messages on plain HTTP (MS-WSMV 2.2.9.1): multipart bodies around what a security context has wrapped."""

from __future__ import annotations

import re
import struct

import spnego
import spnego.exceptions

_BOUNDARY = b"--Encrypted Boundary"
_PROTOCOL = re.compile(r'protocol="(application/HTTP-(?:SPNEGO|Kerberos|CredSSP)-session-encrypted)"')
_PART = re.compile(
    rb"--\s*Encrypted Boundary\r\n[^\0]*?Length=(\d+)\r\n"
    rb"--\s*Encrypted Boundary\r\n\s*Content-Type: application/octet-stream\r\n"
)
_END = re.compile(rb"--\s*Encrypted Boundary--\s*")
#: A TLS record holds no more; CredSSP cuts longer messages into parts (MS-WSMV 2.2.9.1.3).
_RECORD = 16384


class BadSeal(ValueError):
    """An encrypted message that does not open."""


def protocol_of(content_type: str) -> str:
    """The protocol that an encrypted message's Content-Type names; empty where it is none."""
    found = _PROTOCOL.search(content_type)
    return found[1] if content_type.startswith(("multipart/encrypted", "multipart/x-multi-encrypted")) and found else ""


def unseal(context: spnego.ContextProxy | None, content: bytes) -> bytes:
    """:raises BadSeal: no such context, or the message was changed on its way."""
    starts = list(_PART.finditer(content))
    end = next(iter(list(_END.finditer(content))[-1:]), None)
    if context is None or not starts or starts[0].start() != 0 or end is None or end.end() != len(content):
        raise BadSeal("not an encrypted message of this connection")
    plain = b""
    for start, stop in zip(starts, [*(following.start() for following in starts[1:]), end.start()], strict=True):
        sealed = content[start.end() : stop]
        try:
            length = struct.unpack("<i", sealed[:4])[0]
            part = context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :])
        except (struct.error, spnego.exceptions.SpnegoError) as error:
            raise BadSeal("the signature does not fit") from error
        if len(part) != int(start[1]):
            raise BadSeal("the announced length does not fit")
        plain += part
    return plain


def seal(context: spnego.ContextProxy, protocol: str, content: bytes) -> tuple[str, bytes]:
    """Content-Type and body. Part headers begin with a tab, which clients rely on to find the payload."""
    size = _RECORD if "CredSSP" in protocol else max(len(content), 1)
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    kind = "encrypted" if len(parts) == 1 else "x-multi-encrypted"
    body = b"".join(_sealed_part(context, protocol, part) for part in parts)
    content_type = f'multipart/{kind};protocol="{protocol}";boundary="Encrypted Boundary"'
    return content_type, body + _BOUNDARY + b"--\r\n"


def _sealed_part(context: spnego.ContextProxy, protocol: str, content: bytes) -> bytes:
    sealed = context.wrap_winrm(content)
    announced = f"type=application/soap+xml;charset=UTF-8;Length={len(content) + sealed.padding_length}"
    return b"\r\n".join(
        [
            _BOUNDARY,
            f"\tContent-Type: {protocol}".encode("ascii"),
            f"\tOriginalContent: {announced}".encode("ascii"),
            _BOUNDARY,
            b"\tContent-Type: application/octet-stream",
            struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data,
        ]
    )
