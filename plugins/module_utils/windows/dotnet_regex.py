# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions as .NET takes them, judged with Python's ``re`` where both mean the same.

.NET compiles an entry of a bypass list with IgnoreCase and CultureInvariant and looks for it anywhere in the text
(WebProxy.UpdateRegExList and IsMatchInBypassList in Microsoft's reference source). What only one of the two engines
knows follows Microsoft's "Regular Expression Language - Quick Reference".
"""

from __future__ import annotations

import enum
import re

#: An escaped character, or a whole class, in which nothing is a quantifier or a group.
_ESCAPES_AND_CLASSES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.S)
#: Python takes it, .NET does not: ``(?P...)``, the flags a, L and u, possessive and repeated quantifiers.
_PYTHON_ALONE = re.compile(r"\(\?P|\(\?[imsx-]*[aLu]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
#: .NET takes it, Python does not, or in another sense.
_DOTNET_ALONE = re.compile(
    r"\\[pPkGezc]|\[(?:\\.|[^\]\\])*-\[|\(\?<(?![=!])|\(\?'|\(\?\(|\(\?[imsx]*n|\{,|(?<!^)\(\?[imsx-]+\)|\(\?<[=!]"
)


class Verdict(enum.Enum):
    MATCHES = "matches"
    MISSES = "misses"
    #: .NET throws for it.
    INVALID = "invalid"
    #: Only .NET itself could tell.
    UNKNOWN = "unknown"


def judge(pattern: str, text: str) -> Verdict:
    """What .NET makes of an entry and a text."""
    bare = _ESCAPES_AND_CLASSES.sub(lambda found: "_" if found[0][0] == "[" else "", pattern)
    if not pattern or _PYTHON_ALONE.search(bare) or r"\_" in pattern:
        return Verdict.INVALID
    if _DOTNET_ALONE.search(pattern):
        return Verdict.UNKNOWN
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError):
        return Verdict.INVALID
    return Verdict.MATCHES if compiled.search(text) else Verdict.MISSES
