# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``PUT /application/mobile/mdx/{platform}/{id}``: properties and policies of one platform, all or nothing.

"The list may include all the MDX policies or only the policies that needs to be modified" (3.15.2.4 of the document of
April 2021). The one of October 2016 knows no ``policies`` here: a server of that time takes the request and leaves
them as they are.
"""

from __future__ import annotations

import re
import time
import typing as t

from .envelope import Refusal
from .store import Json

_TEXTS = ("displayName", "description", "minOsVersion", "maxOsVersion", "excludedDevices")
_FLAGS = ("removeWithMdm", "preventBackup")


def apply(app: Json, platform: str, body: Json, *, takes_policies: bool, longest_value: int | None = None) -> None:
    """Change one platform of a container in place.

    :param longest_value: characters that a policy may hold; none for any number.
    :raises Refusal: something in the body is not of the documented form; the caller must then keep the old container.
    """
    details = app[platform]
    for names, kind, meaning in ((_TEXTS, str, "a string"), (_FLAGS, bool, "a boolean")):
        for name in names:
            if body.get(name) is not None:
                details[name] = _expect(body[name], kind, name, meaning)
    # "MDX apps don't overwrite appVersion": it is the .mdx's own, whatever a request says.
    _expect(_given(body, "appVersion", ""), str, "appVersion", "a string")
    details["store"].update(_store(_given(body, "store", {})))
    if takes_policies:
        _apply_policies(details["policies"], _given(body, "policies", []), longest_value)
    app["lastModificationDate"] = int(time.time() * 1000)


def _given(body: Json, name: str, default: t.Any) -> t.Any:
    value = body.get(name)
    return default if value is None else value


def _expect(value: t.Any, kind: type, name: str, meaning: str) -> t.Any:
    if not isinstance(value, kind):
        raise Refusal(f"{name} is not {meaning}")
    return value


def _store(body: t.Any) -> Json:
    given = _expect(body, dict, "store", "an object")
    kinds: dict[str, tuple[type, str]] = {"faqs": (list, "a list"), "storeSettings": (dict, "an object")}
    return {
        name: _expect(given[name], kind, f"store.{name}", meaning)
        for name, (kind, meaning) in kinds.items()
        if given.get(name) is not None
    }


def _apply_policies(present: list[Json], wanted: t.Any, longest: int | None) -> None:
    by_name = {policy["policyName"]: policy for policy in present}
    for item in _expect(wanted, list, "policies", "a list"):
        name = _expect(item, dict, "policies", "a list of objects").get("policyName")
        policy = by_name.get(name) if isinstance(name, str) else None
        if policy is None:
            raise Refusal(f"The app has no policy named {name!r}")
        value = _legal(policy, item.get("policyValue"))
        if longest is not None and len(value) > longest:
            raise Refusal(f"A policyValue is longer than {longest} characters")
        policy["policyValue"] = value


def _legal(policy: Json, value: t.Any) -> str:
    name = policy["policyName"]
    if not isinstance(value, str):
        raise Refusal(f"policyValue of {name} is not a string")
    if not is_legal(policy, value):
        raise Refusal(f"{value!r} is not a value of {name}, which is of the type {policy['policyType']}")
    return value


def is_legal(policy: Json, value: str) -> bool:
    """Whether a policy can have a value, by its type."""
    kind = policy["policyType"]
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "integer":
        return bool(re.fullmatch(r"-?[0-9]+", value))
    if kind == "enum":
        return value in [choice["id"] for choice in policy["enumValues"]]
    return True
