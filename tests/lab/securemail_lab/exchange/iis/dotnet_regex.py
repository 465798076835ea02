# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions of .NET, compiled with Python's ``re`` after what the two write differently.

After RegexParser.cs of Microsoft's referencesource. Unicode categories, conditions, subtracted classes, groups with a
name and options amid an entry are not translated; an entry that holds one is refused.
"""

from __future__ import annotations

import re
import warnings

#: An escape (with all digits of a number), a class, or any other character.
_PIECES = re.compile(r"\\[0-9]+|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.S)
#: ScanBackslash and ScanCharEscape: every other letter, and the underscore, is an unrecognized escape.
_KNOWN = frozenset("aAbBcdDefGknpPrsSStuvwWxzZ")
#: What Python's ``re`` takes and .NET refuses: (?P...), the flags a, L and u, nested quantifiers.
_NOT_DOTNET = re.compile(r"\(\?P|\(\?[imsnx-]*[aLu]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
_MOST = 2**31 - 1


def compile_dotnet(pattern: str) -> re.Pattern[str]:
    """With IgnoreCase and CultureInvariant, for texts in ASCII, as the subjects of a bypass list are.

    :raises ValueError: .NET throws for it.
    """
    pieces = _PIECES.findall(pattern)
    bare = "".join(piece if len(piece) == 1 else "_" for piece in pieces)
    if _NOT_DOTNET.search(bare) or any(int(number) > _MOST for number in re.findall(r"\d+", bare)):
        raise ValueError("nested quantifier, or unrecognized grouping construct")
    groups = len(re.findall(r"\((?!\?)", bare))
    try:
        with warnings.catch_warnings():  # of Python's plans, which concern no entry
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile("".join(_translated(piece, groups) for piece in pieces), re.IGNORECASE | re.ASCII)
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from None


def _translated(piece: str, groups: int) -> str:
    if piece in ("^", "$", r"\b", r"\B", r"\A", r"\Z"):
        return f"(?:{piece})"  # it may have a quantifier
    if piece.startswith("[") and len(piece) > 1:
        return re.sub(r"(\\(?:[0-9]+|.))(-(?!\]))?", _in_class, piece, flags=re.S)
    return _escape(piece, groups) if piece.startswith("\\") and len(piece) > 1 else piece


def _in_class(found: re.Match[str]) -> str:
    """Behind a shorthand or an escaped hyphen a hyphen stands for itself (ScanCharClass)."""
    itself = "\\" * (found[1][1] in "-wWdDsS")
    return _escape(found[1], None) + (f"{itself}-" if found[2] else "")


def _escape(escape: str, groups: int | None) -> str:
    """:param groups: how many there are to refer to; ``None`` in a class, where a number is octal always."""
    name = escape[1:]
    if name[0] in "123456789" and (groups is None or (len(name) > 1 and int(name) > groups)):
        octal = re.match("[0-7]{1,3}", name)  # no such group: ScanOctal
        if octal is None:
            raise ValueError(f"unrecognized escape sequence {escape}")
        return f"\\x{int(octal[0], 8) & 0xFF:02x}{name[octal.end() :]}"
    if (name[0].isalpha() or name == "_") and name not in _KNOWN:
        raise ValueError(f"unrecognized escape sequence {escape}")
    return {"e": r"\x1b", "z": r"\Z"}.get(name, escape)
