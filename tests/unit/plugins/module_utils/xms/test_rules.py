# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must fit with push, one rule at a time: a state in which nothing is in the way, and one thing changed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.xms import titles
from ansible_collections.pushops.securemail.plugins.module_utils.xms.rules import Expected, obstacles

REGISTRATION = "eu-west-1.pushreg.xm.citrix.com:443"
WORDS = {
    titles.NETWORK_ACCESS: "Tunneled to the internal network",
    titles.PUSH_NOTIFICATIONS: "true",
    titles.REGION: "EMEA",
    titles.CUSTOMER_ID: "contoso-7Q2M4",
    titles.EWS_HOSTNAME: "",
    titles.EXCHANGE_SERVER: "mail.contoso.com",
    titles.BACKGROUND_SERVICES: f"mail.contoso.com:443, {REGISTRATION}",
    titles.BACKGROUND_GATEWAY: "gateway.contoso.com:443",
    titles.LOCKED_SCREEN: "Allow",
}
RICH = ("locked-screen-hides", "ews-not-in-background")
EXPECTED = Expected("EMEA", "contoso-7Q2M4", REGISTRATION, sta=True, rich_push=True)


def _codes(changed: t.Mapping[str, str], expected: Expected = EXPECTED) -> list[str]:
    found = obstacles("ios", {**WORDS, **changed}, expected)
    for obstacle in found:
        assert obstacle.platform == "ios" and obstacle.sentence and obstacle.remedy
        breaks = obstacle.code not in ("background-without-tunnel", "background-gateway-empty") + RICH
        assert obstacle.link == ("xms-policies" if breaks else "")
    return [obstacle.code for obstacle in found]


def test_where_all_fits_nothing_is_said() -> None:
    assert _codes({}) == []


@pytest.mark.parametrize(
    ("title", "value", "codes"),
    [
        (titles.PUSH_NOTIFICATIONS, "false", ["push-off"]),
        (titles.REGION, "Americas", ["other-region"]),
        (titles.CUSTOMER_ID, "", ["other-customer"]),
        (titles.NETWORK_ACCESS, "Blocked", ["network-blocked", "background-without-tunnel"]),
        (titles.NETWORK_ACCESS, "Unrestricted", ["background-without-tunnel"]),
        (titles.NETWORK_ACCESS, "Tunneled - Full VPN", []),
        (titles.NETWORK_ACCESS, "NetworkAccessTunneled", []),
        (titles.BACKGROUND_GATEWAY, "", ["background-gateway-empty"]),
        (titles.BACKGROUND_SERVICES, "", ["registration-not-in-background", "ews-not-in-background"]),
        (titles.BACKGROUND_SERVICES, REGISTRATION, ["ews-not-in-background"]),
        (titles.BACKGROUND_SERVICES, f"MAIL.contoso.com:443,{REGISTRATION.upper()}", []),
        (titles.BACKGROUND_SERVICES, "*.contoso.com:443,*.pushreg.xm.citrix.com:443", []),
        (titles.BACKGROUND_SERVICES, f"mail.contoso.com:8443,{REGISTRATION}", ["ews-not-in-background"]),
        (titles.EWS_HOSTNAME, "ews.contoso.com", ["ews-not-in-background"]),
        (titles.LOCKED_SCREEN, "Block", ["locked-screen-hides"]),
        (titles.LOCKED_SCREEN, "Count Only", ["locked-screen-hides"]),
        (titles.LOCKED_SCREEN, "Email sender or event title", []),
    ],
)
def test_one_policy_that_does_not_fit(title: str, value: str, codes: list[str]) -> None:
    assert _codes({title: value}) == codes


@pytest.mark.parametrize("expected", [Expected(), Expected(registration=REGISTRATION), Expected(sta=True)])
def test_what_the_environment_does_not_say_is_not_judged(expected: Expected) -> None:
    changed = {titles.BACKGROUND_SERVICES: "", titles.LOCKED_SCREEN: "Block", titles.REGION: "APAC"}
    assert _codes(changed, expected) == []


def test_policies_that_an_older_app_lacks_are_not_judged() -> None:
    assert obstacles("ios", {}, EXPECTED) == ()
