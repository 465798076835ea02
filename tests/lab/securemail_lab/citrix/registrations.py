# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of one region, the badge of each user, and which items are counted in it."""

from __future__ import annotations

import dataclasses
import secrets

from ..lab import Lab
from ..state import JsonFile

_COUNTED_KEPT = 500


@dataclasses.dataclass(frozen=True)
class Registration:
    """One device of one user. ``opaque`` is the last word of its listener URL."""

    token: str
    customer_id: str
    bundle_id: str
    user: str
    device: str
    opaque: str


class Registrations:
    """``state/push-<region>/registrations.json``: {devices: {token: registration}, users: {user: {badge, counted}}}."""

    def __init__(self, lab: Lab, region: str) -> None:
        self._file = JsonFile(lab.state(f"push-{region}") / "registrations.json", {"devices": {}, "users": {}})

    def add(self, token: str, customer_id: str, bundle_id: str, user: str, device: str) -> Registration:
        """Register a device; one that is known keeps its listener URL."""
        with self._file.edit() as document:
            known = document["devices"].get(token)
            opaque = known["opaque"] if known else secrets.token_urlsafe(24)
            registration = Registration(token, customer_id, bundle_id, user, device, opaque)
            document["devices"][token] = dataclasses.asdict(registration)
            document["users"].setdefault(user, {"badge": 0, "counted": []})
        return registration

    def remove(self, token: str) -> None:
        with self._file.edit() as document:
            document["devices"].pop(token, None)

    def by_opaque(self, opaque: str) -> Registration | None:
        return next((each for each in self._all() if each.opaque == opaque), None)

    def of_user(self, user: str) -> list[Registration]:
        return [each for each in self._all() if each.user == user]

    def count(self, user: str, items: list[str]) -> int | None:
        """Count items into the user's badge, each once however many subscriptions tell of it.

        Returns the badge, or none where nothing is new.
        """
        with self._file.edit() as document:
            record = document["users"].setdefault(user, {"badge": 0, "counted": []})
            fresh = [item for item in dict.fromkeys(items) if item not in record["counted"]]
            record["badge"] += len(fresh)
            record["counted"] = [*record["counted"], *fresh][-_COUNTED_KEPT:]
            return int(record["badge"]) if fresh else None

    def seen(self, token: str) -> bool:
        """The user opened the app on a device: nothing is unread. False for an unknown device."""
        with self._file.edit() as document:
            known = document["devices"].get(token)
            if known:
                document["users"][known["user"]]["badge"] = 0
        return known is not None

    def _all(self) -> list[Registration]:
        return [Registration(**each) for each in self._file.read()["devices"].values()]
