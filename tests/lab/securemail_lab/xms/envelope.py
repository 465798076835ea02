# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of every answer: ``status`` 0 and ``message`` on success, a refusal with ``status`` not 0.

Source: "Public API for REST Services" (April 2021). It has no table of error codes; one code stands for all here.
"""

from __future__ import annotations

import typing as t

from aiohttp import web

FAILED = 1


class Refusal(Exception):
    """A request that the server does not carry out; nothing was changed."""

    def __init__(self, message: str, http: int = 400) -> None:
        super().__init__(message)
        self.http = http


def success(**fields: t.Any) -> web.Response:
    return web.json_response({"status": 0, "message": "Success", **fields})


def completed(detail: str = "") -> web.Response:
    """Success of an upload or a removal, in the words of the document."""
    return web.json_response({"status": 0, "message": f"Operation completed successfully{detail}"})


def failure(message: str, http: int, status: int = FAILED) -> web.Response:
    return web.json_response({"status": status, "message": message}, status=http)


def page(title: str, http: int) -> web.Response:
    """An HTML page, where the real server does not answer in JSON."""
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return web.Response(text=text, content_type="text/html", status=http)
