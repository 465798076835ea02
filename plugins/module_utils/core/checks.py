# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the push path by its id, ``<link>.<asked>``: what it looks at, whom it blames, and what to do.

Who makes the findings: ``evidence.judge`` out of the roles' check-mode results, and ``observations`` out of what the
systems say besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from .path import LINKS


@dataclass(frozen=True)
class Check:
    """One question to one kind of host.

    :param title: what is looked at.
    :param systems: whom it blames when it does not pass.
    :param remedy: what an operator does then.
    """

    id: str
    title: str
    systems: tuple[str, ...]
    remedy: str


_SET_POLICIES = "Run playbooks/xms.yml: it sets network access, push, region and customer ID"
_EXCHANGE = "Run playbooks/exchange.yml: it"
_ROTATE = "Run playbooks/rotate.yml: it"
_NAMES = ("DNS", "declared addresses")
_ADDRESSES = "Compare push_endpoints with its source, declare what is true, then run playbooks/firewall.yml"

CHECKS = {
    check.id: check
    for check in (
        Check("xms-policies.xms", "Push policies of the app", ("XenMobile Server",), _SET_POLICIES),
        Check("xms-policies.model", "Region and customer ID of the app", ("XenMobile Server",), _SET_POLICIES),
        Check(
            "xms-policies.mdx",
            "Bundle ID and push entitlement of the .mdx",
            ("app package",),
            "Wrap the app again with a distribution profile for the explicit App ID with push, and upload it",
        ),
        Check(
            "registration-egress.netscaler",
            "Authorization of tunneled devices",
            ("NetScaler Gateway",),
            "Run playbooks/netscaler.yml: it authorizes the region's registration addresses",
        ),
        Check(
            "registration-egress.gateway",
            "Gateway's rules for the registration service",
            ("gateway",),
            "Run playbooks/firewall.yml: it opens the region's registration addresses",
        ),
        Check("registration-egress.names", "Name of the registration service", _NAMES, _ADDRESSES),
        Check(
            "read-ahead.exchange",
            "Effective uploadReadAheadSize",
            ("Exchange front end",),
            f"{_EXCHANGE} raises the effective value on the EWS folder",
        ),
        Check(
            "read-ahead.client-certificates",
            "Client certificates as declared",
            ("Exchange front end",),
            "Correct push_client_certificate_auth, or the SSL settings of the EWS folder",
        ),
        Check(
            "ews-health.app-pool",
            "Application pool of EWS",
            ("Exchange front end", "Exchange back end"),
            "Find out in the System log why it stopped, then start it: appcmd start apppool MSExchangeServicesAppPool",
        ),
        Check(
            "ews-health.answers",
            "Answers of EWS",
            ("Exchange front end", "Exchange back end"),
            "Look at the Application log of the host. Where a web.config does not parse, playbooks/rollback.yml puts"
            " the copy of before back",
        ),
        Check(
            "ews-health.push",
            "Push notifications of EWS",
            ("Exchange back end",),
            "Delete the draft of the probe from its mailbox by hand",
        ),
        Check(
            "ews-health.clock",
            "Clock of the host",
            ("Exchange front end", "Exchange back end", "controller"),
            "Set the clock that is wrong by the domain's time service: w32tm /resync on the host",
        ),
        Check(
            "proxy-bypass.exchange",
            "Bypass list of the back end",
            ("Exchange back end",),
            f"{_EXCHANGE} puts the listener on the EWS bypass list",
        ),
        Check(
            "proxy-bypass.effective",
            "Way that .NET takes to the listener",
            ("Exchange back end",),
            f"{_EXCHANGE} puts the listener on the EWS bypass list, beside the proxy for all else",
        ),
        Check(
            "proxy-bypass.model",
            "Region whose listener bypasses the proxy",
            ("Exchange back end",),
            f"{_EXCHANGE} puts the declared region's listener on the list",
        ),
        Check(
            "listener-egress.gateway",
            "Gateway's rules for the listener",
            ("gateway",),
            "Run playbooks/firewall.yml: it opens the region's listener addresses",
        ),
        Check(
            "listener-egress.proxy",
            "Web proxy's rules for the listener",
            ("web proxy",),
            "Run playbooks/firewall.yml: it lets the Exchange hosts connect to the listener",
        ),
        Check(
            "listener-egress.host-firewall",
            "Exchange host's own firewall",
            ("Exchange back end",),
            f"{_EXCHANGE} opens the region's listener addresses; a rule of somebody else that blocks them goes where it"
            " is kept",
        ),
        Check(
            "listener-egress.egress",
            "TLS from the Exchange host to the listener",
            ("gateway", "Exchange back end"),
            "Run playbooks/firewall.yml for a gateway and playbooks/exchange.yml for an Exchange host; where another"
            " team keeps the firewall, hand it playbooks/request.yml's request",
        ),
        Check("listener-egress.names", "Name of the listener", _NAMES, _ADDRESSES),
        Check(
            "listener-egress.events",
            "Notifications that Exchange could not send",
            ("Exchange back end",),
            "Where the events go on, mend what fails above; devices subscribe again by themselves when the app opens",
        ),
        Check(
            "apns-certificate.key-store",
            "Certificate in service",
            ("key store", "push portal", "APNs"),
            f"{_ROTATE} makes the next certificate and takes it through both gates",
        ),
        Check(
            "apns-certificate.model",
            "Region and customer ID of the upload",
            ("push portal",),
            f"{_ROTATE} uploads the certificate for the declared region and customer",
        ),
        Check(
            "apns-certificate.lifetime",
            "Days left of the certificate",
            ("key store",),
            f"{_ROTATE} renews it before it ends",
        ),
        Check(
            "apns-certificate.apns",
            "What APNs says of the certificate",
            ("APNs",),
            f"{_ROTATE} makes a certificate that APNs takes; where APNs was not reached, open the way to it",
        ),
        Check(
            "apns-certificate.consumer",
            "Certificate that the listener uses",
            ("push portal",),
            "Look at the push portal whether the upload is there, then ask the vendor",
        ),
        Check(
            "apns-certificate.journal",
            "Key store as its journal says",
            ("key store",),
            "Find out who replaced a file there by hand, and put the version back from the backup if nobody meant to",
        ),
        Check(
            "apns-certificate.schedule",
            "Last rotation that ended well",
            ("schedule",),
            "See whether the schedule of playbooks/rotate.yml runs, and what its last run said",
        ),
    )
}  # fmt: skip


def check_of(link: str, asked: str) -> Check:
    """The check of an id; one that is not known here speaks for its whole link."""
    of_link = LINKS[link]
    return CHECKS.get(f"{link}.{asked}") or Check(f"{link}.{asked}", of_link.title, of_link.systems, of_link.remedy)
