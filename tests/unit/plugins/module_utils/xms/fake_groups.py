# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery groups whose PUT replaces every list."""

from __future__ import annotations

import typing as t
import urllib.parse

Json = dict[str, t.Any]


class FakeGroups:
    def __init__(self, *names: str) -> None:
        self.all: list[Json] = [
            {
                "id": number,
                "name": name,
                "description": f"of {name}",
                "disabled": False,
                "devicePolicies": [{"name": "Passcode"}],
                "smartActions": [],
                "groups": [{"uniqueId": "S-1-5", "domainName": "contoso.com"}],
                "users": [],
                "rules": None,
            }
            for number, name in enumerate(names, start=1)
        ]

    def answer(self, method: str, path: str, body: Json, apps: list[Json]) -> tuple[int, Json]:
        if path == "/deliverygroups/filter":
            return 200, {"status": 0, "dgListData": {"dgList": [self._shown(group, apps) for group in self.all]}}
        name = body["name"] if method == "PUT" else urllib.parse.unquote(path.removeprefix("/deliverygroups/"))
        found = [group for group in self.all if group["name"] == name]
        if not found:
            return 400, {"status": 1, "message": f"There is no delivery group {name}"}
        if method == "PUT":
            for field in ("description", "devicePolicies", "smartActions", "groups", "users", "rules"):
                found[0][field] = body.get(field, [] if field.endswith("s") and field != "rules" else None)
            given = {item["name"] for item in body["applications"]}
            for one in apps:
                others = [role for role in one["roles"] if role != name]
                one["roles"] = [*others, name] if one["name"] in given else others
        return 200, {"status": 0, "message": "Success", "role": self._shown(found[0], apps)}

    @staticmethod
    def _shown(group: Json, apps: list[Json]) -> Json:
        given = [{"name": one["name"], "priority": -1} for one in apps if group["name"] in one["roles"]]
        return {**group, "applications": given}
