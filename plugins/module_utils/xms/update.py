# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The update of one platform: what the PUT is given, and which values a refusal may be about."""

from __future__ import annotations

import typing as t

from ..core.errors import Refused
from ..core.https import Json
from .apps import Platform, value_of
from .client import XmsClient

#: What the PUT takes of a platform beside its policies ("Public API for REST Services", April 2021, 3.15.2.4).
_DETAILS = (
    "displayName",
    "description",
    "removeWithMdm",
    "preventBackup",
    "minOsVersion",
    "maxOsVersion",
    "excludedDevices",
)
_SHOWN_CHARACTERS = 40


def put_policies(client: XmsClient, app_id: int, platform: Platform, items: t.Sequence[Json]) -> None:
    """
    :raises Refused: the server takes none of it. How long a value may be, for example, is not published, so the error
        names every value with its length.
    """
    try:
        client.request("PUT", f"/application/mobile/mdx/{platform.name}/{app_id}", put_body(platform, items))
    except Refused as problem:
        asked = "; ".join(_asked(item) for item in items) or "no policy, only the details that were read"
        raise Refused(
            f"{problem.what}. It was asked to set: {asked}", f"Correct the value that it means. {problem.remedy}"
        ) from None


def put_body(platform: Platform, items: t.Sequence[Json]) -> Json:
    """A PUT with these policies, and with the platform's own details as the server showed them."""
    body: Json = {key: platform.details[key] for key in _DETAILS if platform.details.get(key) is not None}
    store = platform.details.get("store") or {}
    body["store"] = {key: store[key] for key in ("faqs", "storeSettings") if store.get(key) is not None}
    # "If you specify appVersion, you must update the version for subsequent updates": the sample sends it empty.
    body["appVersion"] = ""
    body["policies"] = list(items)
    return body


def _asked(item: Json) -> str:
    value = value_of(item)
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}..."
    return f"{str(item.get('title'))!r} to {shown!r} ({len(value)} characters)"
