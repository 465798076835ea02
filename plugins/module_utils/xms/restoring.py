# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upload has reset, found by comparing the container before and after it, and put back."""

from __future__ import annotations

import typing as t

from ..core.errors import NotConverged, Refused, Unreachable
from ..core.https import Json
from .apps import App, Platform, get_app, value_of
from .client import XmsClient
from .groups import assign, get_group
from .handoff import policy_steps
from .policies import PoliciesIgnored
from .update import put_body, put_policies
from .upload import schedule_of

#: What comes with the .mdx, and so may differ after it.
_OF_THE_VERSION = ("minOsVersion", "maxOsVersion", "excludedDevices")


class NotCompared(PoliciesIgnored):
    """The upload is done, and nobody knows yet what it has reset."""


def restore(client: XmsClient, before: App, uploaded: str) -> list[str]:
    """Put back what was reset; returns it in the words of the console.

    :param uploaded: the platform that has a new version.
    :raises PoliciesIgnored: policies that cannot be put back through the API. The error holds the values.
    :raises NotConverged: something else that cannot, and the policies are back. The error holds both values.
    :raises NotCompared: the server fell silent; the error holds the values, too.
    """
    try:
        return _restore(client, before, get_app(client, before.id, before.name), uploaded)
    except Unreachable as problem:
        platforms = [before.platform(name) for name in before.platforms]
        values = {
            one.name: {str(policy.get("title")): value_of(policy) for policy in one.policies} for one in platforms
        }
        raise NotCompared(
            f"The new version of {before.name!r} is on the server, and whether it kept the policies is not known: "
            f"{problem.what}",
            "Run again within a day: it puts back first what was reset. Or compare the policies in the server's console"
            " with the hand-off, which has every value from before",
            policy_steps(before.name, values),
        ) from None


def _restore(client: XmsClient, before: App, after: App, uploaded: str) -> list[str]:
    """Policies first, and all that can be put back before anything is an error."""
    restored, left, reasons = [], {}, []
    for name in _shared(before, after):
        items = reset_policies(before.platform(name), after.platform(name))
        new = _OF_THE_VERSION if name == uploaded else ()
        remaining, reason = _put_back(client, before.platform(name), after, new, items)
        still = {item.get("policyName") for item in remaining}
        restored += [str(item.get("title")) for item in items if item.get("policyName") not in still]
        if reason:
            left[name] = {str(item.get("title")): value_of(item) for item in remaining}
            reasons.append(reason)
    for group in _lost_groups(before, after):
        assign(client, get_group(client, group), before.name)
        restored.append(f"delivery group {group}")
    changed = _changed(before, after)
    besides = f"; besides, {changed}" if changed else ""
    if reasons:
        raise PoliciesIgnored(
            f"The new version of {before.name!r} is on the server, and policies were reset: "
            f"{'; '.join(dict.fromkeys(reasons))}{besides}",
            "Set them back in the server's console as the hand-off says",
            policy_steps(before.name, left),
        )
    if changed:
        raise NotConverged(
            f"The upload of {before.name!r} changed what it was told to keep: {changed}",
            "Set it back in the console: Configure > Apps > Edit. The policies are as they were",
        )
    return restored


def lost(before: App, now: App) -> list[str]:
    """What an upload has reset, in the words of the console. Pure."""
    policies = [
        item for name in _shared(before, now) for item in reset_policies(before.platform(name), now.platform(name))
    ]
    return [
        *(str(item.get("title")) for item in policies),
        *(f"delivery group {name}" for name in _lost_groups(before, now)),
    ]


def reset_policies(before: Platform, now: Platform) -> list[Json]:
    """The policies as they are now with the values that they had, where those differ. Pure."""
    values, present = before.values(), now.values()
    return [
        {**policy, "policyValue": values[name]}
        for policy in now.policies
        if (name := str(policy.get("policyName"))) in values and values[name] != present[name]
    ]


def _shared(before: App, now: App) -> list[str]:
    return [name for name in before.platforms if name in now.platforms]


def _lost_groups(before: App, now: App) -> list[str]:
    return [name for name in before.groups if name not in now.groups]


def _changed(before: App, after: App) -> str:
    """What an upload states again and no other request sets; empty where it is as it was."""
    stated = {
        name: (before.content.get(name) or None, after.content.get(name) or None)
        for name in ("name", "description", "categories", "workflow")
    }
    stated["schedule"] = (schedule_of(before), schedule_of(after))
    stated["platforms"] = (before.platforms, [*_shared(before, after)])
    return "; ".join(f"{name} was {old!r} and is {new!r}" for name, (old, new) in stated.items() if old != new)


def _put_back(
    client: XmsClient, before: Platform, after: App, new: t.Sequence[str], items: t.Sequence[Json]
) -> tuple[list[Json], str]:
    """Put one platform back; the policies that are left, and why, empty where nothing is.

    :param new: details that are to stay as they are now.
    """
    now = after.platform(before.name)
    details = {name: now.details.get(name) for name in new}
    old = Platform(before.app, before.name, {**before.details, **details}, before.policies)
    if not items and put_body(old, []) == put_body(now, []):
        return [], ""
    try:
        put_policies(client, after.id, old, items)
    except Refused as problem:
        return list(items), problem.what
    left = reset_policies(before, get_app(client, after.id, after.name).platform(before.name))
    return left, "the server took the values and left the new ones" if left else ""
