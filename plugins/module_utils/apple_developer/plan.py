# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the account holds and what is asked to the changes. Pure."""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.reconcile import Change, Plan
from ..core.redact import fingerprint
from .account import AD_HOC, PUSH, Account, Certificate, Profile
from .desired import Desired, DesiredProfile
from .standing import CERTIFICATE_EXPIRING, EXPIRING, best, judge


@dataclass(frozen=True)
class MakeAppId:
    """Register the App ID."""


@dataclass(frozen=True)
class EnablePush:
    """
    :param app_id: the API's id of the App ID; empty for the one that was made just before, here and below.
    """

    app_id: str


@dataclass(frozen=True)
class RegisterDevice:
    name: str
    udid: str


@dataclass(frozen=True)
class MakeProfile:
    app_id: str
    name: str
    certificates: tuple[str, ...]  # ids


@dataclass(frozen=True)
class WriteFile:
    """
    :param content: ``None`` for that of the profile that was made just before.
    """

    content: bytes | None


@dataclass(frozen=True)
class DeleteProfile:
    id: str


def current(account: Account, desired: Desired) -> Profile | None:
    """The profile that counts: the one of the asked name and type that holds what is asked and serves longest."""
    asked = desired.profile
    if asked is None:
        return None
    return best(family(account, asked), desired.now, desired.renew_before, lambda one: not _lacks(one, desired, asked))


def _lacks(profile: Profile, desired: Desired, asked: DesiredProfile) -> str:
    """Stable code of what a profile has not, although it is asked for."""
    if set(asked.certificates) - {one.serial for one in profile.certificates}:
        return "certificate-not-in-profile"
    if asked.type == AD_HOC and {one.udid.lower() for one in desired.devices} - profile.devices:
        return "device-not-in-profile"
    return ""


def family(account: Account, asked: DesiredProfile) -> list[Profile]:
    """The profiles of a name, the ones that followed (``name 2``, ``name 3``) included."""
    name = re.compile(rf"{re.escape(asked.name)}( \d+)?")
    return [one for one in account.profiles if one.type == asked.type and name.fullmatch(one.name)]


def plan(account: Account, content: bytes | None, desired: Desired) -> Plan:
    """
    :param content: of the file that the profile is downloaded to; ``None`` where there is none.
    :raises UnexpectedState: a device or certificate that cannot be used.
    """
    changes: list[Change] = []
    if not account.id:
        changes.append(Change("App ID", None, f"{desired.bundle_id} ({desired.name})", MakeAppId()))
    if not account.push:
        changes.append(Change(PUSH, "off", "on", EnablePush(account.id)))
    for device in desired.devices:
        known = account.devices.get(device.udid.lower())
        if known is None:
            changes.append(Change(f"device {device.udid}", None, device.name, RegisterDevice(device.name, device.udid)))
        elif known.status == "DISABLED":
            raise UnexpectedState(
                f"The device {device.udid} ({known.name}) is disabled in the developer account",
                "Enable it in the developer portal, or take it out of devices",
            )
    if desired.profile is not None:
        changes += _of_profile(account, content, desired, desired.profile)
    return Plan(tuple(changes))


def _of_profile(account: Account, content: bytes | None, desired: Desired, asked: DesiredProfile) -> t.Iterator[Change]:
    present = current(account, desired)
    usable = _usable(account, asked, desired.now)
    why = _why_new(account, present, usable, desired, asked)
    old = [one for one in family(account, asked) if why or one != present]
    if why:
        if not usable:
            raise UnexpectedState(
                "There is no distribution certificate that is valid now, so no profile can be made",
                "Make a distribution certificate in the developer portal or in Xcode, then run again",
            )
        name = _free_name(account, asked)
        after: dict[str, t.Any] = {"name": name, "certificates": [one.serial for one in usable]}
        if asked.type == AD_HOC:
            after["devices"] = sorted(one.udid for one in desired.devices)
        before = {"name": present.name, "reason": why} if present else None
        yield Change(
            f"profile ({asked.type})", before, after, MakeProfile(account.id, name, tuple(one.id for one in usable))
        )
    target = None if why or present is None else present.content
    if asked.path and (target is None or target != content):
        yield Change(
            str(asked.path),
            None if content is None else fingerprint(content),
            f"the profile {_free_name(account, asked)}" if target is None else fingerprint(target),
            WriteFile(target),
        )
    if desired.remove_superseded:
        for one in old:
            yield Change(f"profile {one.name} ({one.uuid})", one.state, None, DeleteProfile(one.id))


def _why_new(
    account: Account,
    present: Profile | None,
    usable: tuple[Certificate, ...],
    desired: Desired,
    asked: DesiredProfile,
) -> str:
    """Stable code of the reason for which a new profile is made; empty where the present one stays."""
    if present is None:
        return "profile-missing"
    if not account.push:
        return "push-missing"  # Apple invalidates the profiles of an App ID whose capabilities change
    finding = judge(present, desired.now, desired.renew_before)
    if finding is not None and finding.reason in (EXPIRING, CERTIFICATE_EXPIRING):
        # A new profile lasts no longer than its certificates: without a fresh one it would be made at every run.
        held = {one.id for one in present.certificates}
        fresh = {one.id for one in usable if one.ends - desired.now > desired.renew_before}
        if not fresh or (finding.reason == CERTIFICATE_EXPIRING and fresh <= held):
            finding = None
    return finding.reason if finding is not None else _lacks(present, desired, asked)


def _usable(account: Account, asked: DesiredProfile, now: datetime.datetime) -> tuple[Certificate, ...]:
    """The certificates for a new profile: those that are asked for, or all that are valid."""
    valid = {one.serial: one for one in account.certificates if one.ends > now}
    unknown = [serial for serial in asked.certificates if serial not in valid]
    if unknown:
        there = ", ".join(sorted(valid)) or "none"
        raise UnexpectedState(
            f"The distribution certificate {unknown[0]} is not valid or not in this account; valid are: {there}",
            "Correct profile.certificates, or leave it out for all that are valid",
        )
    chosen = [valid[serial] for serial in asked.certificates] or list(valid.values())
    return tuple(sorted(chosen, key=lambda one: one.serial))


def _free_name(account: Account, asked: DesiredProfile) -> str:
    """Apple refuses a second profile of a name, so that the old one can stay only beside one of another name."""
    taken = {one.name for one in account.profiles}
    names = (asked.name if number == 1 else f"{asked.name} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
