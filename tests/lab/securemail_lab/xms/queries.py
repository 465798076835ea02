# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of all the lists have in common: ``start``, ``limit``, ``sortOrder``.

Public scripts send the two numbers as strings, too (``"start": "0"``: ArnaudPain's XenMobile scripts, Citrix's
XenMobileShell).
"""

from __future__ import annotations

import re
import typing as t

from .envelope import Refusal
from .store import Json


def page(items: list[Json], query: Json) -> list[Json]:
    """The part of a list that a query asks for.

    :raises Refusal: a field that is not of the documented form.
    """
    start = _number(query, "start", 0)
    return items[start : start + _number(query, "limit", len(items))]


def descending(query: Json, name: str = "sortOrder") -> bool:
    """
    :raises Refusal: neither ASC nor DESC, in any case.
    """
    order = text(query, name).upper() or "ASC"
    if order not in ("ASC", "DESC"):
        raise Refusal(f"{name} {order!r} is neither ASC nor DESC")
    return order == "DESC"


def choice(query: Json, name: str, known: t.Container[str]) -> str:
    """The column to sort by; ``name`` where the query does not say.

    :raises Refusal: a column that is not known.
    """
    column = text(query, name) or "name"
    if column not in known:
        raise Refusal(f"{name} {column!r} is not known")
    return column


def text(query: Json, name: str) -> str:
    """
    :raises Refusal: not a string.
    """
    value = query.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(f"{name} is not a string")
    return value


def sortable(value: t.Any) -> tuple[bool, t.Any]:
    """A key by which values of one kind sort, absent ones first and texts in any case."""
    return value is not None, value.casefold() if isinstance(value, str) else value


def _number(query: Json, name: str, default: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refusal(f"{name} is not a number of 0 or more")
    return value
