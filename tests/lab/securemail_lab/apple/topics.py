# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topics extension of a push certificate, in DER: a sequence of topics, each followed by its types."""

from __future__ import annotations

import typing as t

OID = "1.2.840.113635.100.6.3.6"
_SEQUENCE, _UTF8 = 0x30, 0x0C


def encode(topics: t.Iterable[str]) -> bytes:
    """The extension's value for these topics, all of type ``app``."""
    return _element(
        _SEQUENCE,
        b"".join(_element(_UTF8, topic.encode()) + _element(_SEQUENCE, _element(_UTF8, b"app")) for topic in topics),
    )


def decode(value: bytes) -> list[str]:
    """The topics of an extension's value."""
    ((_rest, content),) = _elements(value)
    return [text.decode() for tag, text in _elements(content) if tag == _UTF8]


def _element(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _elements(content: bytes) -> t.Iterator[tuple[int, bytes]]:
    while content:
        tag, length, start = content[0], content[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(content[2:start], "big")
        yield tag, content[start : start + length]
        content = content[start + length :]
