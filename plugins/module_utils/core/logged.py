# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Exchange hosts say besides their settings when no badge arrives: sends that failed, and what ran there."""

from __future__ import annotations

import typing as t

Result = t.Mapping[str, t.Any]


def logged_sentences(hosts: t.Mapping[str, Result | None]) -> list[str]:
    """A line for each host and listener, from results of exchange_push_info.

    :param hosts: ``None`` for a host that was never asked; it has nothing to say.
    """
    return [line for host, result in hosts.items() if result is not None for line in _of_host(host, result)]


def _of_host(host: str, result: Result) -> t.Iterator[str]:
    if result.get("unreachable") or result.get("failed"):
        yield f"LOGGED on {host}: not known, {result.get('msg', 'no reason given')}"
        return
    product = f"{result['exchange']['product']}, build {result['exchange']['version']}"
    for flow in result["flows"]:
        yield f"LOGGED on {host} ({product}): {_events(flow)}"
    if result["app_pool"]["state"] != "Started":
        yield f"LOGGED on {host}: {result['app_pool']['name']} is {result['app_pool']['state'] or 'absent'}"


def _events(flow: t.Mapping[str, t.Any]) -> str:
    events = flow["events"]
    if not events["last_time"]:
        return f"no event 6 or 7 names {flow['fqdn']}"
    status = f", {events['last_status']}" if events["last_status"] else ""
    return (
        f"{events['failed_sends']} x event 6 (a send failed), {events['subscriptions_given_up']} x event 7 (given up),"
        f" last at {events['last_time']} against {events['last_endpoint']}{status}"
    )
