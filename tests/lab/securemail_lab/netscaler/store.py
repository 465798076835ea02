# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the NetScaler keeps: the running configuration, the saved one, the packet engine's ACLs, users, faults.

=================  =====================================================================================
``running.json``   ``{"objects": {resource: {name: object}}, "bindings": {resource: [binding, ...]},
                   "settings": {resource: object}}``; read for every decision
``saved.json``     the same, as of the last ``save ns config``; what a reboot starts from
``kernel.json``    ``{"acls": [nsacl, ...]}``: as of the last ``apply ns acls``
``users.json``     ``{login: {"secret": name in secrets.json, "commands": regular expression}}``
``system.json``    ``{"session_seconds": field seconds of inactivity}``
``faults.json``    see below and :class:`securemail_lab.state.Faults`
=================  =====================================================================================

Faults, one of: ``{"down": true}`` (HTTP 503), ``{"html": true}`` (a page with HTTP 200 instead of JSON),
``{"errorcode": n, "message": "...", "http": 599}`` (refused; the login still works), ``{"seconds": n}`` (answers late),
``{"expire_sessions": true}`` (every session ends, once). ``"only": "POST nsconfig"`` beside one keeps it to requests
that begin so.
"""

from __future__ import annotations

import typing as t

from ..lab import Lab
from ..state import Faults, JsonFile

Json = dict[str, t.Any]

HOST = "netscaler"
#: The Gateway virtual server: another address of the same machine.
VIRTUAL = "vpn"
_EMPTY: Json = {"objects": {}, "bindings": {}, "settings": {}}


class Store:
    """One NetScaler's files."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        folder = lab.state(HOST)
        self.running_file = JsonFile(folder / "running.json", _EMPTY)
        self._saved_file = JsonFile(folder / "saved.json", _EMPTY)
        self._kernel_file = JsonFile(folder / "kernel.json", {"acls": []})
        self._users_file = JsonFile(folder / "users.json")
        self._system_file = JsonFile(folder / "system.json", {"session_seconds": 1800})
        self.faults = Faults(JsonFile(folder / "faults.json"))

    @property
    def running(self) -> Json:
        found: Json = self.running_file.read()
        return found

    @property
    def saved(self) -> Json:
        found: Json = self._saved_file.read()
        return found

    @property
    def kernel_acls(self) -> list[Json]:
        """The ACLs that packets really meet."""
        found: list[Json] = self._kernel_file.read()["acls"]
        return found

    @property
    def changed(self) -> bool:
        return self.running != self.saved

    def save(self) -> None:
        self._saved_file.write(self.running)

    def apply_acls(self) -> None:
        """Hand all ACLs to the packet engine; those that are disabled go along and match nothing."""
        self._kernel_file.write({"acls": list(self.running["objects"].get("nsacl", {}).values())})

    def reboot(self) -> None:
        """Start from what was saved: the rest is lost. The saved configuration applies its ACLs."""
        self.running_file.write(self.saved)
        self.apply_acls()

    def password(self, login: str) -> str | None:
        """A system user's password, or ``None`` where there is no such user."""
        user = self._users_file.read().get(login)
        return self._lab.secret(user["secret"]) if user else None

    def commands(self, login: str) -> str:
        """The regular expression of the commands that a user may give."""
        return str(self._users_file.read().get(login, {}).get("commands", "(?!)"))

    def session_seconds(self) -> float:
        """Lab seconds of inactivity after which a session ends."""
        return self._lab.seconds(float(self._system_file.read()["session_seconds"]))
