# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices and the portal's users send: one JSON object of texts."""

from __future__ import annotations

import typing as t

from aiohttp import web


async def read_form(request: web.Request, fields: t.Iterable[str]) -> dict[str, str] | None:
    """These fields of a request, or ``None`` where it is no JSON object or one of them is no text."""
    try:
        document = await request.json()
    except ValueError:
        return None
    if not isinstance(document, dict) or any(not isinstance(document.get(field), str) for field in fields):
        return None
    return {field: document[field] for field in fields}
