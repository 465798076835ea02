# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IIS itself answers, in front of both ends of EWS."""

from __future__ import annotations

import email.utils
import typing as t

from aiohttp import web

from ..machine import Machine

EXCHANGE_ASMX = "/ews/exchange.asmx"
#: maxAllowedContentLength of both EWS virtual directories, in bytes.
LARGEST_CONTENT = 67108864
#: IIS has the reason phrase of RFC 2616; Python's own table has a newer one since 3.13.
_REASONS = {413: "Request Entity Too Large"}


def dated(machine: Machine) -> t.Callable[[web.Request, web.StreamResponse], t.Awaitable[None]]:
    """For ``on_response_prepare``: HTTP.sys dates each answer by the machine's clock (RFC 9110 section 6.6.1)."""

    async def date(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = email.utils.format_datetime(machine.now, usegmt=True)

    return date


def error_page(status: int, title: str) -> web.Response:
    """An IIS error page of a remote client: the title alone."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h2>{title}</h2></body></html>"
    reason = _REASONS.get(status)
    return web.Response(status=status, reason=reason, text=text, content_type="text/html")


def bad_configuration() -> web.Response:
    """A configuration file that applies here cannot be read or has an invalid value."""
    return error_page(500, "HTTP Error 500.19 - Internal Server Error")
