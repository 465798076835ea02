# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of the push path, in the order in which a badge travels them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One thing that must be right for a badge to arrive.

    :param systems: the systems on which it is set.
    :param remedy: what an operator does about it.
    """

    id: str
    title: str
    systems: tuple[str, ...]
    remedy: str


LINKS = {
    link.id: link
    for link in (
        Link(
            "xms-policies",
            "MDX app and its push policies",
            ("XenMobile Server",),
            "Run playbooks/xms.yml: it sets network access, push, region and customer ID",
        ),
        Link(
            "registration-egress",
            "Egress to the registration service",
            ("gateway", "NetScaler Gateway"),
            "Run playbooks/firewall.yml and playbooks/netscaler.yml: they open the region's registration addresses",
        ),
        Link(
            "read-ahead",
            "uploadReadAheadSize with client certificates",
            ("Exchange front end",),
            "Run playbooks/exchange.yml: it raises the effective value on the EWS folder",
        ),
        Link(
            "ews-health",
            "EWS itself",
            ("Exchange front end", "Exchange back end"),
            "Look at the Application log of the host, and start the pool MSExchangeServicesAppPool where it stopped",
        ),
        Link(
            "proxy-bypass",
            "Proxy bypass for the listener",
            ("Exchange back end",),
            "Run playbooks/exchange.yml: it puts the listener on the EWS bypass list",
        ),
        Link(
            "listener-egress",
            "Egress to the listener",
            ("gateway", "Exchange back end"),
            "Run playbooks/firewall.yml for a gateway and playbooks/exchange.yml for an Exchange host: they open the"
            " region's listener addresses; a rule of somebody else that blocks them goes where it is kept",
        ),
        Link(
            "apns-certificate",
            "APNs certificate in service",
            ("key store", "push portal", "APNs"),
            "Run playbooks/rotate.yml: it makes the next certificate and takes it through both gates",
        ),
    )
}
