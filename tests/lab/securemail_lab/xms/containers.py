# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App containers: what the server keeps of one, and what the API shows of it.

A container has every field that the API shows, and what only the server knows: ``bundleId`` of a platform and the
``enumValues`` of a policy. Fields: 3.15 of "Public API for REST Services" (April 2021), whose sample of a platform has
no bundle id and whose policies list no choices.
"""

from __future__ import annotations

import typing as t

from . import languages
from .envelope import Refusal
from .listing import ITEM_FIELDS
from .store import Json

PLATFORMS = ("ios", "android", "android_knox", "android_work", "windows", "windows_tab")
#: Platforms of an app of the public store.
STORE_PLATFORMS = ("iphone", "ipad", "android", "android_work", "windows", "windows_phone")
_PLATFORM_FIELDS = (
    "displayName",
    "description",
    "paid",
    "removeWithMdm",
    "preventBackup",
    "changeManagementState",
    "associateToDevice",
    "canAssociateToDevice",
    "appVersion",
    "minOsVersion",
    "maxOsVersion",
    "excludedDevices",
    "store",
    "avppParams",
    "avppTokenParams",
    "rules",
    "appType",
    "uuid",
    "id",
)
_STORE_FIELDS = (*(field for field in _PLATFORM_FIELDS if field != "appType"), "checkForUpdate")
_POLICY_FIELDS = (
    "policyName",
    "policyValue",
    "policyType",
    "policyCategory",
    "title",
    "description",
    "units",
    "explanation",
)


def find(apps: list[Json], identifier: str, *app_types: str) -> Json:
    """
    :param app_types: the types that the request is for; any where none is given.
    :raises Refusal: no such app.
    """
    for app in apps:
        if str(app["id"]) == identifier and (not app_types or app["appType"] in app_types):
            return app
    raise Refusal(f"There is no {' or '.join(app_types) or 'app'} with the id {identifier}")


def shown(app: Json, language: str) -> Json:
    """An MDX or enterprise container as the API shows it: documented fields only."""
    container = {field: app.get(field) for field in ITEM_FIELDS}
    for name in PLATFORMS:
        platform = app.get(name)
        container[name] = platform and {
            **{field: platform.get(field) for field in _PLATFORM_FIELDS},
            "policies": [_shown_policy(policy, language) for policy in platform["policies"]],
        }
    return container


def shown_from_store(app: Json) -> Json:
    """A container of a public store app as the API shows it."""
    container = {field: app.get(field) for field in ITEM_FIELDS}
    for name in STORE_PLATFORMS:
        platform = app.get(name)
        container[name] = platform and {field: platform.get(field) for field in _STORE_FIELDS}
    return container


def _shown_policy(policy: Json, language: str) -> Json:
    words = {field: policy.get(field) for field in _POLICY_FIELDS}
    for field in ("policyCategory", "title", "units"):
        words[field] = languages.translated(words[field], language)
    return words


def new(identifier: int, name: str, app_type: str, created: int, **platforms: t.Any) -> Json:
    """A container.

    :param created: milliseconds since 1970.
    :param platforms: platform name -> platform.
    """
    return {
        "id": identifier,
        "name": name,
        "description": "",
        "creationDate": created,
        "lastModificationDate": created,
        "disabled": False,
        "nbSuccess": 0,
        "nbFailure": 0,
        "nbPending": 0,
        "schedule": None,
        "permitAsRequired": True,
        "iconData": None,
        "appType": app_type,
        "categories": ["default"],
        "roles": ["AllUsers"],
        "workflow": None,
        "vppAccount": None,
        **dict.fromkeys(PLATFORMS),
        **platforms,
    }


def new_platform(
    identifier: int, name: str, app: str, bundle_id: str, version: str, policies: list[Json], minimum: str = ""
) -> Json:
    """One platform of a container as it stands after the first upload."""
    return {
        "displayName": app,
        "description": "",
        "paid": False,
        "removeWithMdm": True,
        "preventBackup": True,
        "changeManagementState": True,
        "associateToDevice": False,
        "canAssociateToDevice": False,
        "appVersion": version,
        "minOsVersion": minimum,
        "maxOsVersion": "",
        "excludedDevices": "",
        "store": {
            "rating": {"rating": 0, "reviewerCount": 0},
            "screenshots": [],
            "faqs": [],
            "storeSettings": {"rate": True, "review": True},
        },
        "policies": policies,
        "avppParams": None,
        "avppTokenParams": None,
        "rules": None,
        "appType": f"mobile_{name}",
        "uuid": f"00000000-0000-4000-8000-{identifier:012d}",
        "id": identifier,
        "bundleId": bundle_id,
    }


def next_id(apps: list[Json]) -> int:
    """An id that no container and no platform has."""
    names = {*PLATFORMS, *STORE_PLATFORMS}
    taken = [app["id"] for app in apps]
    taken += [app[name]["id"] for app in apps for name in names if app.get(name)]
    return max(taken, default=0) + 1
