# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough ASN.1 to read what no library does: an extension of Apple's, and the content of a signed message."""

from __future__ import annotations

import typing as t

UTF8_STRING = 0x0C
SEQUENCE = 0x30
OCTET_STRING, CONSTRUCTED_OCTET_STRING = 0x04, 0x24
OBJECT_IDENTIFIER = 0x06
_INDEFINITE = 0x80
_DEEPEST = 32


def elements(content: bytes) -> t.Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element that stands in ``content``, one after the other.

    Lengths may be indefinite, as BER has them: signed messages are often written so.

    :raises ValueError: not BER with one-byte tags.
    """
    at = 0
    while at < len(content):
        start, end, at_next = _extent(content, at, 0)
        yield content[at], content[start:end]
        at = at_next


def octets(tag: int, content: bytes) -> bytes:
    """The value of an octet string, which BER may cut into pieces.

    :raises ValueError: another element, or pieces of another kind.
    """
    if tag == OCTET_STRING:
        return content
    pieces = list(elements(content)) if tag == CONSTRUCTED_OCTET_STRING else []
    if not pieces or any(piece != OCTET_STRING for piece, _value in pieces):
        raise ValueError("expected an octet string")
    return b"".join(value for _tag, value in pieces)


def _extent(content: bytes, at: int, depth: int) -> tuple[int, int, int]:
    """Where the content of the element at an offset starts and ends, and where the next element starts."""
    if at + 1 < len(content) and content[at + 1] == _INDEFINITE:
        end = _end_of_contents(content, at + 2, depth)
        return at + 2, end, end + 2
    length, start = _length(content, at + 1)
    if start + length > len(content):
        raise ValueError("an element is longer than what contains it")
    return start, start + length, start + length


def _end_of_contents(content: bytes, at: int, depth: int) -> int:
    if depth > _DEEPEST:
        raise ValueError("elements stand too deep in each other")
    while content[at : at + 2] != b"\0\0":
        if at >= len(content):
            raise ValueError("an element of indefinite length does not end")
        _start, _end, at = _extent(content, at, depth + 1)
    return at


def _length(content: bytes, at: int) -> tuple[int, int]:
    """The length that is written at an offset, and the offset behind it."""
    if at >= len(content):
        raise ValueError("an element has no length")
    first = content[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not 1 <= size <= 4 or at + 1 + size > len(content):
        raise ValueError("an element has a malformed length")
    return int.from_bytes(content[at + 1 : at + 1 + size], "big"), at + 1 + size


def leading_strings(content: bytes) -> tuple[str, ...]:
    """The UTF-8 strings that stand directly in a sequence; what is nested deeper is passed over.

    Apple's topics extension is ``SEQUENCE { topic, SEQUENCE { type }, topic, SEQUENCE { type }, ... }``.

    :raises ValueError: not one sequence, or not DER.
    """
    outer = list(elements(content))
    if len(outer) != 1 or outer[0][0] != SEQUENCE:
        raise ValueError("expected one sequence")
    return tuple(value.decode("utf-8") for tag, value in elements(outer[0][1]) if tag == UTF8_STRING)
