# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies."""

from __future__ import annotations

import json

from aiohttp import web

from .envelope import Refusal
from .store import Json


async def read_object(request: web.Request) -> Json:
    """The JSON object of a request; an empty body is an empty object.

    :raises Refusal: not JSON, or not an object.
    """
    try:
        document = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refusal("The request body is not JSON") from None
    if not isinstance(document, dict):
        raise Refusal("The request body is not a JSON object")
    return document
