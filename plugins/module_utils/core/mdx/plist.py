# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Property lists of unknown origin, in XML or binary.

plistlib refuses entity declarations by itself and lets Apple's own document type pass.
"""

from __future__ import annotations

import plistlib
import struct
import typing as t
import xml.parsers.expat

from . import errors
from .errors import UnreadablePackage

#: Real ones have some tens of thousands of bytes.
LARGEST_PLIST = 1 << 20
#: What plistlib raises over hostile input, by experiment: its parsers check little.
_MALFORMED = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    struct.error,
    xml.parsers.expat.ExpatError,
)


def parse(content: bytes, where: str, reason: str = errors.MALFORMED_PLIST) -> dict[str, t.Any]:
    """A property list whose root is a dictionary.

    :param where: how the error calls it.
    :raises UnreadablePackage: with ``reason``.
    """
    try:
        document = plistlib.loads(content)
    except _MALFORMED as problem:
        raise UnreadablePackage(reason, f"{where} is no property list: {problem or 'malformed'}") from None
    if not isinstance(document, dict):
        raise UnreadablePackage(reason, f"{where} is a {type(document).__name__}, expected a dictionary")
    return document


def text(document: t.Mapping[str, t.Any], key: str) -> str:
    """A text of a dictionary; empty where it is absent or of another type."""
    value = document.get(key)
    return value if isinstance(value, str) else ""


def listed(document: t.Mapping[str, t.Any], key: str, kind: type) -> list[t.Any]:
    """The members of a list that are of a type; empty where the list is absent."""
    value = document.get(key)
    return [member for member in value if isinstance(member, kind)] if isinstance(value, list) else []
