# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``POST /application/filter``: search, filter ids, order and pages over the app list. Pure."""

from __future__ import annotations

import re
import typing as t

from . import queries
from .envelope import Refusal
from .store import Json

#: Fields of a list item, as documented.
ITEM_FIELDS = (
    "id",
    "name",
    "description",
    "creationDate",
    "lastModificationDate",
    "disabled",
    "nbSuccess",
    "nbFailure",
    "nbPending",
    "schedule",
    "permitAsRequired",
    "iconData",
    "appType",
    "categories",
    "roles",
    "workflow",
    "vppAccount",
)
#: Documented sort columns and the field behind each; the two of before 10.7.4 still work.
SORT_FIELDS = {
    **{name: name for name in ("id", "name", "appType", "disabled", "vppAccount")},
    **{name: name for name in ("creationDate", "lastModificationDate")},
    "createdOn": "creationDate",
    "lastUpdated": "lastModificationDate",
}
_APP_TYPES = {
    "mdx": "MDX",
    "enterprise": "Enterprise",
    "store": "App Store App",
    "weblink": "Web Link",
    "saas": "Web & SaaS",
}
_PLATFORMS = {"ios": "ios", "android": "android", "androidknox": "android_knox", "androidwork": "android_work"}
_QUOTED = re.compile(r"\s*'([^']*)'\s*")

Test = t.Callable[[Json], bool]


def select(apps: list[Json], query: Json) -> Json:
    """``applicationListData`` for a query.

    :raises Refusal: a field of the query that is not of the documented form.
    """
    found = [app for app in apps if _matches(app, query)]
    field = SORT_FIELDS[queries.choice(query, "applicationSortColumn", SORT_FIELDS)]
    if not isinstance(query.get("enableCount", False), bool | None):
        raise Refusal("enableCount is not a boolean")
    found.sort(key=lambda app: queries.sortable(app.get(field)), reverse=queries.descending(query))
    return {
        "totalMatchCount": len(found),
        "totalCount": len(apps),
        "appList": [{field: app.get(field) for field in ITEM_FIELDS} for app in queries.page(found, query)],
    }


def _matches(app: Json, query: Json) -> bool:
    search = queries.text(query, "search")
    groups = _groups(queries.text(query, "filterIds") or "[]")
    return search.casefold() in app["name"].casefold() and all(
        any(test(app) for test in tests) for tests in groups.values()
    )


def _groups(text: str) -> dict[str, list[Test]]:
    """Tests by kind: ids of one kind widen each other, kinds narrow each other."""
    groups: dict[str, list[Test]] = {}
    for identifier in _identifiers(text):
        kind, test = _test(identifier)
        groups.setdefault(kind, []).append(test)
    return groups


def _identifiers(text: str) -> list[str]:
    """``"['application.type.mdx','application.platform.ios']"``: a string, with single quotes inside."""
    if not (text.startswith("[") and text.endswith("]")):
        raise Refusal("filterIds is not a string of the form ['id', ...]")
    if not text[1:-1].strip():
        return []
    quoted = [_QUOTED.fullmatch(part) for part in text[1:-1].split(",")]
    if not all(quoted):
        raise Refusal("filterIds is not a string of the form ['id', ...]")
    return [match[1] for match in quoted if match]


def _test(identifier: str) -> tuple[str, Test]:
    if match := re.fullmatch(r"application\.type\.(\w+)", identifier):
        app_type = _APP_TYPES.get(match[1])
        if app_type:
            return "type", lambda app: app["appType"] == app_type
    if match := re.fullmatch(r"application\.platform\.(\w+)", identifier):
        platform = _PLATFORMS.get(match[1], match[1])
        return "platform", lambda app: app.get(platform) is not None
    if match := re.fullmatch(r"application\.category#(.+)@_fn_@app\.cat", identifier):
        category = match[1]
        return "category", lambda app: category in app["categories"]
    if match := re.fullmatch(r"application\.deliverygroup#(.+)@_fn_@app\.dg", identifier):
        group = match[1]
        return "delivery group", lambda app: group in app["roles"]
    raise Refusal(f"filterIds names {identifier!r}, which is not known")
