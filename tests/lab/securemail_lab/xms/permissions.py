# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role lets its users do over the REST API.

"Public API access" (PUBLIC_API_ACCESS) opens the API (3.1 of "Public API for REST Services", April 2021); what it then
reaches depends on the role's other permissions, so that Citrix advises a role of its own with no more than it needs
(citrix.com/blogs/2017/12/11/xenmobile-api-use-cases-and-examples). Ids have the form of 3.20, e.g.
``perm-feature-SETTING-``.
"""

from __future__ import annotations

API = "PUBLIC_API_ACCESS"
APPS = "perm-feature-APP-"
DELIVERY_GROUPS = "perm-feature-DELIVERYGROUP-"
SETTINGS = "perm-feature-SETTING-"
EVERYTHING = (API, APPS, DELIVERY_GROUPS, SETTINGS)
#: First part of a path below the API's base -> the permission that it needs beside API.
_NEEDED = {
    "application": APPS,
    "deliverygroups": DELIVERY_GROUPS,
    "serverproperties": SETTINGS,
    "certificates": SETTINGS,
}


def needed(path: str) -> set[str]:
    """The permissions for a path below the API's base, e.g. ``/application/filter``."""
    area = path.lstrip("/").partition("/")[0]
    return {API, _NEEDED[area]} if area in _NEEDED else {API}
