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
from .policies import PoliciesIgnored, put_body
from .upload import schedule_of

#: What comes with the .mdx, and so may differ after it.
_OF_THE_VERSION = ("minOsVersion", "maxOsVersion", "excludedDevices")


class NotCompared(PoliciesIgnored):
    """The upload is done, and nobody knows yet what it has reset."""


def restore(client: XmsClient, before: App, uploaded: str) -> list[str]:
    """Put back what was reset; returns it in the words of the console.

    :param uploaded: the platform that has a new version.
    :raises NotConverged: something that cannot be put back through the API. The error holds the values.
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
    _expect_kept(before, after)
    lost = [name for name in before.groups if name not in after.groups]
    for name in lost:
        assign(client, get_group(client, name), before.name)
    restored = [f"delivery group {name}" for name in lost]
    for name in before.platforms:
        restored += _restore_platform(client, before.platform(name), after, _OF_THE_VERSION if name == uploaded else ())
    return restored


def lost(before: App, now: App) -> list[str]:
    """What an upload has reset, in the words of the console. Pure."""
    groups = [f"delivery group {name}" for name in before.groups if name not in now.groups]
    shared = [name for name in before.platforms if name in now.platforms]
    policies = [item for name in shared for item in reset_policies(before.platform(name), now.platform(name))]
    return groups + [str(item.get("title")) for item in policies]


def reset_policies(before: Platform, now: Platform) -> list[Json]:
    """The policies as they are now with the values that they had, where those differ. Pure."""
    values, present = before.values(), now.values()
    return [
        {**policy, "policyValue": values[name]}
        for policy in now.policies
        if (name := str(policy.get("policyName"))) in values and values[name] != present[name]
    ]


def _expect_kept(before: App, after: App) -> None:
    kept = {
        name: (before.content.get(name) or None, after.content.get(name) or None)
        for name in ("name", "description", "categories", "workflow")
    }
    kept["schedule"] = (schedule_of(before), schedule_of(after))
    lost = [f"{name} was {old!r} and is {new!r}" for name, (old, new) in kept.items() if old != new]
    if lost:
        raise NotConverged(
            f"The upload of {before.name!r} changed what it was told to keep: {'; '.join(lost)}",
            "Set it back in the console: Configure > Apps > Edit",
        )


def _restore_platform(client: XmsClient, before: Platform, after: App, new: t.Sequence[str]) -> list[str]:
    """
    :param new: details that are to stay as they are now.
    """
    now = after.platform(before.name)
    details = {name: now.details.get(name) for name in new}
    old = Platform(before.app, before.name, {**before.details, **details}, before.policies)
    items = reset_policies(before, now)
    if not items and put_body(old, []) == put_body(now, []):
        return []
    try:
        client.request("PUT", f"/application/mobile/mdx/{before.name}/{after.id}", put_body(old, items))
    except Refused as problem:
        raise _not_restored(before, items, problem.what) from None
    left = reset_policies(before, get_app(client, after.id, after.name).platform(before.name))
    if left:
        raise _not_restored(before, left, "the server took the values and left the new ones")
    return [str(item.get("title")) for item in items]


def _not_restored(platform: Platform, items: t.Sequence[Json], why: str) -> PoliciesIgnored:
    values = {str(item.get("title")): str(item.get("policyValue")) for item in items}
    return PoliciesIgnored(
        f"The new version of {platform.app!r} is on the server, and policies were reset: {why}",
        "Set them back in the server's console as the hand-off says",
        policy_steps(platform.app, {platform.name: values}),
    )
