# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh's rule parameters to and from the fields of a registry rule string (MS-GPFAS 2.2.2.19)."""

from __future__ import annotations

import ipaddress
import typing as t

from ..firewall import Rule

VERSION = "v2.30"
#: Order of the fields in the strings that the service writes.
_ORDER = (
    "Action", "Active", "Dir", "Protocol", "Profile", "ICMP4", "ICMP6", "LPort", "LPort2_10", "RPort", "RPort2_10",
    "LA4", "LA6", "RA4", "RA6", "IFType", "App", "Svc", "Name", "Desc", "EmbedCtxt", "Edge", "Security",
)  # fmt: skip
_ACTIONS = {"allow": "Allow", "block": "Block", "bypass": "ByPass"}
_PROTOCOLS = {"tcp": "6", "udp": "17", "icmpv4": "1", "icmpv6": "58"}
_PROFILES = {"domain": "Domain", "private": "Private", "public": "Public"}
_INTERFACES = {"wireless": "Wireless", "lan": "Lan", "ras": "RemoteAccess"}
_KEYWORDS = {
    "localsubnet": "LocalSubnet",
    "dns": "DNS",
    "dhcp": "DHCP",
    "wins": "WINS",
    "defaultgateway": "DefaultGateway",
}
#: Which fields a parameter decides.
FIELDS = {
    "name": ("Name",),
    "dir": ("Dir",),
    "action": ("Action",),
    "enable": ("Active",),
    "profile": ("Profile",),
    "protocol": ("Protocol", "ICMP4", "ICMP6"),
    "localport": ("LPort", "LPort2_10"),
    "remoteport": ("RPort", "RPort2_10"),
    "localip": ("LA4", "LA6"),
    "remoteip": ("RA4", "RA6"),
    "program": ("App",),
    "service": ("Svc",),
    "description": ("Desc",),
    "interfacetype": ("IFType",),
    "edge": ("Edge",),
    "security": ("Security",),
}
Fields = list[tuple[str, str]]


class BadParameter(ValueError):
    """netsh's own sentence about a value that it does not take."""


def fields_of(name: str, value: str) -> Fields:
    """The fields that one netsh parameter stands for; none where it means "any".

    :raises BadParameter: netsh would refuse the value.
    """
    lower = value.lower()
    if name == "name":
        if not value or "|" in value or lower == "all":
            raise BadParameter("A specified value is not valid.")
        return [("Name", value)]
    if name in ("program", "service", "description"):
        if "|" in value:
            raise BadParameter("A specified value is not valid.")
        field = FIELDS[name][0]
        return (
            [] if not value or (name == "program" and lower == "any") else [(field, "*" if lower == "any" else value)]
        )
    if name in ("localip", "remoteip"):
        prefix = "LA" if name == "localip" else "RA"
        return [] if lower == "any" else [field for part in value.split(",") for field in _address(prefix, part)]
    if name in ("localport", "remoteport"):
        prefix = "LPort" if name == "localport" else "RPort"
        return [] if lower == "any" else [_port(prefix, part) for part in value.split(",")]
    if name == "protocol":
        if lower == "any":
            return []
        if lower not in _PROTOCOLS and not (lower.isdigit() and int(lower) <= 255):
            raise BadParameter("A specified protocol value is not valid.")
        return [("Protocol", _PROTOCOLS.get(lower, lower))]
    if name == "profile":
        return [] if lower == "any" else [("Profile", _one_of(_PROFILES, part)) for part in lower.split(",")]
    if name == "interfacetype":
        return [] if lower == "any" else [("IFType", _one_of(_INTERFACES, part)) for part in lower.split(",")]
    if name == "edge":
        edge = _one_of({"yes": "TRUE", "no": "", "deferapp": "TRUE", "deferuser": "TRUE"}, lower)
        return [("Edge", edge)] if edge else []
    if name == "security":
        security = _one_of({"authenticate": "Authenticate", "authenc": "AuthenticateEncrypt", "notrequired": ""}, lower)
        return [("Security", security)] if security else []
    simple = {"dir": {"in": "In", "out": "Out"}, "action": _ACTIONS, "enable": {"yes": "TRUE", "no": "FALSE"}}
    if name not in simple:
        raise BadParameter(f"'{name}' is not a valid argument for this command.")
    return [(FIELDS[name][0], _one_of(simple[name], lower))]


def build(fields: t.Iterable[tuple[str, str]], version: str = VERSION) -> Rule:
    """A rule with its fields in the order that the service writes; unknown ones stay last, in their own order."""
    known = {name: place for place, name in enumerate(_ORDER)}
    return Rule(version, tuple(sorted(fields, key=lambda field: known.get(field[0], len(known)))))


def ports_without_protocol(rule: Rule) -> bool:
    """Ports need TCP or UDP."""
    ports = rule.all("LPort", "LPort2_10", "RPort", "RPort2_10")
    return bool(ports) and rule.first("Protocol") not in ("6", "17")


def _one_of(values: t.Mapping[str, str], word: str) -> str:
    if word not in values:
        raise BadParameter("A specified value is not valid.")
    return values[word]


def _port(prefix: str, text: str) -> tuple[str, str]:
    low, dash, high = text.strip().partition("-")
    if prefix == "LPort" and low.lower() in ("rpc", "rpc-epmap", "iphttps"):
        return prefix, low.upper()
    if not low.isdigit() or int(low) > 65535 or (dash and not (high.isdigit() and int(low) <= int(high) <= 65535)):
        raise BadParameter("A specified port value is not valid.")
    return (f"{prefix}2_10", f"{int(low)}-{int(high)}") if dash else (prefix, str(int(low)))


def _address(prefix: str, text: str) -> Fields:
    """One entry: an address, a network, a range or a keyword (which stands for both families)."""
    text = text.strip()
    keyword = _KEYWORDS.get(text.lower())
    if keyword:
        return [(f"{prefix}4", keyword), (f"{prefix}6", keyword)]
    try:
        low, dash, high = text.partition("-")
        if dash:
            first, last = ipaddress.ip_address(low), ipaddress.ip_address(high)
            if first.version != last.version or int(first) > int(last):
                raise ValueError(text)
            return [(f"{prefix}{first.version}", f"{first}-{last}")]
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadParameter("A specified IP address or address keyword is not valid.") from None
    if network.prefixlen == network.max_prefixlen:
        return [(f"{prefix}{network.version}", str(network.network_address))]
    mask = network.netmask if network.version == 4 else network.prefixlen
    return [(f"{prefix}{network.version}", f"{network.network_address}/{mask}")]
