# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What XenMobile Server tells Secure Mail on a device."""

from __future__ import annotations

import dataclasses
import typing as t

from ..lab import BUNDLE_ID, REGIONS

_REGION_BY_LABEL = {label: region for region, label in REGIONS.items()}


class NotManaged(Exception):
    """The server hands out no such app, or policies that the app cannot read."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The policies that decide about push. ``region`` is a key of ``lab.REGIONS``."""

    push: bool
    tunneled: bool
    region: str
    customer_id: str

    @classmethod
    def of(cls, apps: list[dict[str, t.Any]]) -> Settings:
        """Read the device check-in's answer.

        :raises NotManaged: Secure Mail or one of its policies is missing.
        """
        policies = next((app["policies"] for app in apps if app["bundle_id"] == BUNDLE_ID), None)
        if policies is None:
            raise NotManaged(f"{BUNDLE_ID} is not among the apps of this user")
        try:
            return cls(
                push=policies["Push notifications"]["value"] == "true",
                tunneled=policies["Network access"]["label"].startswith("Tunneled"),
                region=_REGION_BY_LABEL[policies["Push notifications region"]["label"]],
                customer_id=policies["Push notifications customer ID"]["value"],
            )
        except KeyError as missing:
            raise NotManaged(f"a policy is missing or has a value that the app does not know: {missing}") from None
