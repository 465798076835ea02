# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One App ID with push, its devices and its profile as a resource: read, planned, written."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..core import files
from ..core.errors import PushOpsError, UnexpectedState
from ..core.mdx.profile import LARGEST_PROFILE, parse_profile
from ..core.reconcile import Plan, Resource
from .account import AD_HOC, PROFILE_TYPES, PUSH, Account, content_of, read_account
from .client import DeveloperClient
from .desired import Desired, DesiredProfile
from .plan import DeleteProfile, EnablePush, MakeAppId, MakeProfile, RegisterDevice, WriteFile, current, plan
from .standing import judge

#: Certificates and device ids are no secrets, and whoever wraps the app must read it.
_MODE = 0o644


@dataclass(frozen=True)
class State:
    """
    :param file: what the profile was downloaded to holds; ``None`` where there is none.
    """

    account: Account
    file: bytes | None = field(default=None, repr=False)


class AppId(Resource[State]):
    """Nothing is ever deleted but superseded profiles, and these only where it is asked."""

    def __init__(self, client: DeveloperClient, desired: Desired) -> None:
        self._client, self._desired = client, desired
        self.header = f"developer account: {desired.bundle_id}"

    def read(self) -> State:
        asked = self._desired.profile
        return State(
            read_account(self._client, self._desired.bundle_id, bool(self._desired.devices)),
            _downloaded(asked) if asked else None,
        )

    def plan(self, present: State) -> Plan:
        return plan(present.account, present.file, self._desired)

    def apply(self, plan: Plan) -> None:
        made = ""
        content = b""
        for change in plan.changes:
            match change.action:
                case MakeAppId():
                    attributes = {
                        "name": self._desired.name,
                        "identifier": self._desired.bundle_id,
                        "platform": "IOS",
                    }
                    made = str(self._client.create("bundleIds", attributes)["id"])
                case EnablePush(app_id=app_id):
                    capability = {"capabilityType": PUSH, "settings": []}
                    self._client.create("bundleIdCapabilities", capability, bundleId=("bundleIds", app_id or made))
                case RegisterDevice(name=name, udid=udid):
                    self._client.create("devices", {"name": name, "udid": udid, "platform": "IOS"})
                case MakeProfile(app_id=app_id, name=name, certificates=certificates):
                    content = self._make_profile(app_id or made, name, certificates)
                case WriteFile(content=known):
                    self._write(known if known is not None else content)
                case DeleteProfile(id=identifier):
                    self._client.delete("profiles", identifier)

    def shown(self, state: State) -> dict[str, t.Any]:
        """App ID and profile as they stand in a module's result."""
        profile = current(state.account, self._desired)
        finding = judge(profile, self._desired.now, self._desired.renew_before) if profile else None
        return {
            "app_id": state.account.shown(),
            "profile": profile.shown() if profile else None,
            "finding": finding.shown() if finding else None,
        }

    def _make_profile(self, app_id: str, name: str, certificates: t.Iterable[str]) -> bytes:
        asked = self._profile
        related: dict[str, t.Any] = {
            "bundleId": ("bundleIds", app_id),
            "certificates": [("certificates", one) for one in certificates],
        }
        if asked.type == AD_HOC:
            wanted = {one.udid.lower() for one in self._desired.devices}
            known = self._client.list("devices", _platform="IOS")
            related["devices"] = [
                ("devices", str(one["id"])) for one in known if str(one["attributes"]["udid"]).lower() in wanted
            ]
        return content_of(
            self._client.create("profiles", {"name": name, "profileType": PROFILE_TYPES[asked.type]}, **related)
        )

    def _write(self, content: bytes) -> None:
        path = self._profile.path
        if path is None:
            return
        profile = parse_profile(content, "the profile that Apple gave")
        if profile.bundle_id != self._desired.bundle_id:
            raise UnexpectedState(
                f"Apple gave a profile for {profile.bundle_id}, expected one for {self._desired.bundle_id}",
                "Look at the profile in the developer portal; the file was not written",
            )
        files.replace(path, content, _MODE)

    @property
    def _profile(self) -> DesiredProfile:
        if self._desired.profile is None:
            raise UnexpectedState("No profile is asked for", "Name one in profile")
        return self._desired.profile


def _downloaded(asked: DesiredProfile) -> bytes | None:
    """What lies where the profile goes.

    :raises UnexpectedState: something that is no profile; it is never written over.
    """
    content = files.read(asked.path, LARGEST_PROFILE) if asked.path else None
    if content is not None:
        try:
            parse_profile(content, str(asked.path))
        except PushOpsError as problem:
            raise UnexpectedState(
                f"{asked.path} is there but is no provisioning profile: {problem.what}",
                "Correct profile.path, or move the file away: it is not overwritten",
            ) from None
    return content
