# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery groups: read whole, and sent back whole with one more app.

The PUT replaces every list of a group (public scripts read all of them and send them back), so what cannot be read is
not written. Source: "Public API for REST Services", April 2021, 3.10.
"""

from __future__ import annotations

import typing as t
import urllib.parse

from ..core.errors import NotConverged, UnexpectedState
from ..core.https import Json
from .client import XmsClient

#: What the PUT replaces.
_LISTS = ("applications", "devicePolicies", "smartActions", "groups", "users")
_TEXTS = ("description", "rules")


def list_groups(client: XmsClient) -> list[Json]:
    """All delivery groups, as the server lists them."""
    listed = client.request("POST", "/deliverygroups/filter", {}).get("dgListData")
    found = listed.get("dgList") if isinstance(listed, dict) else None
    return found if isinstance(found, list) else []


def get_group(client: XmsClient, name: str) -> Json:
    """One delivery group with every list that a PUT would replace.

    :raises UnexpectedState: a list is not shown, so that a PUT would empty it.
    """
    answer = client.request("GET", f"/deliverygroups/{urllib.parse.quote(name, safe='')}")
    # The document's samples and the scripts disagree about the key, but there is only one object in the answer.
    shown: list[Json] = [value for value in answer.values() if isinstance(value, dict)]
    group = shown[0] if len(shown) == 1 else {}
    hidden = [field for field in _LISTS if not isinstance(group.get(field), list)]
    if hidden or group.get("name") != name:
        raise UnexpectedState(
            f"The server does not show the delivery group {name!r} whole ({', '.join(hidden) or 'name'} missing), so "
            "that a change would empty what it does not show",
            "Assign the app in the console: Configure > Delivery Groups",
        )
    return group


def with_app(group: Json, app: str) -> Json:
    """What the PUT says to give out one more app and to leave all else as it is. Pure."""
    body = {name: group[name] for name in ("id", "name", *_LISTS)}
    body |= {name: group[name] for name in _TEXTS if group.get(name) is not None}
    body["applications"] = [*group["applications"], {"name": app, "priority": -1, "required": False}]
    return body


def assign(client: XmsClient, group: Json, app: str) -> None:
    """Have a group give out an app.

    :param group: as ``get_group`` has read it.
    :raises NotConverged: the group reads otherwise than it was sent.
    """
    client.request("PUT", "/deliverygroups", with_app(group, app))
    after = get_group(client, group["name"])
    lost = [field for field in _LISTS[1:] if after[field] != group[field]]
    if lost or _names(group) | {app} != _names(after):
        raise NotConverged(
            f"The delivery group {group['name']!r} differs after the assignment in {', '.join(lost) or 'its apps'}",
            "Look at the group in the console: Configure > Delivery Groups",
        )


def _names(group: Json) -> set[t.Any]:
    return {item.get("name") for item in group["applications"]}
