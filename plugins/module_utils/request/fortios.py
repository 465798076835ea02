# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as commands of Fortinet FortiOS, 6.4 or later (one policy for IPv4 and IPv6).

Syntax: Fortinet, "FortiOS CLI Reference", config firewall address, address6, addrgrp, addrgrp6, service custom,
schedule onetime and policy.
"""

from __future__ import annotations

import ipaddress

from .request import AUTHOR, Request, RequestedFlow
from .words import comment, header, object_name, until

_POLICY_NAME = 35
_COMMENTS = 255


def render_fortios(request: Request) -> str:
    """The commands for the CLI, or for a script."""
    lines = header(
        request,
        "#",
        "Fortinet FortiOS 6.4 or later",
        "The groups are set to exactly these members.",
        "The policies are new and come last: move them before one that denies, and run this once.",
    )
    hosts = {4: "address", 6: "address6"}
    groups = {4: "addrgrp", 6: "addrgrp6"}
    for version in (4, 6):
        addresses = dict.fromkeys(
            address
            for each in request.flows
            if version in each.versions
            for address in (*each.destinations(version), *each.sources(version))
        )
        lines += _table(f"firewall {hosts[version]}", {_address_name(each): [_address(each)] for each in addresses})
        members = {
            object_name(each.flow.name, side): [f"set member {' '.join(_quoted(_address_name(one)) for one in listed)}"]
            for each in request.flows
            if version in each.versions
            for side, listed in (("dst", each.destinations(version)), ("src", each.sources(version)))
            if listed
        }
        lines += _table(f"firewall {groups[version]}", members)
    ports = {
        object_name(each.flow.name, "tcp"): [f"set tcp-portrange {' '.join(map(str, each.flow.ports))}"]
        for each in request.flows
    }
    lines += _table("firewall service custom", ports)
    span = [f"set start 00:00 {request.starts:%Y/%m/%d}", f"set end 23:59 {request.expires:%Y/%m/%d}"]
    lines += _table("firewall schedule onetime", {until(request): span})
    lines += ["config firewall policy"]
    for each in request.flows:
        lines += ["    edit 0", *(f"        {line}" for line in _policy(request, each)), "    next"]
    return "\n".join([*lines, "end", ""])


def _policy(request: Request, each: RequestedFlow) -> list[str]:
    name = object_name(each.flow.name)
    lines = [f"set name {_quoted(name if len(name) <= _POLICY_NAME else each.flow.name)}"]
    lines += [
        f"set {end} {_quoted(port)}" for end, port in zip(("srcintf", "dstintf"), request.interfaces, strict=True)
    ]
    for version in each.versions:
        suffix = "" if version == 4 else "6"
        source = object_name(each.flow.name, "src") if each.flow.sources else "all"
        lines.append(f"set srcaddr{suffix} {_quoted(source)}")
        lines.append(f"set dstaddr{suffix} {_quoted(object_name(each.flow.name, 'dst'))}")
    return [
        *lines,
        "set action accept",
        f"set schedule {_quoted(until(request))}",
        f"set service {_quoted(object_name(each.flow.name, 'tcp'))}",
        "set logtraffic all",
        f"set comments {_quoted(comment(f'{AUTHOR} {each.flow.name}: {each.purpose}', _COMMENTS))}",
    ]


def _table(table: str, entries: dict[str, list[str]]) -> list[str]:
    if not entries:
        return []
    lines = [f"config {table}"]
    for name, settings in entries.items():
        lines += [f"    edit {_quoted(name)}", *(f"        {setting}" for setting in settings), "    next"]
    return [*lines, "end"]


def _address(address: str) -> str:
    network = ipaddress.ip_network(address)
    if network.version == 4:
        return f"set subnet {network.network_address} {network.netmask}"
    return f"set ip6 {network}"


def _address_name(address: str) -> str:
    return object_name(address.replace("/", "_").replace(":", "-"))


def _quoted(word: str) -> str:
    """A word in quotes; names and comments hold neither quotes nor backslashes."""
    return f'"{word}"'
