# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language files of an .mdx (``strings-<lang>.properties``): texts by resource id, in Java's properties format.

Format: java.util.Properties, "load(Reader)".
"""

from __future__ import annotations

import re
import typing as t

#: Real ones have some hundred thousand bytes.
LARGEST_PROPERTIES = 2 << 20
_LINE = re.compile(r"\r\n|\r|\n")
_KEY = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SHORT = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def parse(content: bytes) -> dict[str, str]:
    """Resource id -> text. UTF-8, else ISO 8859-1, which is what the format was born with and which never fails."""
    try:
        document = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        document = content.decode("iso-8859-1")
    found = {}
    for line in _logical_lines(document):
        key = _KEY.match(line)
        if key is not None:
            found[_unescaped(key[1])] = _unescaped(line[key.end() :])
    return found


def _logical_lines(document: str) -> t.Iterator[str]:
    """The lines that say something; one that ends in an odd number of backslashes goes on in the next."""
    pieces: list[str] = []
    for line in _LINE.split(document):
        line = line.lstrip(" \t\f")
        if not pieces and (not line or line[0] in "#!"):
            continue
        goes_on = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        pieces.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield "".join(pieces)
            pieces = []
    if pieces:
        yield "".join(pieces)


def _unescaped(text: str) -> str:
    written = _ESCAPE.sub(lambda found: _character(found[1]), text)
    # Escapes are UTF-16 units, so what lies beyond its first plane comes as two.
    return written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _SHORT.get(escape, escape)
