# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the developer account holds for one App ID, read from the API: capability, devices, certificates, profiles."""

from __future__ import annotations

import base64
import binascii
import datetime
import typing as t
from dataclasses import dataclass, field

from ..core.errors import UnexpectedState
from ..core.https import Json
from .client import DeveloperClient, time_of

PUSH = "PUSH_NOTIFICATIONS"
AD_HOC, IN_HOUSE, APP_STORE = "ad_hoc", "in_house", "app_store"
PROFILE_TYPES = {AD_HOC: "IOS_APP_ADHOC", IN_HOUSE: "IOS_APP_INHOUSE", APP_STORE: "IOS_APP_STORE"}
_DISTRIBUTION = "IOS_DISTRIBUTION,DISTRIBUTION"


@dataclass(frozen=True)
class Device:
    """
    :param status: ``ENABLED``, ``DISABLED`` or ``PROCESSING``.
    """

    id: str
    udid: str
    name: str
    status: str


@dataclass(frozen=True)
class Certificate:
    """A distribution certificate. One that was revoked is gone."""

    id: str
    serial: str
    name: str
    ends: datetime.datetime

    def shown(self) -> dict[str, str]:
        return {"serial": self.serial, "name": self.name, "expires": self.ends.isoformat()}


@dataclass(frozen=True)
class Profile:
    """A distribution profile of the App ID.

    :param type: ``ad_hoc``, ``in_house`` or ``app_store``.
    :param created: ISO 8601, as Apple writes it.
    :param state: ``ACTIVE`` or ``INVALID``. Apple leaves it ``ACTIVE`` when the profile ends.
    :param devices: UDIDs in lower case; empty where the type takes none.
    """

    id: str
    name: str
    type: str
    state: str
    uuid: str
    ends: datetime.datetime
    created: str
    content: bytes = field(repr=False)
    certificates: tuple[Certificate, ...] = ()
    devices: frozenset[str] = frozenset()

    def shown(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "type": self.type,
            "state": self.state,
            "uuid": self.uuid,
            "expires": self.ends.isoformat(),
            "certificates": [one.shown() for one in self.certificates],
            "devices": len(self.devices),
        }


@dataclass(frozen=True)
class Account:
    """The present state.

    :param id: of the App ID, as the API names it; empty where there is none.
    :param devices: by UDID in lower case.
    """

    id: str = ""
    name: str = ""
    push: bool = False
    devices: t.Mapping[str, Device] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    profiles: tuple[Profile, ...] = ()

    def shown(self) -> dict[str, t.Any] | None:
        """The App ID as it stands in a result."""
        return {"id": self.id, "name": self.name, "push": self.push} if self.id else None


def read_account(client: DeveloperClient, bundle_id: str, with_devices: bool = True) -> Account:
    """
    :raises UnexpectedState: the bundle id is one of macOS.
    """
    devices = [_device(one) for one in client.list("devices", _platform="IOS")] if with_devices else []
    certificates = tuple(_certificate(one) for one in client.list("certificates", _certificateType=_DISTRIBUTION))
    # The filter finds longer ones, too.
    found = [one for one in client.list("bundleIds", _identifier=bundle_id) if _of(one, "identifier") == bundle_id]
    account = Account(devices={one.udid.lower(): one for one in devices}, certificates=certificates)
    if not found:
        return account
    (app_id,) = found[:1]
    if _of(app_id, "platform") not in ("IOS", "UNIVERSAL"):
        raise UnexpectedState(
            f"The App ID {bundle_id} is registered for the platform {_of(app_id, 'platform')}, expected IOS",
            "Choose another bundle id for the app",
        )
    identifier = str(app_id["id"])
    capabilities = client.list(f"bundleIds/{identifier}/bundleIdCapabilities")
    return Account(
        id=identifier,
        name=_of(app_id, "name"),
        push=any(_of(one, "capabilityType") == PUSH for one in capabilities),
        devices=account.devices,
        certificates=certificates,
        profiles=tuple(
            read_profile(client, one)
            for one in client.list(f"bundleIds/{identifier}/profiles")
            if _of(one, "profileType") in PROFILE_TYPES.values()
        ),
    )


def read_profile(client: DeveloperClient, profile: Json) -> Profile:
    """A profile with what belongs to it."""
    names = {name: kind for kind, name in PROFILE_TYPES.items()}
    kind = names[_of(profile, "profileType")]
    identifier = str(profile["id"])
    devices = client.list(f"profiles/{identifier}/devices") if kind == AD_HOC else []
    return Profile(
        id=identifier,
        name=_of(profile, "name"),
        type=kind,
        state=_of(profile, "profileState"),
        uuid=_of(profile, "uuid"),
        ends=time_of(profile, "expirationDate"),
        created=_of(profile, "createdDate"),
        content=content_of(profile),
        certificates=tuple(_certificate(one) for one in client.list(f"profiles/{identifier}/certificates")),
        devices=frozenset(_of(one, "udid").lower() for one in devices),
    )


def content_of(profile: Json) -> bytes:
    """The file that a profile is downloaded as; empty where Apple gives none, as for an invalid one."""
    try:
        return base64.b64decode(_of(profile, "profileContent"), validate=True)
    except binascii.Error:
        raise UnexpectedState(
            f"The profile {_of(profile, 'name')!r} has a content that is not base64",
            "Look at it in the developer portal",
        ) from None


def _device(device: Json) -> Device:
    return Device(str(device["id"]), _of(device, "udid"), _of(device, "name"), _of(device, "status"))


def _certificate(certificate: Json) -> Certificate:
    return Certificate(
        str(certificate["id"]),
        _of(certificate, "serialNumber").upper(),
        _of(certificate, "name"),
        time_of(certificate, "expirationDate"),
    )


def _of(resource: Json, attribute: str) -> str:
    value = (resource.get("attributes") or {}).get(attribute)
    return "" if value is None else str(value)
