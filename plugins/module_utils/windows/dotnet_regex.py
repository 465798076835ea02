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
#: Where the two engines part over what the rest of the entry is: comments, free spacing, control characters, a class
#: that is subtracted or named in a class.
_READ_APART = re.compile(r"\(\?#|\(\?[a-zA-Z-]*[xX]|\\c|\[(?:\\.|[^\]\\])*(?:-\[|\[:)")
#: Python takes it, .NET does not: ``(?P...)``, the flags a, L and u, possessive and repeated quantifiers.
_PYTHON_ALONE = re.compile(r"\(\?P|\(\?[imsx-]*[aLu]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
#: The letters that .NET knows behind a backslash. It refuses every other one, and the underscore.
_DOTNET_ESCAPES = frozenset("aAbBcdDefGknpPrsStuvwWxzZ")
#: .NET takes it, Python does not, or in another sense: Unicode categories, other anchors and ways to name a group,
#: octal numbers, conditions, options in other places, and numbers beyond 32 bits (which .NET refuses).
_DOTNET_ALONE = re.compile(
    r"\\[pPkGez<']|\\[1-7]\d|\(\?<(?![=!])|\(\?'|\(\?\(|\(\?[a-zA-Z]*[nIMSN]|\{,|\{\d*,?\d{10}"
    r"|(?<!^)\(\?[ims-]+\)|\(\?[ims]*-"
)
#: In a class: .NET takes a hyphen beside a shorthand or an escaped hyphen for itself, Python for a range.
_NO_RANGE = re.compile(r"\\[-wWdDsS]-(?!\])|-\\-")
#: A quantifier behind an anchor: Python refuses it, .NET does not mind.
_QUANTIFIED_ANCHOR = re.compile(r"[\^$][*+?{]")
#: Beyond ASCII each engine has its own pairs of upper and lower case.
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]|\\x[89a-fA-F]|\\u(?!00[0-7])")
#: Faults of an entry that Python names, and that are .NET's, too.
_COMMON_FAULTS = re.compile(
    r"unterminated|unbalanced|bad escape|incomplete escape|nothing to repeat|multiple repeat|min repeat"
    r"|bad character range|unknown extension|unexpected end|unknown flag|missing [-:)]"
)


class Verdict(enum.Enum):
    MATCHES = "matches"
    MISSES = "misses"
    #: .NET throws for it.
    INVALID = "invalid"
    #: Only .NET itself could tell.
    UNKNOWN = "unknown"


def judge(pattern: str, text: str) -> Verdict:
    """What .NET makes of an entry and a text.

    :param text: in ASCII, as URLs are.
    """
    if not pattern:
        return Verdict.INVALID
    if _READ_APART.search(pattern):
        return Verdict.UNKNOWN
    pieces = _ESCAPES_AND_CLASSES.findall(pattern)
    bare = _ESCAPES_AND_CLASSES.sub(lambda found: "^" if found[0] in (r"\b", r"\B", r"\A", r"\Z") else "_", pattern)
    if _PYTHON_ALONE.search(bare) or any(map(_refused_escape, pieces)):
        return Verdict.INVALID
    if _DOTNET_ALONE.search(pattern) or _BEYOND_ASCII.search(pattern) or _QUANTIFIED_ANCHOR.search(bare):
        return Verdict.UNKNOWN
    if any(piece.startswith("[") and _NO_RANGE.search(piece) for piece in pieces):
        return Verdict.UNKNOWN
    try:
        with warnings.catch_warnings():  # of Python's plans, which concern no entry
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
    except re.error as problem:
        return Verdict.INVALID if _is_common(problem.msg, bare) else Verdict.UNKNOWN
    except (OverflowError, RecursionError):
        return Verdict.UNKNOWN
    return Verdict.MATCHES if compiled.search(text) else Verdict.MISSES


def _refused_escape(piece: str) -> bool:
    """Whether an escape, or one in a class, is none that .NET knows."""
    letters = (escape[1] for escape in re.findall(r"\\.", piece, re.S))
    return any(one == "_" or (one.isascii() and one.isalpha() and one not in _DOTNET_ESCAPES) for one in letters)


def _is_common(fault: str, bare: str) -> bool:
    """Whether .NET has the fault, too: it takes references to a group before its end, and look-behinds of any width."""
    return bool(_COMMON_FAULTS.match(fault)) or (fault.startswith("invalid group reference") and "(" not in bare)
