# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator sets by hand in the server's console: one policy, by title and the words on the screen."""

from __future__ import annotations

from ..lab import Lab
from .seed import APP
from .store import Store


def set_policy(lab: Lab, title: str, value: str, app: str = APP, platform: str = "ios") -> None:
    """Set one policy.

    :param value: a label of an enumeration, else the value itself (``true`` or ``false`` for a switch).
    :raises LookupError: no such app, platform, policy or label.
    """
    with Store(lab).apps_file.edit() as document:
        found = [entry[platform] for entry in document["apps"] if entry["name"] == app and entry.get(platform)]
        policies = [policy for entry in found for policy in entry["policies"] if policy["title"] == title]
        if len(policies) != 1:
            raise LookupError(f"Expected one policy {title!r} in {app!r} ({platform}), found {len(policies)}")
        (policy,) = policies
        labels = {choice["label"]: choice["id"] for choice in policy.get("enumValues", [])}
        if labels and value not in labels:
            raise LookupError(f"{title!r} offers {', '.join(labels)}, not {value!r}")
        policy["policyValue"] = labels.get(value, value)
