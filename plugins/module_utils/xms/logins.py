# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways into the REST API: a local user, and the two forms of a server in Citrix Cloud.

Sources: Citrix, "Public API for REST Services", April 2021, 3.3.1 and 3.3.2; October 2016, 3.4.3.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput
from ..core.https import Json

LOCAL, CLOUD, CWC = "local", "cloud", "cwc"
#: Form -> the options that it needs.
FORMS = {LOCAL: ("username", "password"), CLOUD: ("bearer_token",), CWC: ("service_key", "cloud_customer")}


@dataclass(frozen=True)
class Login:
    """One login request.

    :param who: how errors call the account; also the name in the request that logs out.
    :param secrets: what of it must not be shown.
    """

    who: str
    path: str
    body: Json = field(repr=False)
    remedy: str
    secrets: tuple[str, ...] = field(repr=False)
    headers: t.Mapping[str, str] = field(default_factory=dict, repr=False)


def login_of(params: t.Mapping[str, t.Any]) -> Login:
    """The login that a module's options ask for.

    :raises InvalidInput: a secret that could not travel in a header.
    """
    if params["login"] == CLOUD:
        return cloud_client(params["bearer_token"])
    if params["login"] == CWC:
        return cloud_service(params["service_key"], params["cloud_customer"])
    return local_user(params["username"], params["password"])


def local_user(username: str, password: str) -> Login:
    return Login(
        username,
        "/authentication/login",
        {"login": username, "password": password},
        "Check user and password: a local user whose role has the permission 'Public API access'",
        (password,),
    )


def cloud_client(bearer_token: str) -> Login:
    """A client of Citrix Cloud, by the bearer token that its trust service has handed out."""
    return Login(
        "a client of Citrix Cloud",
        "/authentication/login/cloud",
        {"bearerToken": bearer_token},
        "Fetch a new bearer token from Citrix Cloud: it lasts an hour or so; a server on premises has no such login",
        (bearer_token,),
    )


def cloud_service(service_key: str, customer: str) -> Login:
    """A service key of Citrix Cloud, as servers of 2016 take it."""
    if not service_key.isascii() or not service_key.isprintable():
        raise InvalidInput("service_key", "(not shown)", "printable ASCII", "Copy it again, without line breaks")
    return Login(
        customer,
        "/authentication/cwclogin",
        {"context": "customer", "customerId": customer},
        "Check service key and customer; a server on premises has no such login",
        (service_key,),
        {"Authorization": f"CWSAuth service={service_key}"},
    )
