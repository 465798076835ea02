# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One platform of an MDX app on the server: uploaded, brought to a version, given out, or taken away.

An upload must not cost the administrator anything: name, description, categories, delivery groups, schedule and the
values of policies are compared after it and restored where the server reset them.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput, NotConverged, Refused, UnexpectedState
from ..core.https import Json
from ..core.mdx.manifest import UNKNOWN
from ..core.mdx.package import Package
from ..core.reconcile import Change, Plan, Resource
from .apps import App, get_app, search_app
from .client import XmsClient
from .groups import assign, get_group
from .keeping import Keeping, Kept
from .mdx import version_of
from .restoring import NotCompared, lost, restore
from .rules import LINK
from .upload import Upload, add_app, add_version, app_info, restated


@dataclass(frozen=True)
class Wanted:
    """What the app is to be.

    :param present: ``False`` takes the container away with all its platforms.
    :param confirmed_id: the id of the container that may be taken away.
    :param description: of a new app.
    :param categories: of a new app.
    :param groups: delivery groups that give it out, beside those that do already.
    :param force: upload also what has the version that is there, or an older one.
    """

    app: str
    platform: str
    package: Package | None = None
    present: bool = True
    confirmed_id: int | None = None
    description: str = ""
    categories: tuple[str, ...] = ("default",)
    groups: tuple[str, ...] = ()
    force: bool = False
    bundle_id: str = ""
    patience: int = 600

    @property
    def upload(self) -> Upload:
        if self.package is None:
            raise InvalidInput("mdx_path", None, "the .mdx of the app", "Name it")
        return Upload(self.package.path, self.platform, version_of(self.package), self.patience)


@dataclass(frozen=True)
class State:
    """The container, where there is one, and the delivery groups that are to give it out and do not yet.

    :param unfinished: what an earlier run kept before an upload that it did not come to an end with.
    """

    app: App | None
    missing: dict[str, Json] = field(default_factory=dict)
    unfinished: Kept | None = None


def check(wanted: Wanted) -> Wanted:
    """
    :raises InvalidInput: an .mdx of another platform or of another app.
    """
    package = wanted.package
    if package is not None and package.platform not in (UNKNOWN, wanted.platform):
        raise InvalidInput(
            "mdx_path",
            package.path,
            f"an .mdx for {wanted.platform}, not for {package.platform}",
            "Name the .mdx of this platform",
        )
    if package is not None and wanted.bundle_id and package.bundle_id != wanted.bundle_id:
        raise InvalidInput(
            "mdx_path",
            package.path,
            f"the app {wanted.bundle_id}, not {package.bundle_id or 'none'}",
            "Wrap the app with the environment's bundle id, or correct bundle_id",
        )
    return wanted


class MdxApp(Resource[State]):
    """:ivar restored: what an upload had reset and was put back, in the words of the console."""

    def __init__(self, client: XmsClient, wanted: Wanted, keeping: Keeping) -> None:
        self._client = client
        self._keeping = keeping
        self._wanted = check(wanted)
        self._uploaded = False
        self.restored: list[str] = []
        self.header = f"{wanted.app} ({wanted.platform})"

    def close(self) -> None:
        self._client.close()

    def read(self) -> State:
        identifier = search_app(self._client, self._wanted.app)
        app = None if identifier is None else get_app(self._client, identifier, self._wanted.app)
        if not self._wanted.present:
            return State(app)
        missing = [name for name in self._wanted.groups if app is None or name not in app.groups]
        unfinished = None if app is None else self._keeping.find(app.id)
        return State(app, {name: get_group(self._client, name) for name in missing}, unfinished)

    def plan(self, present: State) -> Plan:
        app, wanted = present.app, self._wanted
        if not wanted.present:
            return Plan(() if app is None else (self._removal(app),))
        version = wanted.upload.version
        before = app.platform(wanted.platform).version if app and wanted.platform in app.platforms else None
        changes = []
        if present.unfinished and app:
            kept = present.unfinished
            reset = lost(kept.app, app)
            found = {"version": kept.version, "reset": reset}
            changes.append(Change("unfinished upload", found, None, (present, "finish"), LINK if reset else ""))
        if before is None or before != version or (wanted.force and not self._uploaded):
            if before is not None and not wanted.force and _is_older(version, before):
                raise UnexpectedState(
                    f"{wanted.app!r} has the version {before} on the server, and the .mdx is older: {version}",
                    "Name the newer .mdx, or set force to go back",
                )
            # An older version takes pushes as well as a newer one; no app at all takes none.
            changes.append(Change("version", before, version, (present, "upload"), LINK if before is None else ""))
        if present.missing:
            groups = app.groups if app else []
            after = [*groups, *present.missing]
            changes.append(Change("delivery groups", groups or None, after, (present, "assign"), LINK))
        return Plan(tuple(changes))

    def apply(self, plan: Plan) -> None:
        present: State = plan.changes[0].action[0]
        deeds = [change.action[1] for change in plan.changes]
        if present.unfinished:
            self._put_back(present.unfinished)
            present = self.read()  # an upload states again what is there now
        if "remove" in deeds:
            self._remove(present)
        elif "upload" not in deeds:
            self._assign(present)
        elif present.app is None:
            self._create(present)
        else:
            self._upgrade(present.app, tuple(present.missing))

    def describe(self, state: State) -> dict[str, t.Any]:
        """What a run has led to, as plain data."""
        app, platform = state.app, self._wanted.platform
        return {
            "app_id": app.id if app else None,
            "version": app.platform(platform).version if app and platform in app.platforms else "",
            "delivery_groups": app.groups if app else [],
            "restored": self.restored,
        }

    def _removal(self, app: App) -> Change:
        if self._wanted.confirmed_id != app.id:
            raise InvalidInput(
                "confirm_absent",
                self._wanted.confirmed_id,
                f"{app.id}, the id of {app.name!r} on the server, which has the platforms {', '.join(app.platforms)} "
                f"and is given out by {', '.join(app.groups) or 'no delivery group'}",
                "Set it only if the app may go with all its platforms, from the server and from every device",
            )
        return Change(
            "app",
            {"id": app.id, "platforms": app.platforms, "delivery groups": app.groups},
            None,
            (State(app), "remove"),
        )

    def _remove(self, present: State) -> None:
        if present.app is not None:
            self._client.request("DELETE", f"/application/{present.app.id}")
            self._keeping.forget(present.app.id)

    def _assign(self, present: State) -> None:
        for group in present.missing.values():
            assign(self._client, group, self._wanted.app)

    def _create(self, present: State) -> None:
        wanted = self._wanted
        info = app_info(wanted.app, wanted.description, wanted.categories, tuple(present.missing))
        add_app(self._client, wanted.upload, info)
        self._uploaded = True

    def _upgrade(self, before: App, more_groups: t.Sequence[str]) -> None:
        upload, info = self._wanted.upload, restated(before, more_groups)
        kept = Kept(before, upload.platform, upload.version)
        self._keeping.keep(kept)
        try:
            add_version(self._client, before, upload, info)
        except Refused:
            self._keeping.forget(before.id)
            raise
        self._uploaded = True
        self._put_back(kept)

    def _put_back(self, kept: Kept) -> None:
        """What an upload has reset. It is forgotten when it is known to be back, or when the error hands it over."""
        try:
            self.restored += restore(self._client, kept.app, kept.platform)
        except NotCompared:
            raise
        except NotConverged:
            self._keeping.forget(kept.app.id)
            raise
        self._keeping.forget(kept.app.id)


def _is_older(version: str, than: str) -> bool:
    """Whether one dotted number is below another; ``False`` where either is something else."""
    if not all(re.fullmatch(r"[0-9]+(\.[0-9]+)*", one) for one in (version, than)):
        return False
    mine, other = ([int(part) for part in one.split(".")] for one in (version, than))
    length = max(len(mine), len(other))
    return mine + [0] * (length - len(mine)) < other + [0] * (length - len(other))
