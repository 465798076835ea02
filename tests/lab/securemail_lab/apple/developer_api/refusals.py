# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the API says no: ``{"errors": [{id, status, code, title, detail}]}``.

Codes and sentences as public issue reports show them: myappcloud/appstore-connect-api 2, codemagic-ci-cd/cli-tools
pull requests 26 and 78, Tinder/sign-here 21, togettoyou/ipashare 17; 429 is Apple's "Identifying Rate Limits".
"""

from __future__ import annotations

import uuid

from aiohttp import web

_TITLES = {
    "NOT_AUTHORIZED": "Authentication credentials are missing or invalid.",
    "FORBIDDEN_ERROR": "This request is forbidden for security reasons",
    "NOT_FOUND": "The specified resource does not exist",
    "RATE_LIMIT_EXCEEDED": "The request rate limit has been reached.",
    "ENTITY_ERROR": "There is a problem with the request entity",
    "ENTITY_ERROR.ATTRIBUTE.INVALID": "An attribute in the provided entity has invalid value",
    "ENTITY_ERROR.ATTRIBUTE.REQUIRED": "The provided entity is missing a required attribute",
    "ENTITY_ERROR.RELATIONSHIP.NOT_ALLOWED": "A relationship in the provided entity is not allowed for this request",
    "ENTITY_ERROR.RELATIONSHIP.INVALID": "The provided entity includes a relationship with an invalid value",
}


class Refusal(Exception):
    """A request that is refused."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers = status, code, headers or {}

    def answer(self) -> web.Response:
        error = {
            "id": str(uuid.uuid4()),
            "status": str(self.status),
            "code": self.code,
            "title": _TITLES.get(self.code, "The request failed"),
            "detail": str(self),
        }
        return web.json_response({"errors": [error]}, status=self.status, headers=self.headers)


def invalid(detail: str) -> Refusal:
    return Refusal(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", detail)


def not_found(kind: str, identifier: str) -> Refusal:
    return Refusal(404, "NOT_FOUND", f"There is no resource of type '{kind}' with id '{identifier}'")
