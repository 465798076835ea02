# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as verify writes it, for tests of what is made out of it."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import Finding, Verdict
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import (
    Document,
    Run,
    compose,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.path import LINKS

#: Link -> who is asked, and on which hosts.
ASKED = {
    "xms-policies": ("xms", ["xms01"]),
    "registration-egress": ("gateway", ["gw01"]),
    "read-ahead": ("exchange", ["exch01", "exch02"]),
    "ews-health": ("answers", ["exch01", "exch02"]),
    "proxy-bypass": ("exchange", ["exch01", "exch02"]),
    "listener-egress": ("gateway", ["gw01"]),
    "apns-certificate": ("key-store", ["controller"]),
}
SERVING = ("0001", "in-service", "2025-12-01T00:00:00+00:00", "2026-12-31T00:00:00+00:00")
NEXT = ("0002", "awaiting-upload", "2026-11-20T00:00:00+00:00", "2027-12-20T00:00:00+00:00")


def evidence(
    name: str = "emea",
    states: t.Mapping[tuple[str, str], str] | None = None,
    day: int = 1,
    said: str | t.Mapping[str, str] = "as found",
    badge: bool = True,
    must_act: str = "nobody",
    versions: t.Sequence[tuple[str, str, str, str]] = (SERVING,),
    warnings: t.Sequence[str] = (),
    more_hosts: t.Sequence[str] = (),
) -> Document:
    """The evidence of one run on a day of November 2026.

    :param states: (link, host) -> state; ``pass`` for every other.
    :param said: the evidence of every check, or of every state.
    :param more_hosts: further Exchange hosts.
    """
    found = []
    for link in LINKS:
        asked, hosts = ASKED[link]
        for host in hosts + (list(more_hosts) if "exch01" in hosts else []):
            state = (states or {}).get((link, host), "pass")
            found.append(Finding(link, asked, host, state, said if isinstance(said, str) else said[state]))
    bundle = {
        "bundle_id": "com.contoso.securemail",
        "decision": {"reason": "due", "sentence": "Its renewal is due"},
        "must_act": must_act,
        "waiting_since": "2026-11-01T00:00:00+00:00",
        "needed_by": "2026-12-31T00:00:00+00:00",
        "next_due": "2026-12-01T00:00:00+00:00",
        "in_service": "0001",
        "versions": [
            {
                "version": version,
                "state": state,
                "certificate": {"sha256": version * 16, "not_before": begin, "not_after": end},
            }
            for version, state, begin, end in versions
        ],
    }
    environment = {
        "name": name,
        "region": "EMEA",
        "bundle_id": "com.contoso.securemail",
        "customer_id": "contoso-7Q2M4",
    }
    when = f"2026-11-{day:02d}T02:00:00+00:00"
    probe = {"mailbox": "alex@contoso.com", "arrived": badge, "content_free": True, "devices": []}
    return compose(Verdict(tuple(found), probe, tuple(warnings)), Run(environment, when, when, [bundle]))
