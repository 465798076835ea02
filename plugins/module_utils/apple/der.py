# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough DER to read the one extension of Apple's that no library knows."""

from __future__ import annotations

import typing as t

UTF8_STRING = 0x0C
SEQUENCE = 0x30


def elements(content: bytes) -> t.Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element that stands in ``content``, one after the other.

    :raises ValueError: not DER with one-byte tags and definite lengths.
    """
    at = 0
    while at < len(content):
        tag = content[at]
        length, start = _length(content, at + 1)
        if start + length > len(content):
            raise ValueError("an element is longer than what contains it")
        yield tag, content[start : start + length]
        at = start + length


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
