# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App containers of a XenMobile Server: found by name, and one platform of one as a value."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.https import Json
from .client import XmsClient

#: Root key of an app: "container" in the document of April 2021, "result" in the earlier ones.
_ROOT_KEYS = ("container", "result")
_PAGE = 100


@dataclass(frozen=True)
class App:
    """One app container as the server shows it, and the policies of one platform of it."""

    id: int
    name: str
    platform: str
    details: Json
    policies: tuple[Json, ...]

    @classmethod
    def of(cls, identifier: int, name: str, platform: str, container: Json) -> App:
        """
        :raises UnexpectedState: the app has no such platform.
        """
        details = container.get(platform)
        if not isinstance(details, dict):
            raise UnexpectedState(
                f"{name!r} has no platform {platform!r} on the server",
                "Upload the .mdx for this platform, or correct platform",
            )
        return cls(identifier, name, platform, details, tuple(details.get("policies") or ()))

    def policy(self, title: str, names: t.Mapping[str, str]) -> Json:
        """The one policy of a title, or of the name that the operator gave for the title.

        :raises UnexpectedState: none or several.
        """
        wanted = names.get(title)
        field, value = ("policyName", wanted) if wanted else ("title", title)
        found = [policy for policy in self.policies if str(policy.get(field, "")).strip() == value]
        if len(found) == 1:
            return found[0]
        titles = ", ".join(sorted(repr(str(policy.get("title"))) for policy in self.policies)) or "none"
        raise UnexpectedState(
            f"Expected one policy with the {'name' if wanted else 'title'} {value!r} in {self.name!r} "
            f"({self.platform}), found {len(found)}; titles there: {titles}",
            f"Give the policy's name in policy_names under {title!r}, if titles are in another language or not unique",
        )


def container_of(answer: Json) -> Json | None:
    """The app in an answer, under the key of either document."""
    for key in _ROOT_KEYS:
        if isinstance(answer.get(key), dict):
            found: Json = answer[key]
            return found
    return None


def find_app(client: XmsClient, name: str) -> int:
    """Id of the one MDX app of a name.

    :raises UnexpectedState: none or several.
    """
    # By id, because a list that changes between two pages can show an app twice.
    found: dict[int, Json] = {}
    start = 0
    while True:
        page, total = _list(client, name, start)
        found.update({app["id"]: app for app in page if app.get("name") == name})
        start += _PAGE
        if not page or start >= total:
            break
    mdx = [identifier for identifier, app in found.items() if str(app.get("appType")).upper() == "MDX"]
    if len(mdx) == 1:
        return mdx[0]
    kinds = ", ".join(f"id {identifier} ({app.get('appType')})" for identifier, app in found.items()) or "none"
    raise UnexpectedState(
        f"Expected one MDX app named {name!r} on the server, found {len(mdx)}; apps of that name: {kinds}",
        "Correct app, or give the app a name of its own on the server",
    )


def _list(client: XmsClient, search: str, start: int) -> tuple[list[Json], int]:
    """One page of the apps whose name contains a text, and how many there are in all."""
    query = {"start": start, "limit": _PAGE, "search": search, "enableCount": True}
    listed = client.request("POST", "/application/filter", query).get("applicationListData")
    if not isinstance(listed, dict) or not isinstance(listed.get("appList") or [], list):
        raise UnexpectedState(
            "The server's list of apps has no applicationListData with an appList",
            "Check that the user may see apps, and report the server's version",
        )
    total = listed.get("totalMatchCount")
    return listed.get("appList") or [], total if isinstance(total, int) else 0
