# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies."""

from __future__ import annotations

import json
import typing as t

from aiohttp import web

from .envelope import Refusal
from .store import Json


async def read(request: web.Request) -> t.Any:
    """The JSON of a request.

    :raises Refusal: not JSON.
    """
    return parse(await request.read())


async def read_object(request: web.Request) -> Json:
    """The JSON object of a request.

    :raises Refusal: not JSON, or not an object.
    """
    return expect_object(await read(request), "The request body")


def parse(content: bytes) -> t.Any:
    """
    :raises Refusal: not JSON.
    """
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Refusal("The request body is not JSON") from None


def expect_object(document: t.Any, what: str) -> Json:
    """
    :raises Refusal: not an object.
    """
    if not isinstance(document, dict):
        raise Refusal(f"{what} is not a JSON object")
    return document


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is not JSON")
