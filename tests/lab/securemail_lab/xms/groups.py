# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery groups: who gets which apps (3.10 of "Public API for REST Services", April 2021).

An app knows its groups (``roles``), by name; a group keeps only how it gives out an app. The answers' keys
(``dgListData.dgList``, ``role``), and that a list left out of the PUT is emptied, are what ArnaudPain's XenMobile
scripts rely on, which read every list and send it back.
"""

from __future__ import annotations

import typing as t

from . import queries
from .envelope import Refusal
from .store import Json

EVERYBODY = "AllUsers"
_LISTS = ("devicePolicies", "smartActions", "groups", "users")
_SHOWN = ("id", "name", "description", "disabled", *_LISTS, "rules")
_SORT_FIELDS = ("id", "name", "description")


def new(identifier: int, name: str, users: t.Sequence[str] = ()) -> Json:
    """A delivery group.

    :param users: logins of its members.
    """
    return {
        "id": identifier,
        "name": name,
        "description": "",
        "disabled": False,
        "devicePolicies": [],
        "smartActions": [],
        "groups": [],
        "users": [{"uniqueName": user} for user in users],
        "rules": None,
        "links": {},
        "deployment": {"pending": [], "done": []},
    }


def find(groups: list[Json], id_or_name: t.Any) -> Json:
    """
    :raises Refusal: no such group.
    """
    if isinstance(id_or_name, bool) or not isinstance(id_or_name, int | str):
        raise Refusal("A delivery group is named by its id or its name")
    for group in groups:
        if str(group["id"]) == str(id_or_name) or group["name"] == id_or_name:
            return group
    raise Refusal(f"There is no delivery group {id_or_name}")


def shown(group: Json, apps: list[Json]) -> Json:
    """A group as the API shows it, with the apps that name it."""
    applications = [
        {"name": app["name"], **group["links"].get(app["name"], {"priority": -1, "required": False})}
        for app in apps
        if group["name"] in app["roles"]
    ]
    return {**{field: group[field] for field in _SHOWN}, "applications": applications}


def select(groups: list[Json], apps: list[Json], query: Json) -> Json:
    """``dgListData`` for a query.

    :raises Refusal: a field of the query that is not of the documented form.
    """
    search = queries.text(query, "search").casefold()
    column = queries.choice(query, "deliveryGroupSortColumn", _SORT_FIELDS)
    found = [group for group in groups if search in group["name"].casefold()]
    found.sort(key=lambda group: queries.sortable(group[column]), reverse=queries.descending(query))
    return {
        "totalMatchCount": len(found),
        "totalCount": len(groups),
        "dgList": [shown(group, apps) for group in queries.page(found, query)],
    }


def replace(group: Json, apps: list[Json], body: Json) -> None:
    """Change a group and the apps that it gives out, in place: a list that the request leaves out is emptied.

    :raises Refusal: something in the body is not of the documented form; the caller must then keep both as they were.
    """
    links = {}
    names = {app["name"] for app in apps}
    for item in _objects(body, "applications"):
        if queries.text(item, "name") not in names:
            raise Refusal(f"There is no app named {item.get('name')!r}")
        priority = item.get("priority", -1)
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise Refusal("priority is not a number")
        links[item["name"]] = {"priority": priority, "required": _flag(item.get("required", False))}
    group["links"] = links
    for app in apps:
        others = [role for role in app["roles"] if role != group["name"]]
        app["roles"] = [*others, group["name"]] if app["name"] in links else others
    for field in _LISTS:
        group[field] = _objects(body, field)
    if body.get("description") is not None:
        group["description"] = queries.text(body, "description")
    group["rules"] = queries.text(body, "rules") or None


def gives(groups: list[Json], app: Json, user: str) -> bool:
    """Whether a user gets an app: by a group that is on and has everybody, or this user, in it."""
    return any(group["name"] in app["roles"] and not group["disabled"] and _has(group, user) for group in groups)


def _has(group: Json, user: str) -> bool:
    members = [member.get("uniqueName") for member in group["users"]]
    return user in members or (not members and not group["groups"])


def deploy(group: Json, devices: t.Mapping[str, Json]) -> None:
    """Have the group's devices fetch what it gives out; each is pending until it has checked in."""
    pending = [name for name, device in devices.items() if not group["disabled"] and _has(group, device["user"])]
    group["deployment"] = {"pending": pending, "done": []}


def checked_in(groups: list[Json], device: str) -> None:
    """Note that a device has fetched what it was to fetch."""
    for group in groups:
        deployment = group["deployment"]
        if device in deployment["pending"]:
            deployment["pending"].remove(device)
            deployment["done"].append(device)


def status(group: Json) -> Json:
    """How far the latest deployment of a group is."""
    pending, done = (len(group["deployment"][state]) for state in ("pending", "done"))
    return {"name": group["name"], "nbSuccess": done, "nbFailure": 0, "nbPending": pending}


def _objects(body: Json, name: str) -> list[Json]:
    items = body.get(name)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(f"{name} is not a list of objects")
    return items


def _flag(value: t.Any) -> bool:
    """A boolean, or its name: public scripts send it as text."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise Refusal("required is not a boolean")
    return value
