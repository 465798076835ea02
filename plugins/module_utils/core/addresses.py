# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, CIDRs and host names as they are declared: one canonical form, and what no public service can have.

The special-purpose blocks are those of IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890).
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .errors import InvalidInput

Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_IPV4_BLOCKS = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by carriers",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_IPV6_BLOCKS = {
    "2001::/23": "protocol assignments",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "3fff::/20": "documentation",
    # Outside of what IANA gives out as global unicast:
    "::1/128": "loopback",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
    "::/3": "reserved",
    "4000::/2": "reserved",
    "8000::/1": "reserved",
}
_BLOCKS = [(ipaddress.ip_network(block), use) for block, use in {**_IPV4_BLOCKS, **_IPV6_BLOCKS}.items()]

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_FQDN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}\Z")
_TOP_LEVEL_IS_NUMERIC = re.compile(r"\.\d+\Z")


def is_fqdn(name: object) -> bool:
    """Whether a value is a fully qualified host name (no trailing dot, no address, no wildcard)."""
    return isinstance(name, str) and bool(_FQDN.match(name)) and not _TOP_LEVEL_IS_NUMERIC.search(name)


def parse_address(field: str, value: object) -> str:
    """Return an address or CIDR in canonical form: hosts without a prefix length.

    :raises InvalidInput: not an address, host bits set, an IPv6 zone, or a range that no service has.
    """
    if not isinstance(value, str):
        raise InvalidInput(field, value, "an IPv4 or IPv6 address or CIDR as text", "Quote it")
    if "%" in value:
        raise InvalidInput(field, value, "an address without a zone", "Leave out '%' and what follows")
    try:
        network: Network = ipaddress.ip_network(value.strip(), strict=True)
    except ValueError as problem:
        raise InvalidInput(field, value, "an IPv4 or IPv6 address or CIDR", f"Correct it ({problem})") from None
    if network.prefixlen == 0 or network.is_multicast or network.is_unspecified:
        raise InvalidInput(field, value, "the address of a service", "Name the service's own addresses")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def special_purpose(address: str) -> str:
    """What an address or CIDR, or a part of it, is set aside for; empty where all of it can be on the internet."""
    network = ipaddress.ip_network(address)
    return next((use for block, use in _BLOCKS if block.version == network.version and block.overlaps(network)), "")


def is_within(address: str, networks: t.Iterable[str]) -> bool:
    """Whether one of the networks holds all of an address or CIDR."""
    inner = ipaddress.ip_network(address)
    return any(_holds(ipaddress.ip_network(outer), inner) for outer in networks)


def without_overlaps(addresses: t.Iterable[str]) -> tuple[str, ...]:
    """The same addresses sorted, IPv4 first, each once: what a wider CIDR of the list holds is left out."""
    kept: list[Network] = []
    for network in sorted(map(ipaddress.ip_network, addresses), key=_order):
        if not kept or not _holds(kept[-1], network):
            kept.append(network)
    return tuple(str(each.network_address) if each.num_addresses == 1 else str(each) for each in kept)


def versions(addresses: t.Iterable[str]) -> set[int]:
    """The versions of IP (4, 6) that a list of addresses holds."""
    return {ipaddress.ip_network(address).version for address in addresses}


def of_version(addresses: t.Iterable[str], version: int) -> tuple[str, ...]:
    """The addresses of one version of IP."""
    return tuple(address for address in addresses if ipaddress.ip_network(address).version == version)


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _holds(outer: Network, inner: Network) -> bool:
    return (
        outer.version == inner.version
        and int(outer.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )
