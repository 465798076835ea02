# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies around push by the titles that an administrator sees (Citrix MDX strings, English)."""

from __future__ import annotations

import typing as t

from ..core.errors import InvalidInput

NETWORK_ACCESS = "Network access"
PUSH_NOTIFICATIONS = "Push notifications"
REGION = "Push notifications region"
CUSTOMER_ID = "Push notifications customer ID"
EWS_HOSTNAME = "Push Notifications EWS HostName"
BACKGROUND_SERVICES = "Background network services"
BACKGROUND_GATEWAY = "Background network service gateway"
LOCKED_SCREEN = "Control locked screen notifications"
EXCHANGE_SERVER = "Secure Mail Exchange Server"

TITLES = (
    NETWORK_ACCESS,
    PUSH_NOTIFICATIONS,
    REGION,
    CUSTOMER_ID,
    EWS_HOSTNAME,
    BACKGROUND_SERVICES,
    BACKGROUND_GATEWAY,
    LOCKED_SCREEN,
    EXCHANGE_SERVER,
)
#: Policies whose value is an id on the server, whatever ``policyType`` the server gives them.
ENUMERATIONS = (NETWORK_ACCESS, REGION, LOCKED_SCREEN)


def check_names(names: t.Mapping[str, str]) -> dict[str, str]:
    """Title -> policy name, where the title does not do.

    :raises InvalidInput: a title that is none of ``TITLES``, or one name for two of them.
    """
    unknown = sorted(set(names) - set(TITLES))
    if unknown:
        raise InvalidInput("policy_names", unknown, f"titles among {', '.join(TITLES)}", "Correct the titles")
    if len(set(names.values())) < len(names):
        raise InvalidInput("policy_names", dict(names), "a name of its own for each title", "Correct the names")
    return dict(names)


def entries(text: str) -> list[str]:
    """The entries of a comma-separated value, without the blanks around them."""
    return [entry.strip() for entry in text.split(",") if entry.strip()]
