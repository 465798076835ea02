# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made and taken away, by the rules of the developer portal; each acts on the others."""

from __future__ import annotations

import base64
import datetime as dt
import re
import typing as t
import uuid

from ..authority import TEAM_ID
from ..provisioning import LIFETIME, signed
from .refusals import Refusal, invalid, not_found
from .team import Api, Resource, Team, shown

Document = dict[str, list[Resource]]
_UDID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{16}", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(\.\*)?")
_MOST_DEVICES = 100
_NO_DEVICES = {"IOS_APP_STORE": "the App Store", "IOS_APP_INHOUSE": "In House distribution"}


def make(api: Api, team: Document, kind: str, data: t.Mapping[str, t.Any]) -> Resource:
    """
    :raises Refusal: what Apple refuses, mostly with 409.
    """
    attributes = data.get("attributes") or {}
    related = {name: value.get("data") for name, value in (data.get("relationships") or {}).items()}
    maker = {"bundleIds": _app_id, "bundleIdCapabilities": _capability, "devices": _device, "profiles": _profile}
    if kind not in maker:
        raise Refusal(403, "FORBIDDEN_ERROR", f"The resource '{kind}' does not allow 'CREATE'")
    made = maker[kind](api, team, attributes, related)
    team[kind].append(made)
    return made


def take_away(team: Document, kind: str, identifier: str) -> None:
    """Delete a resource. A profile whose certificate or capability goes is ``INVALID`` from then on."""
    gone = find(team, kind, identifier)
    team[kind].remove(gone)
    if kind == "bundleIdCapabilities":
        _invalidate(team, lambda profile: profile["relationships"]["bundleId"] == gone["relationships"]["bundleId"])
    if kind == "certificates":
        _invalidate(team, lambda profile: identifier in profile["relationships"]["certificates"])
        for profile in team["profiles"]:
            held = profile["relationships"]["certificates"]
            profile["relationships"]["certificates"] = [one for one in held if one != identifier]


def find(team: Document, kind: str, identifier: str) -> Resource:
    for one in team[kind]:
        if one["id"] == identifier:
            return one
    raise not_found(kind, identifier)


def _invalidate(team: Document, concerned: t.Callable[[Resource], bool]) -> None:
    for profile in team["profiles"]:
        if concerned(profile):
            profile["attributes"]["profileState"] = "INVALID"


def _required(attributes: t.Mapping[str, t.Any], *names: str) -> list[str]:
    for name in names:
        if not attributes.get(name):
            detail = f"You must provide a value for the attribute '{name}' with this request"
            raise Refusal(409, "ENTITY_ERROR.ATTRIBUTE.REQUIRED", detail)
    return [str(attributes[name]) for name in names]


def _app_id(_api: Api, team: Document, attributes: t.Mapping[str, t.Any], _related: t.Any) -> Resource:
    name, identifier, platform = _required(attributes, "name", "identifier", "platform")
    taken = any(one["attributes"]["identifier"].lower() == identifier.lower() for one in team["bundleIds"])
    if taken or identifier == "*" or not _IDENTIFIER.fullmatch(identifier):
        raise invalid(f"An App ID with Identifier '{identifier}' is not available. Please enter a different string.")
    if re.search(r"[@&*'\"]", name):
        raise invalid("The App ID name contains characters that are not allowed.")
    shape = {"name": name, "identifier": identifier, "platform": platform, "seedId": TEAM_ID}
    return Team.resource("bundleIds", shape)


def _capability(_api: Api, team: Document, attributes: t.Mapping[str, t.Any], related: t.Any) -> Resource:
    (kind,) = _required(attributes, "capabilityType")
    app_id = find(team, "bundleIds", _one(related, "bundleId"))
    if kind == "PUSH_NOTIFICATIONS" and app_id["attributes"]["identifier"].endswith("*"):
        raise invalid("The capability PUSH_NOTIFICATIONS is not available for a wildcard App ID.")
    made = Team.resource("bundleIdCapabilities", {"capabilityType": kind, "settings": []}, bundleId=app_id["id"])
    made["id"] = f"{app_id['id']}_{kind}"
    if any(one["id"] == made["id"] for one in team["bundleIdCapabilities"]):
        raise Refusal(409, "ENTITY_ERROR", f"The bundle '{app_id['id']}' already has the capability '{kind}'.")
    _invalidate(team, lambda profile: profile["relationships"]["bundleId"] == app_id["id"])
    return made


def _device(_api: Api, team: Document, attributes: t.Mapping[str, t.Any], _related: t.Any) -> Resource:
    name, udid, platform = _required(attributes, "name", "udid", "platform")
    if not _UDID.fullmatch(udid):
        raise invalid(f"An invalid value '{udid}' was provided for the parameter 'udid'.")
    if any(one["attributes"]["udid"].lower() == udid.lower() for one in team["devices"]):
        raise invalid(f"A device with number '{udid}' already exists on this team.")
    if len(team["devices"]) >= _MOST_DEVICES:
        raise invalid("Your maximum number of registered iPhone devices has been reached.")
    shape = {"name": name, "udid": udid, "platform": platform, "status": "ENABLED", "deviceClass": "IPHONE"}
    return Team.resource("devices", shape)


def _profile(api: Api, team: Document, attributes: t.Mapping[str, t.Any], related: t.Any) -> Resource:
    name, kind = _required(attributes, "name", "profileType")
    if kind not in api.profile_types:
        raise invalid(f"'{kind}' is not a valid profileType for this team.")
    app_id = find(team, "bundleIds", _one(related, "bundleId"))
    certificates = [find(team, "certificates", one) for one in _many(related, "certificates")]
    devices = [find(team, "devices", one) for one in _many(related, "devices")]
    if devices and kind in _NO_DEVICES:
        raise Refusal(
            409,
            "ENTITY_ERROR.RELATIONSHIP.NOT_ALLOWED",
            f"No devices can be associated to Provisioning Profiles for {_NO_DEVICES[kind]}.",
        )
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    ends = [dt.datetime.fromisoformat(one["attributes"]["expirationDate"]) for one in certificates]
    if not certificates or min(ends) <= now or (kind not in _NO_DEVICES and not devices):
        detail = "A profile needs valid certificates, and devices where its type takes them."
        raise Refusal(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", detail)
    if any(one["attributes"]["name"] == name for one in team["profiles"]):
        detail = f"Multiple profiles found with the name '{name}'.  Please remove the duplicate profiles and try again."
        raise Refusal(409, "ENTITY_ERROR", detail)
    shape = {
        "name": name,
        "platform": "IOS",
        "profileType": kind,
        "profileState": "ACTIVE",
        "uuid": str(uuid.uuid4()),
        "createdDate": shown(now),
        "expirationDate": shown(min(now + LIFETIME, max(ends))),
    }
    pushes = any(
        one["relationships"]["bundleId"] == app_id["id"] and one["attributes"]["capabilityType"] == "PUSH_NOTIFICATIONS"
        for one in team["bundleIdCapabilities"]
    )
    content = _file(shape, app_id["attributes"]["identifier"], certificates, devices, pushes)
    return Team.resource(
        "profiles",
        {**shape, "profileContent": base64.b64encode(content).decode()},
        bundleId=app_id["id"],
        certificates=[one["id"] for one in certificates],
        devices=[one["id"] for one in devices],
    )


def _file(
    shape: dict[str, str], identifier: str, certificates: list[Resource], devices: list[Resource], pushes: bool
) -> bytes:
    def naive(name: str) -> dt.datetime:
        return dt.datetime.fromisoformat(shape[name]).replace(tzinfo=None)

    entitlements = {"application-identifier": f"{TEAM_ID}.{identifier}", "get-task-allow": False}
    document: dict[str, t.Any] = {
        "Name": shape["name"],
        "UUID": shape["uuid"],
        "TeamIdentifier": [TEAM_ID],
        "CreationDate": naive("createdDate"),
        "ExpirationDate": naive("expirationDate"),
        "DeveloperCertificates": [base64.b64decode(one["attributes"]["certificateContent"]) for one in certificates],
        "Entitlements": {**entitlements, **({"aps-environment": "production"} if pushes else {})},
    }
    if shape["profileType"] == "IOS_APP_INHOUSE":
        document["ProvisionsAllDevices"] = True
    if devices:
        document["ProvisionedDevices"] = [one["attributes"]["udid"] for one in devices]
    return signed(document)


def _one(related: t.Mapping[str, t.Any], name: str) -> str:
    try:
        return str(related[name]["id"])
    except (LookupError, TypeError):
        detail = f"You must provide a value for the relationship '{name}' with this request"
        raise Refusal(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", detail) from None


def _many(related: t.Mapping[str, t.Any], name: str) -> list[str]:
    return [str(one["id"]) for one in related.get(name) or []]
