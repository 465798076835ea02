# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds about push, as plain data for people and playbooks."""

from __future__ import annotations

import typing as t

from ..core.errors import Refused
from ..core.https import Json
from . import rules
from .apps import App, get_app, is_mdx, list_apps
from .client import XmsClient
from .groups import list_groups
from .policies import Labels, words_of

UNKNOWN, UNLIKELY = "unknown", "unlikely"


def report(
    client: XmsClient,
    name: str,
    labels: t.Mapping[str, Labels],
    names: t.Mapping[str, str],
    expected: rules.Expected,
) -> dict[str, t.Any]:
    """The return values of ``xms_push_info``; its documentation has their meaning.

    :param name: of the app; empty for all MDX apps.
    :param labels: platform -> policy name -> label -> id.
    """
    listed = [app for app in list_apps(client, name) if not name or app.get("name") == name]
    apps = [get_app(client, int(app["id"]), str(app.get("name"))) for app in listed if is_mdx(app)]
    groups = _groups(client)
    described = [_app(app, labels, names, expected) for app in apps]
    return {
        "apps": described,
        "delivery_groups": groups,
        "takes_policies": UNLIKELY if any(app.root_key == "result" for app in apps) else UNKNOWN,
        "findings": [*_absent(name, listed, apps), *_of_apps(apps, groups), *_of_platforms(described)],
    }


def _app(app: App, labels: t.Mapping[str, Labels], names: t.Mapping[str, str], expected: rules.Expected) -> Json:
    platforms = []
    for name in app.platforms:
        platform = app.platform(name)
        words = words_of(platform, labels.get(name, {}), names)
        found = rules.obstacles(name, words, expected)
        platforms.append(
            {
                "name": name,
                "version": platform.version,
                "policies": words,
                "obstacles": [obstacle.shown() for obstacle in found],
            }
        )
    return {
        "id": app.id,
        "name": app.name,
        "disabled": app.disabled,
        "last_modified": app.last_modified,
        "delivery_groups": app.groups,
        "platforms": platforms,
    }


def _groups(client: XmsClient) -> list[Json] | None:
    """Names of the delivery groups, and whether they are off; ``None`` where the role may not see them."""
    try:
        listed = list_groups(client)
    except Refused:
        return None
    return [{"name": str(group.get("name")), "disabled": group.get("disabled") is True} for group in listed]


def _finding(code: str, app: str, platform: str, sentence: str, remedy: str) -> Json:
    return {
        "code": code,
        "app": app,
        "platform": platform,
        "sentence": sentence,
        "remedy": remedy,
        "link": rules.LINK,
    }


def _absent(name: str, listed: t.Sequence[Json], apps: t.Sequence[App]) -> t.Iterator[Json]:
    if name and not apps:
        kinds = ", ".join(str(app.get("appType")) for app in listed)
        there = f"only one of another type: {kinds}" if kinds else "none of any type"
        yield _finding("app-absent", name, "", f"There is no MDX app of this name, {there}", "Upload it: xms_mdx_app")
    if name and len(apps) > 1:
        ids = ", ".join(str(app.id) for app in apps)
        yield _finding("app-twice", name, "", f"There are several MDX apps of this name: {ids}", "Rename or remove one")


def _of_apps(apps: t.Sequence[App], groups: t.Sequence[Json] | None) -> t.Iterator[Json]:
    off = {group["name"] for group in groups or () if group["disabled"]}
    for app in apps:
        if app.disabled:
            yield _finding("app-disabled", app.name, "", "The app is disabled", "Enable it: Configure > Apps")
        if not app.groups:
            yield _finding("not-given-out", app.name, "", "No delivery group gives it out", "Assign it: xms_mdx_app")
        elif set(app.groups) <= off:
            named = ", ".join(app.groups)
            yield _finding(
                "groups-disabled",
                app.name,
                "",
                f"Every delivery group that gives it out is disabled: {named}",
                "Enable one: Configure > Delivery Groups",
            )


def _of_platforms(apps: t.Iterable[Json]) -> t.Iterator[Json]:
    for app in apps:
        for platform in app["platforms"]:
            for obstacle in platform["obstacles"]:
                yield {**obstacle, "app": app["name"]}
