# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upload does to a container: it restates who gets the app, and brings one platform's package. Pure.

"Restates": public upgrade scripts read name, description, categories and delivery groups first and send them back with
the new version (ArnaudPain's XenMobile scripts); what ``appInfo`` leaves out is gone.
"""

from __future__ import annotations

import re
import typing as t

from . import containers
from .envelope import Refusal
from .store import Json
from .unpacking import Package
from .update import is_legal

_SCHEDULE: dict[str, t.Callable[[t.Any], bool]] = {
    "enableDeployment": lambda value: isinstance(value, bool),
    "deploySchedule": lambda value: value in ("NOW", "LATER"),
    "deployDate": lambda value: isinstance(value, str) and bool(re.fullmatch(r"|\d\d/\d\d/\d{4}", value)),
    "deployTime": lambda value: isinstance(value, str) and bool(re.fullmatch(r"|\d\d?:\d\d", value)),
    "deployScheduleCondition": lambda value: value in ("EVERYTIME", "ONPREVIOUSFAILED"),
    "deployInBackground": lambda value: isinstance(value, bool),
}


def restate(app: Json, info: Json, package: Package, groups: t.Collection[str]) -> None:
    """Set what ``appInfo`` says about a container, and empty what it leaves out.

    :param groups: names of the delivery groups that there are.
    :raises Refusal: a field that is not of the documented form, or a delivery group that is not there.
    """
    app["name"] = _text(info, "name") or package.name
    app["description"] = _text(info, "description")
    app["workflow"] = _text(info, "workflowTemplateName") or None
    app["categories"] = _texts(info, "category")
    app["roles"] = _texts(info, "deliveryGroups")
    for name in app["roles"]:
        if name not in groups:
            raise Refusal(f"There is no delivery group {name}")
    app["schedule"] = _schedule(info.get("deploymentSchedule"))


def bring(app: Json, platform: str, package: Package, identifier: int, *, keep_values: bool) -> None:
    """Put a package into a container, as the first for its platform or in place of the one that is there.

    :param identifier: id of the platform, where it is new.
    :param keep_values: whether policies keep their values where the package still takes them.
    :raises Refusal: the package is for another platform, or of another app.
    """
    if package.platform not in ("", platform):
        raise Refusal(f"The package is for {package.platform}, not for {platform}")
    present = app.get(platform)
    if present is None:
        title, policies = package.name or app["name"], package.policies
        app[platform] = containers.new_platform(
            identifier, platform, title, package.bundle_id, package.version, policies
        )
    elif present["bundleId"] != package.bundle_id:
        raise Refusal(f"The package is {package.bundle_id}, not {present['bundleId']}")
    else:
        present["policies"] = _kept(present["policies"], package.policies) if keep_values else package.policies
    app[platform] |= {
        "appVersion": package.version,
        "minOsVersion": package.minimum,
        "maxOsVersion": package.maximum,
        "excludedDevices": package.excluded,
    }


def _kept(before: list[Json], policies: list[Json]) -> list[Json]:
    values = {policy["policyName"]: policy["policyValue"] for policy in before}
    return [
        {**policy, "policyValue": values[policy["policyName"]]}
        if policy["policyName"] in values and is_legal(policy, values[policy["policyName"]])
        else policy
        for policy in policies
    ]


def _text(info: Json, name: str) -> str:
    value = info.get(name)
    if value is not None and not isinstance(value, str):
        raise Refusal(f"{name} is not a string")
    return value or ""


def _texts(info: Json, name: str) -> list[str]:
    values = info.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refusal(f"{name} is not a list of strings")
    return list(dict.fromkeys(values))


def _schedule(given: t.Any) -> Json | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Refusal("deploymentSchedule is not an object")
    for name, value in given.items():
        if name in _SCHEDULE and not _SCHEDULE[name](value):
            raise Refusal(f"deploymentSchedule.{name} is not of the documented form")
    return {name: given[name] for name in _SCHEDULE if name in given}
