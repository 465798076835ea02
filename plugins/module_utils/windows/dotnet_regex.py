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
import warnings

#: An escaped character, or a whole class, in which nothing is a quantifier or a group.
_ESCAPES_AND_CLASSES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.S)
#: Python takes it, .NET does not: ``(?P...)``, the flags a, L and u, possessive and repeated quantifiers.
_PYTHON_ALONE = re.compile(r"\(\?P|\(\?[imsx-]*[aLu]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
#: .NET takes it, Python does not, or in another sense.
_DOTNET_ALONE = re.compile(
    r"\\[pPkGezc]|\[(?:\\.|[^\]\\])*-\[|\(\?<(?![=!])|\(\?'|\(\?\(|\(\?[imsx]*n|\{,|(?<!^)\(\?[imsx-]+\)|\(\?[imsx]*-"
)
#: A quantifier behind an anchor: Python refuses it, .NET does not mind.
_QUANTIFIED_ANCHOR = re.compile(r"[\^$][*+?{]")


class Verdict(enum.Enum):
    MATCHES = "matches"
    MISSES = "misses"
    #: .NET throws for it.
    INVALID = "invalid"
    #: Only .NET itself could tell.
    UNKNOWN = "unknown"


def judge(pattern: str, text: str) -> Verdict:
    """What .NET makes of an entry and a text."""
    bare = _ESCAPES_AND_CLASSES.sub("_", pattern)
    if not pattern or _PYTHON_ALONE.search(bare) or r"\_" in re.findall(r"\\.", pattern):
        return Verdict.INVALID
    if _DOTNET_ALONE.search(pattern) or _QUANTIFIED_ANCHOR.search(bare):
        return Verdict.UNKNOWN
    try:
        with warnings.catch_warnings():  # of Python's plans, which concern no entry
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as problem:
        return Verdict.UNKNOWN if "look-behind" in str(problem) else Verdict.INVALID  # .NET's may have any width
    except (OverflowError, RecursionError):
        return Verdict.UNKNOWN
    return Verdict.MATCHES if compiled.search(text) else Verdict.MISSES
