# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One .mdx on its way to the server: what is restated beside it, and what an answer that never came means.

The upload restates name, description, categories, delivery groups and schedule; what it leaves out may be gone (public
upgrade scripts read them first and send them back). Source: "Public API for REST Services", April 2021, 3.15.2.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.https import AnswerLost, Json
from ..core.multipart import Multipart
from .apps import App, get_app, search_app
from .client import XmsClient

_CREATED = re.compile(r"Container Id: ([0-9]+)")
#: How often, and how long in between, a container is looked for whose upload brought no answer.
_LOOKS, _PAUSE = 3, 2.0
_SCHEDULE = (
    "enableDeployment",
    "deploySchedule",
    "deployDate",
    "deployTime",
    "deployScheduleCondition",
    "deployInBackground",
)


@dataclass(frozen=True)
class Upload:
    """An .mdx for one platform.

    :param patience: seconds that the server may take to answer.
    """

    path: str
    platform: str
    version: str
    patience: int


def app_info(name: str, description: str, categories: t.Sequence[str], groups: t.Sequence[str]) -> Json:
    """What is said of a new app."""
    return {
        "name": name,
        "description": description,
        "category": list(categories),
        "deliveryGroups": list(groups),
        "workflowTemplateName": "",
    }


def restated(app: App, more_groups: t.Sequence[str] = ()) -> Json:
    """What is said of an app that is there: that it stays as it is. Pure.

    :raises UnexpectedState: it has a schedule or workflow of a form that no document shows.
    """
    content = app.content
    info = app_info(
        app.name,
        str(content.get("description") or ""),
        [str(name) for name in content.get("categories") or []],
        list(dict.fromkeys([*app.groups, *more_groups])),
    )
    workflow = content.get("workflow")
    schedule = schedule_of(app)
    if not isinstance(workflow, (str, type(None))) or schedule is None:
        raise UnexpectedState(
            f"{app.name!r} has a {'workflow' if schedule is not None else 'deployment schedule'} of a form that the "
            "API's document does not show, so that an upload could lose it",
            "Upload this version in the console: Configure > Apps > Edit",
        )
    info["workflowTemplateName"] = workflow or ""
    if schedule:
        info["deploymentSchedule"] = schedule
    return info


def schedule_of(app: App) -> Json | None:
    """The deployment schedule as an upload states it; empty where there is none, ``None`` where it cannot be stated."""
    schedule = app.content.get("schedule")
    if not schedule:
        return {}
    if not isinstance(schedule, dict) or not set(schedule) <= set(_SCHEDULE):
        return None
    return {name: "" if value is None else value for name, value in schedule.items()}


def add_version(client: XmsClient, app: App, upload: Upload, info: Json) -> None:
    """Upload to a container that is there. Twice does no more than once, so a lost answer means one more try.

    :raises AnswerLost: the second upload, too, brought no answer.
    """
    path = f"/application/mobile/mdx/{upload.platform}/{app.id}"
    try:
        client.upload(path, _content(upload, info))
        return
    except AnswerLost:
        after = get_app(client, app.id, app.name)
    was = app.platform(upload.platform).version if upload.platform in app.platforms else ""
    arrived = upload.platform in after.platforms and after.platform(upload.platform).version == upload.version != was
    if not arrived:
        client.upload(path, _content(upload, info))


def add_app(client: XmsClient, upload: Upload, info: Json) -> int:
    """Make a container with its first platform; returns its id.

    Twice would make two apps of one name. So after a lost answer the server is asked what it has made of it, and the
    file is sent again only if the server cannot have had it whole.

    :raises UnexpectedState: whether there will be an app is not known.
    """
    content = _content(upload, info)
    path = f"/application/mobile/mdx/{upload.platform}"
    try:
        answer = client.upload(path, content)
    except AnswerLost as problem:
        identifier = _appears(client, info["name"])
        if identifier is not None:
            return _completed(client, identifier, upload, info)
        if content.complete:
            raise UnexpectedState(
                f"The server had the whole file and did not answer ({problem.what}); the app {info['name']!r} is not "
                "there yet",
                "Wait until the server has settled and run again: it looks for the app before it uploads",
            ) from None
        answer = client.upload(path, _content(upload, info))
    named = _CREATED.search(str(answer.get("message")))
    identifier = int(named[1]) if named else search_app(client, info["name"])
    if identifier is None:
        raise UnexpectedState(
            f"The server took the upload of {info['name']!r} and shows no app of that name",
            "Look for it in the console: Configure > Apps",
        )
    return identifier


def _appears(client: XmsClient, name: str) -> int | None:
    for look in range(_LOOKS):
        if look:
            client.pause(_PAUSE)
        identifier = search_app(client, name)
        if identifier is not None:
            return identifier
    return None


def _completed(client: XmsClient, identifier: int, upload: Upload, info: Json) -> int:
    """Bring the file to a container that an upload without an answer has left, unless it is there."""
    app = get_app(client, identifier, info["name"])
    if upload.platform not in app.platforms or app.platform(upload.platform).version != upload.version:
        add_version(client, app, upload, info)
    return identifier


def _content(upload: Upload, info: Json) -> Multipart:
    return Multipart({"appInfo": json.dumps(info)}, ("uploadFile", upload.path), upload.patience)
