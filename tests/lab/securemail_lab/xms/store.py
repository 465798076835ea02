# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server keeps on disk: apps and their policies, local users and roles, server properties, faults.

=================  =====================================================================================
``apps.json``      ``{"apps": [container, ...]}``; see :mod:`.seed` for the shape of a container
``users.json``     ``{"users": {login: {"secret": name in secrets.json, "role": name}},
                   "roles": {name: [permission, ...]}}``
``server.json``    ``{"generation": "2021" | "2016", "properties": {server property: text}}``
``faults.json``    what is broken about the REST API right now; see :class:`securemail_lab.state.Faults`
=================  =====================================================================================

Faults, one of: ``{"down": true}`` (HTTP 503), ``{"html": true}`` (a log-on page with HTTP 200 instead of JSON),
``{"status": 1, "message": "..."}`` (HTTP 200 whose envelope says no; the login still works),
``{"expire_sessions": true}`` (every session ends, once).
"""

from __future__ import annotations

import typing as t

from ..lab import Lab
from ..state import Faults, JsonFile

Json = dict[str, t.Any]

HOST = "xms"
#: Right to use the REST API ("Public API for REST Services", April 2021, 3.1).
API_PERMISSION = "PUBLIC_API_ACCESS"
#: Root key of an app: the 2021 document shows "container", those of 10.3 and October 2016 "result".
ROOT_KEY = {"2021": "container", "2016": "result"}


class Store:
    """One server's files, read for every decision."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        folder = lab.state(HOST)
        self.apps_file = JsonFile(folder / "apps.json", {"apps": []})
        self._users_file = JsonFile(folder / "users.json", {"users": {}, "roles": {}})
        self._server_file = JsonFile(folder / "server.json", {"generation": "2021", "properties": {}})
        self.faults = Faults(JsonFile(folder / "faults.json"))

    @property
    def apps(self) -> list[Json]:
        found: list[Json] = self.apps_file.read()["apps"]
        return found

    @property
    def generation(self) -> str:
        return str(self._server_file.read()["generation"])

    def password(self, login: str) -> str | None:
        """A local user's password, or ``None`` where there is no such user."""
        user = self._users_file.read()["users"].get(login)
        return self._lab.secret(user["secret"]) if user else None

    def may_use_api(self, login: str) -> bool:
        document = self._users_file.read()
        role = document["users"].get(login, {}).get("role")
        return API_PERMISSION in document["roles"].get(role, [])

    def session_timeout(self) -> tuple[str, float]:
        """Kind of timeout, and lab seconds that a session lasts since its start or since its last use."""
        properties = self._server_file.read()["properties"]
        kind = properties.get("xms.publicapi.timeout.type", "STATIC_TIMEOUT")
        name = {"STATIC_TIMEOUT": "static", "INACTIVITY_TIMEOUT": "inactivity"}[kind]
        minutes = float(properties.get(f"xms.publicapi.{name}.timeout", "60"))
        return kind, self._lab.seconds(60 * minutes)
