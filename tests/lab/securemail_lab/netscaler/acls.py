# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extended ACLs: what may be written, what the packet engine has, and what it does with a packet.

NITRO reference, ``nsacl``; docs.citrix.com, "Extended ACLs and Extended ACL6s": the lowest priority number first, the
first match decides, no match lets pass, and nothing counts before it is applied.
"""

from __future__ import annotations

import ipaddress
import typing as t

from . import envelope
from .store import Json

_PROTOCOLS = ("ICMP", "IGMP", "TCP", "EGP", "IGP", "ARGUS", "UDP", "RDP", "RSVP", "EIGRP", "L2TP", "ISIS")


def check_acl(fields: Json) -> None:
    """:raises envelope.Refusal: as ``add ns acl`` and ``set ns acl`` refuse."""
    if str(fields.get("aclaction", "ALLOW")).upper() not in ("ALLOW", "DENY", "BRIDGE"):
        raise envelope.bad_value("aclaction")
    if "protocol" in fields and "protocolnumber" in fields:
        raise envelope.both("protocol", "protocolNumber")
    if "protocol" in fields and str(fields["protocol"]).upper() not in _PROTOCOLS:
        raise envelope.bad_value("protocol")
    for side in ("src", "dest"):
        _check_range(fields, f"{side}ip", lambda text: int(ipaddress.IPv4Address(text)))
        _check_range(fields, f"{side}port", _port)
        if fields.get(f"{side}port") and str(fields.get("protocol", "")).upper() not in ("TCP", "UDP"):
            raise envelope.prerequisite(f"{side}Port", "protocol")
    priority = str(fields.get("priority", 1))
    if not priority.isdigit() or not 1 <= int(priority) <= 100000:
        raise envelope.bad_value("priority")


def _check_range(fields: Json, name: str, number: t.Callable[[str], int]) -> None:
    if fields.get(f"{name}op", "=") not in ("=", "!=", "EQ", "NEQ"):
        raise envelope.bad_value(f"{name}op")
    if not fields.get(name):
        if fields.get(f"{name}val"):
            raise envelope.prerequisite(f"{name}val", name)
        return
    try:
        first, last = _range(fields.get(f"{name}val"), number)
    except ValueError:
        raise envelope.bad_value(f"{name}val") from None
    if first > last:
        raise envelope.bad_value(f"{name}val")


def _port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise ValueError(text)
    return int(text)


def _range(value: t.Any, number: t.Callable[[str], int]) -> tuple[int, int]:
    first, dash, last = str(value).partition("-")
    return number(first), number(last if dash else first)


def kernel_state(acl: Json, applied: list[Json]) -> str:
    """``APPLIED``, ``NOTAPPLIED``, or ``RE-APPLY`` where the packet engine has it in another form."""
    for each in applied:
        if each["aclname"] == acl["aclname"]:
            return "APPLIED" if each == acl else "RE-APPLY"
    return "NOTAPPLIED"


def denying(applied: list[Json], source: str, destination: str, port: int) -> str:
    """The name of the ACL that drops a TCP packet; empty where it passes."""
    for acl in sorted(applied, key=lambda each: int(each["priority"])):
        if _matches(acl, source, destination, port):
            return str(acl["aclname"]) if str(acl["aclaction"]).upper() == "DENY" else ""
    return ""


def _matches(acl: Json, source: str, destination: str, port: int) -> bool:
    if acl.get("state") == "DISABLED" or str(acl.get("protocol", "TCP")).upper() != "TCP":
        return False
    if acl.get("protocolnumber") not in (None, 6, "6") or acl.get("established"):
        return False  # the packet that opens a connection has neither ACK nor RST
    packet = {
        "srcip": int(ipaddress.IPv4Address(source)),
        "destip": int(ipaddress.IPv4Address(destination)),
        "destport": port,
    }
    for name, value in packet.items():
        if not acl.get(name):
            continue
        parse = int if name.endswith("port") else lambda text: int(ipaddress.IPv4Address(text))
        first, last = _range(acl[f"{name}val"], parse)
        if (first <= value <= last) == (acl.get(f"{name}op", "=") in ("!=", "NEQ")):
            return False
    return not acl.get("srcport") and not acl.get("vlan") and not acl.get("interface")
