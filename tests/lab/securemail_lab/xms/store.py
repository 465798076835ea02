# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server keeps on disk: apps and their policies, users and roles, settings, certificates, faults.

=======================  ===============================================================================================
``apps.json``            ``{"apps": [container, ...]}``; see :mod:`.containers`
``packages/``            the uploaded package of each platform of a container: ``<id>-<platform>.mdx`` (``.ipa``)
``uploads/``             uploads while they come in
``users.json``           ``{"users": {login: {"secret": name in secrets.json, "role": name}},
                         "roles": {name: [permission, ...]}}``; see :mod:`.permissions`
``server.json``          ``{"generation": "2021" | "2016", "properties": {server property: text}}``, and where it is to
                         be otherwise ``"language": "de"``, ``"reset_on_upload": true``,
                         ``"longest_value": characters``,
                         ``"cloud": {"login": name, "secret": name in secrets.json, "customer": name}``
``deliverygroups.json``  ``{"groups": [group, ...]}``; see :mod:`.groups`
``certificates.json``    ``{"certificates": [{"id", "description", "isActive", "certificate", "key"}, ...]}``, in PEM
``devices.json``         ``{"devices": {name: {"user": login}}}``: those that have checked in
``faults.json``          what is broken about the REST API right now; see :class:`securemail_lab.state.Faults`
=======================  ===============================================================================================

Faults, one of: ``{"down": true}`` (HTTP 503), ``{"html": true}`` (a log-on page with HTTP 200 instead of JSON),
``{"status": 1, "message": "..."}`` (HTTP 200 whose envelope says no; the login still works),
``{"expire_sessions": true}`` (every session ends, once); or ``{"schedule": [...]}``, see :mod:`.mishaps`.
"""

from __future__ import annotations

import typing as t

from ..lab import Lab
from ..state import Faults, JsonFile

Json = dict[str, t.Any]

HOST = "xms"
#: Root key of an app: the 2021 document shows "container", those of 10.3 and October 2016 "result".
ROOT_KEY = {"2021": "container", "2016": "result"}
#: Platforms of an MDX app by the document that describes the server.
MDX_PLATFORMS = {
    "2021": ("ios", "android", "windows", "windows_tab"),
    "2016": ("ios", "android", "windows", "windows_tab", "android_work", "android_knox"),
}
_TIMEOUT_TYPE = "xms.publicapi.timeout.type"
#: Server properties that are there without anybody having set them; timeouts in minutes.
PROPERTIES = {
    _TIMEOUT_TYPE: "STATIC_TIMEOUT",
    "xms.publicapi.static.timeout": "60",
    "xms.publicapi.inactivity.timeout": "60",
}


class Store:
    """One server's files, read for every decision."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        folder = lab.state(HOST)
        self.apps_file = JsonFile(folder / "apps.json", {"apps": []})
        self.groups_file = JsonFile(folder / "deliverygroups.json", {"groups": []})
        self.certificates_file = JsonFile(folder / "certificates.json", {"certificates": []})
        self.devices_file = JsonFile(folder / "devices.json", {"devices": {}})
        self._users_file = JsonFile(folder / "users.json", {"users": {}, "roles": {}})
        self._server_file = JsonFile(folder / "server.json", {"generation": "2021", "properties": {}})
        self.faults_file = JsonFile(folder / "faults.json")
        self.faults = Faults(self.faults_file)
        self.uploads = folder / "uploads"
        self.packages = folder / "packages"

    @property
    def apps(self) -> list[Json]:
        found: list[Json] = self.apps_file.read()["apps"]
        return found

    @property
    def groups(self) -> list[Json]:
        found: list[Json] = self.groups_file.read()["groups"]
        return found

    @property
    def generation(self) -> str:
        return str(self._server_file.read()["generation"])

    @property
    def language(self) -> str:
        """The language of policies' words."""
        return str(self._server_file.read().get("language", "en"))

    @property
    def resets_on_upload(self) -> bool:
        """Whether a new version brings every policy back to its default."""
        return bool(self._server_file.read().get("reset_on_upload"))

    @property
    def longest_value(self) -> int | None:
        """How many characters a policy may hold; none for any number."""
        found: int | None = self._server_file.read().get("longest_value")
        return found

    @property
    def cloud(self) -> dict[str, str]:
        """How Citrix Cloud logs in; empty on premises."""
        found: dict[str, str] = self._server_file.read().get("cloud") or {}
        return found

    @property
    def properties(self) -> dict[str, str]:
        """Server properties that somebody has set."""
        found: dict[str, str] = self._server_file.read()["properties"]
        return found

    def secret(self, name: str) -> str:
        return self._lab.secret(name)

    def password(self, login: str) -> str | None:
        """A local user's password, or ``None`` where there is no such user."""
        user = self._users_file.read()["users"].get(login)
        return self._lab.secret(user["secret"]) if user else None

    def may(self, login: str, permissions: set[str]) -> bool:
        """Whether a user's role has all these permissions."""
        document = self._users_file.read()
        role = document["users"].get(login, {}).get("role")
        return permissions <= set(document["roles"].get(role, []))

    def session_timeout(self) -> tuple[str, float]:
        """Kind of timeout, and lab seconds that a session lasts since its start or since its last use."""
        properties = {**PROPERTIES, **self.properties}
        kind = properties[_TIMEOUT_TYPE]
        name = {"STATIC_TIMEOUT": "static", "INACTIVITY_TIMEOUT": "inactivity"}[kind]
        return kind, self._lab.seconds(60 * float(properties[f"xms.publicapi.{name}.timeout"]))
