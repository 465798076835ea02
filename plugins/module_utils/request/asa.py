# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as commands of the Cisco Secure Firewall ASA, 9.0 or later (one access list for IPv4 and IPv6).

Syntax: Cisco, "ASA Firewall CLI Configuration Guide", chapters "Objects for Access Control" (object-group, time-range)
and "Access Control Lists" (access-list extended, remark).
"""

from __future__ import annotations

import datetime
import ipaddress

from ..core.errors import InvalidInput
from .request import AUTHOR, Request, RequestedFlow
from .words import comment, header, object_name, until

_LAST_DAY = datetime.date(2035, 12, 31)  # of "absolute"
_REMARK = 100
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


def render_asa(request: Request) -> str:
    """The commands for configuration mode.

    :raises InvalidInput: the request outlives what a time range can say.
    """
    if request.expires > _LAST_DAY:
        expected = f"a day that a time range of the ASA can name, {_LAST_DAY.isoformat()} at the latest"
        raise InvalidInput("expires", request.expires.isoformat(), expected, "Ask for an earlier day, or leave out asa")
    lines = header(
        request,
        "!",
        "Cisco ASA 9.0 or later, configuration mode",
        "The groups must hold exactly these members: remove others of an earlier request.",
        "Entries go to the end of the access list: give them line numbers where it denies before.",
    )
    lines += ["!", f"time-range {until(request)}"]
    lines.append(f" absolute start 00:00 {_day(request.starts)} end 23:59 {_day(request.expires)}")
    for each in request.flows:
        lines += _flow(request, each)
    return "\n".join([*lines, ""])


def _flow(request: Request, each: RequestedFlow) -> list[str]:
    name = each.flow.name
    ports = object_name(name, "ports")
    lines = ["!", f"object-group service {ports} tcp", *(f" port-object eq {port}" for port in each.flow.ports)]
    entries = []
    for version in each.versions:
        destination = object_name(name, f"dst{version}")
        lines += _group(destination, each.destinations(version))
        source = f"any{version}"
        if each.flow.sources:
            lines += _group(object_name(name, f"src{version}"), each.sources(version))
            source = f"object-group {object_name(name, f'src{version}')}"
        entries.append(
            f"access-list {request.access_list} extended permit tcp {source} object-group {destination}"
            f" object-group {ports} time-range {until(request)}"
        )
    remark = comment(f"{AUTHOR} {name}: {each.purpose}", _REMARK)
    return [*lines, f"access-list {request.access_list} remark {remark}", *entries]


def _group(name: str, addresses: tuple[str, ...]) -> list[str]:
    return [f"object-group network {name}", *(f" network-object {_member(address)}" for address in addresses)]


def _member(address: str) -> str:
    network = ipaddress.ip_network(address)
    if network.num_addresses == 1:
        return f"host {network.network_address}"
    return f"{network.network_address} {network.netmask}" if network.version == 4 else str(network)


def _day(day: datetime.date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
