# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked, checked before anything connects."""

from __future__ import annotations

import datetime
import pathlib
import re
import typing as t
from dataclasses import dataclass

from ..core.environment import check_bundle_id
from ..core.errors import InvalidInput
from ..core.text import check_line, check_now, check_positive
from .account import AD_HOC, APP_STORE, IN_HOUSE

_UDID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{16}", re.IGNORECASE)
_SERIAL = re.compile(r"[0-9A-F]+")
_REFUSED_BY_APPLE = re.compile(r"[@&*'\"]")
_LONGEST_RENEWAL = 300  # days; a profile lasts a year


@dataclass(frozen=True)
class DesiredDevice:
    name: str
    udid: str


@dataclass(frozen=True)
class DesiredProfile:
    """
    :param certificates: serial numbers in upper-case hex; empty for all that are valid.
    :param path: where the profile is downloaded to; ``None`` for nowhere.
    """

    name: str
    type: str
    certificates: tuple[str, ...] = ()
    path: pathlib.Path | None = None


@dataclass(frozen=True)
class Desired:
    bundle_id: str
    name: str
    now: datetime.datetime
    devices: tuple[DesiredDevice, ...] = ()
    profile: DesiredProfile | None = None
    renew_before: datetime.timedelta = datetime.timedelta(days=30)
    remove_superseded: bool = False


def check(params: t.Mapping[str, t.Any]) -> Desired:
    """From a module's parameters.

    :raises InvalidInput: names the field.
    """
    bundle_id = check_bundle_id(params["bundle_id"], "bundle_id")
    devices = tuple(_device(f"devices[{place}]", one) for place, one in enumerate(params["devices"]))
    twice = {one.udid.lower() for one in devices}
    if len(twice) != len(devices):
        raise InvalidInput("devices", "(a UDID twice)", "each UDID once", "Take the second one out")
    return Desired(
        bundle_id=bundle_id,
        name=_name("name", params["name"] or f"Secure Mail {bundle_id.replace('.', ' ')}"),
        now=check_now(params["now"]),
        devices=devices,
        profile=_profile(params["profile"], params["api"], devices) if params["profile"] else None,
        renew_before=check_renewal(params["renew_before_days"]),
        remove_superseded=params["remove_superseded"],
    )


def check_renewal(days: int) -> datetime.timedelta:
    if check_positive("renew_before_days", days) > _LONGEST_RENEWAL:
        expected = f"at most {_LONGEST_RENEWAL}, because a profile lasts a year"
        raise InvalidInput("renew_before_days", days, expected, "Leave it out for the default")
    return datetime.timedelta(days=days)


def _device(field: str, device: t.Mapping[str, t.Any]) -> DesiredDevice:
    udid = str(device["udid"])
    if not _UDID.fullmatch(udid):
        expected = "40 hex digits, or 8 and 16 with a dash between"
        raise InvalidInput(f"{field}.udid", udid, expected, "Copy the UDID from Finder, Xcode or your MDM")
    return DesiredDevice(check_line(f"{field}.name", device["name"], "the name of the device"), udid)


def _profile(profile: t.Mapping[str, t.Any], api: str, devices: tuple[DesiredDevice, ...]) -> DesiredProfile:
    kind = profile["type"]
    if kind == IN_HOUSE and api != "enterprise":
        raise InvalidInput(
            "profile.type", kind, "ad_hoc or app_store with api app_store_connect", "Correct api or type"
        )
    if kind == APP_STORE and api == "enterprise":
        raise InvalidInput("profile.type", kind, "in_house or ad_hoc with api enterprise", "Correct api or type")
    if kind == AD_HOC and not devices:
        raise InvalidInput("devices", [], "at least one device for an Ad Hoc profile", "Name the devices")
    serials = tuple(dict.fromkeys(str(serial).upper() for serial in profile["certificates"] or ()))
    for serial in serials:
        if not _SERIAL.fullmatch(serial):
            expected = "serial numbers in hex"
            raise InvalidInput("profile.certificates", serial, expected, "Copy it from the developer portal")
    path = pathlib.Path(profile["path"]) if profile["path"] else None
    if path is not None and not path.parent.is_dir():
        raise InvalidInput("profile.path", str(path), "a file in a folder that exists", "Make the folder first")
    return DesiredProfile(_name("profile.name", profile["name"]), kind, serials, path)


def _name(field: str, value: object) -> str:
    name = check_line(field, value, "a name")
    if _REFUSED_BY_APPLE.search(name):
        raise InvalidInput(field, name, "a name without @, &, *, ' and \"", "Apple refuses these characters in names")
    return name
