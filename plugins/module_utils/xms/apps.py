# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App containers of a XenMobile Server: found by name, and one platform of one as a value."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.https import Json
from .client import XmsClient
from .rules import LINK

#: Root key of an app: "container" in the document of April 2021, "result" in the earlier ones.
ROOT_KEYS = ("container", "result")
#: The platforms that an MDX container can have (both documents).
PLATFORMS = ("ios", "android", "android_knox", "android_work", "windows", "windows_tab")
_PAGE = 100


@dataclass(frozen=True)
class Platform:
    """One platform of a container as the server shows it."""

    app: str
    name: str
    details: Json
    policies: tuple[Json, ...]

    @property
    def version(self) -> str:
        return str(self.details.get("appVersion") or "")

    def find(self, title: str, names: t.Mapping[str, str]) -> list[Json]:
        """The policies of a title, or of the name that the operator gave for the title."""
        wanted = names.get(title)
        field, value = ("policyName", wanted) if wanted else ("title", title)
        return [policy for policy in self.policies if str(policy.get(field, "")).strip() == value]

    def policy(self, title: str, names: t.Mapping[str, str]) -> Json:
        """The one policy of a title, or of the name that the operator gave for the title.

        :raises UnexpectedState: none or several.
        """
        found = self.find(title, names)
        if len(found) == 1:
            return found[0]
        wanted = names.get(title)
        known = [f"{str(policy.get('title'))!r} ({policy.get('policyName')})" for policy in self.policies]
        there = ", ".join(sorted(known)) or "none"
        raise UnexpectedState(
            f"Expected one policy with the {'name' if wanted else 'title'} {wanted or title!r} in {self.app!r} "
            f"({self.name}), found {len(found)}; titles and names there: {there}",
            f"Give the policy's name in policy_names under {title!r}, if titles are in another language or not unique",
        )

    def values(self) -> dict[str, str]:
        """Policy name -> value, of all policies."""
        return {str(policy.get("policyName")): value_of(policy) for policy in self.policies}


@dataclass(frozen=True)
class App:
    """One app container as the server shows it.

    :param root_key: the key under which the server shows an app, one of ``ROOT_KEYS``.
    """

    id: int
    name: str
    content: Json
    root_key: str = ROOT_KEYS[0]

    @property
    def platforms(self) -> list[str]:
        return [name for name in PLATFORMS if isinstance(self.content.get(name), dict)]

    @property
    def disabled(self) -> bool:
        return self.content.get("disabled") is True

    @property
    def groups(self) -> list[str]:
        """Names of the delivery groups that give it out."""
        return [str(name) for name in self.content.get("roles") or []]

    @property
    def last_modified(self) -> str:
        """When it was last changed on the server, in ISO 8601; empty where the server does not say."""
        moment = self.content.get("lastModificationDate")
        if isinstance(moment, bool) or not isinstance(moment, int):
            return ""
        return datetime.datetime.fromtimestamp(moment / 1000, datetime.UTC).isoformat(timespec="seconds")

    def platform(self, name: str) -> Platform:
        """
        :raises UnexpectedState: the app has no such platform.
        """
        details = self.content.get(name)
        if not isinstance(details, dict):
            raise UnexpectedState(
                f"{self.name!r} has no platform {name!r} on the server",
                "Upload the .mdx for this platform (xms_mdx_app), or correct the platform",
                LINK,
            )
        return Platform(self.name, name, details, tuple(details.get("policies") or ()))


def value_of(policy: Json) -> str:
    return str(policy.get("policyValue") or "")


def list_apps(client: XmsClient, search: str) -> list[Json]:
    """All apps whose name contains a text, as the server lists them."""
    # By id, because a list that changes between two pages can show an app twice.
    found: dict[int, Json] = {}
    start = 0
    while True:
        page, total = _list(client, search, start)
        found.update({app["id"]: app for app in page})
        start += _PAGE
        if not page or start >= total:
            return list(found.values())


def is_mdx(listed: Json) -> bool:
    return str(listed.get("appType")).upper() == "MDX"


def search_app(client: XmsClient, name: str) -> int | None:
    """Id of the one MDX app of a name; ``None`` where no app at all has that name.

    :raises UnexpectedState: several, or an app of another type.
    """
    named = [app for app in list_apps(client, name) if app.get("name") == name]
    mdx = [app["id"] for app in named if is_mdx(app)]
    if len(mdx) == 1:
        return int(mdx[0])
    if not named:
        return None
    kinds = ", ".join(f"id {app['id']} ({app.get('appType')})" for app in named)
    raise UnexpectedState(
        f"Expected one MDX app named {name!r} on the server, found {len(mdx)}; apps of that name: {kinds}",
        "Correct app, or give the app a name of its own on the server",
    )


def find_app(client: XmsClient, name: str) -> int:
    """Id of the one MDX app of a name.

    :raises UnexpectedState: none or several.
    """
    identifier = search_app(client, name)
    if identifier is None:
        raise UnexpectedState(
            f"Expected one MDX app named {name!r} on the server, found 0; apps of that name: none",
            "Correct app, or give the app a name of its own on the server",
            LINK,
        )
    return identifier


def get_app(client: XmsClient, identifier: int, name: str) -> App:
    """
    :raises UnexpectedState: the server does not show it.
    """
    answer = client.request("GET", f"/application/mobile/{identifier}")
    for key in ROOT_KEYS:
        if isinstance(answer.get(key), dict):
            return App(identifier, name, answer[key], key)
    raise UnexpectedState(
        f"The server answered for the app {name!r} (id {identifier}) but did not show it",
        "Check that the user may see the app, and report the server's version",
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
