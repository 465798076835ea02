# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks: a JSON Web Token, judged by Apple's rules ("Generating Tokens for API Requests") with PyJWT."""

from __future__ import annotations

import typing as t

import jwt

from .refusals import Refusal
from .team import Team

_LONGEST = 20 * 60  # seconds
_DETAIL = "Provide a properly configured and signed bearer token, and make sure that it has not expired."
#: Roles that may change certificates, identifiers and profiles.
_MAY_PROVISION = ("ADMIN", "ACCOUNT_HOLDER", "APP_MANAGER")


def role_of(team: Team, header: str) -> str:
    """The role of the key by which a request is signed.

    :raises Refusal: 401, whatever is wrong; Apple does not say what.
    """
    scheme, _space, token = header.partition(" ")
    try:
        if scheme != "Bearer":
            raise jwt.InvalidTokenError("no bearer token")
        known = team.keys.read()[jwt.get_unverified_header(token)["kid"]]
        claims: dict[str, t.Any] = jwt.decode(
            token,
            known["public_key"],
            algorithms=["ES256"],
            audience=team.api.audience,
            issuer=known["issuer_id"],
            options={"require": ["exp", "iat", "iss", "aud"]},
            leeway=5,
        )
        if claims["exp"] - claims["iat"] > _LONGEST:
            raise jwt.InvalidTokenError("it lives too long")
    except (jwt.InvalidTokenError, LookupError, TypeError):
        raise Refusal(401, "NOT_AUTHORIZED", _DETAIL) from None
    return str(known["role"])


def expect_may_provision(role: str) -> None:
    if role not in _MAY_PROVISION:
        raise Refusal(403, "FORBIDDEN_ERROR", "The API key in use does not allow this request")
