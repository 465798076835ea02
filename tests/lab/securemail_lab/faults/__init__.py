# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break one link of the push path by hand, as it breaks in the field."""

from __future__ import annotations

import dataclasses
import typing as t

from ..lab import Lab
from . import by_hand

Entering = t.Callable[[str | None], list[str]]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that somebody does to the estate.

    :param what: what was done, in a sentence.
    :param link: the link of the push path that it breaks, as ``playbooks/verify.yml`` names it.
    :param repaired_by: the playbook that mends it; empty where a hand does.
    :param mend: that hand.
    :param badge: what verify's probe says of the badge then: ``missing``, or ``arrived`` where only devices to come
        would go without.
    """

    what: str
    link: str
    repaired_by: str
    inflict: t.Callable[[Lab, Entering], None]
    needs_gateway: bool = False
    badge: str = "missing"
    mend: t.Callable[[Lab], None] | None = None


FAULTS = {
    "firewall-rule": Fault(
        "somebody removed the listener's rules from the gateway",
        "listener-egress",
        "firewall.yml",
        by_hand.remove_listener_rules,
        needs_gateway=True,
    ),
    "registration-rule": Fault(
        "somebody removed the registration service's rules from the gateway",
        "registration-egress",
        "firewall.yml",
        by_hand.remove_registration_rules,
        needs_gateway=True,
        badge="arrived",
    ),
    "netscaler-policy": Fault(
        "an administrator unbound the authorization policy of push from its group on NetScaler",
        "registration-egress",
        "netscaler.yml",
        by_hand.unbind_netscaler_policy,
        badge="arrived",
    ),
    "proxy-bypass": Fault(
        "a cumulative update replaced the back end's EWS web.config on exch01",
        "proxy-bypass",
        "exchange.yml",
        by_hand.remove_proxy_bypass,
    ),
    "wrong-listener": Fault(
        "somebody put another region's listener on the bypass list of exch01",
        "proxy-bypass",
        "exchange.yml",
        by_hand.bypass_for_americas,
    ),
    "stopped-pool": Fault(
        "rapid-fail protection stopped EWS's application pool on exch01",
        "ews-health",
        "",
        by_hand.stop_pool,
        mend=by_hand.start_pool,
    ),
    "windows-firewall": Fault(
        "a security baseline replaced the firewall rules of exch01 and blocks what goes out by default",
        "listener-egress",
        "exchange.yml",
        by_hand.apply_firewall_baseline,
    ),
    "read-ahead": Fault(
        "a cumulative update set uploadReadAheadSize back to 0 on the Exchange hosts",
        "read-ahead",
        "exchange.yml",
        by_hand.reset_read_ahead,
    ),
    "wrong-region": Fault(
        "an administrator chose Americas in the console of XenMobile Server",
        "xms-policies",
        "xms.yml",
        by_hand.choose_wrong_region,
    ),
    "customer-id": Fault(
        "an administrator mistyped the customer ID in the console of XenMobile Server",
        "xms-policies",
        "xms.yml",
        by_hand.mistype_customer_id,
    ),
    "revoked-certificate": Fault(
        "somebody revoked the APNs certificate in service at Apple",
        "apns-certificate",
        "rotate.yml",
        by_hand.revoke_certificate,
    ),
    "expired-certificate": Fault(
        "a year passed: the APNs certificate in service has expired",
        "apns-certificate",
        "rotate.yml",
        by_hand.expire_certificate,
    ),
}

#: What the demo breaks unless it is asked for every fault: one thing a system, in a minute or so.
STORY = ("firewall-rule", "proxy-bypass", "expired-certificate")


def initial_links(lab: Lab) -> tuple[str, ...]:
    """The links that a fresh estate has not yet got, as far as this kind of lab can show them."""
    links = ("xms-policies", "registration-egress", "read-ahead", "proxy-bypass", "listener-egress", "apns-certificate")
    return links if lab.kind == "namespaces" else tuple(link for link in links if link != "listener-egress")
