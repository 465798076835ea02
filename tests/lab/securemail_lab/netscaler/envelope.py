# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of every answer, and the refusals with their codes.

Codes and messages 258, 273, 352, 354, 444, 1090 to 1097 and 2138 stand in Citrix's own SDK; the envelope and the HTTP
codes of 258, 273 and 354 are those of published logs.
"""

from __future__ import annotations

import typing as t

from aiohttp import web


class Refusal(Exception):
    """A request that is not carried out; nothing was changed."""

    def __init__(self, code: int, message: str, http: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.http = http


def no_such(subject: str) -> Refusal:
    return Refusal(258, f"No such resource [{subject}]", 404)


def exists(subject: str) -> Refusal:
    return Refusal(273, f"Resource already exists [{subject}]", 409)


def in_use(subject: str) -> Refusal:
    return Refusal(315, f"Resource in use [{subject}]", 599)


def unknown_argument(name: str) -> Refusal:
    return Refusal(1090, f"No such argument [{name}]")


def both(one: str, other: str) -> Refusal:
    return Refusal(1092, f"Arguments cannot both be specified [{one}, {other}]")


def prerequisite(name: str, needed: str) -> Refusal:
    return Refusal(1093, f"Argument pre-requisite missing [{name}, {needed}]")


def missing(name: str) -> Refusal:
    return Refusal(1095, f"Required argument missing [{name}]")


def bad_value(name: str) -> Refusal:
    return Refusal(1097, f"Invalid argument value [{name}]")


def success(http: int = 200, **fields: t.Any) -> web.Response:
    return web.json_response({"errorcode": 0, "message": "Done", "severity": "NONE", **fields}, status=http)


def failure(refusal: Refusal) -> web.Response:
    document = {"errorcode": refusal.code, "message": str(refusal), "severity": "ERROR"}
    return web.json_response(document, status=refusal.http)


def page(title: str, http: int) -> web.Response:
    """An HTML page, as a virtual server or a proxy answers where NITRO is not."""
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return web.Response(text=text, content_type="text/html", status=http)
