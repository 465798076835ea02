# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The regional endpoints of the push service: dated data in, flows out.

The catalog itself is data (``roles/push_environment/defaults``), because addresses change and code should not.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .errors import InvalidInput

SERVICES = ("listener", "registration")

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_FQDN = re.compile(rf"^(?=.{{1,253}}$)(?:{_LABEL}\.)+{_LABEL}$")
_TOP_LEVEL_IS_NUMERIC = re.compile(r"\.\d+$")


@dataclass(frozen=True)
class Endpoint:
    """One service of one region.

    :param addresses: networks, most often single hosts; sorted, no duplicates.
    """

    region: str
    service: str
    fqdn: str
    addresses: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        return f"https://{self.fqdn}" if self.port == 443 else f"https://{self.fqdn}:{self.port}"


@dataclass(frozen=True)
class Catalog:
    """All endpoints of one dated source."""

    source: str
    date: datetime.date
    labels: dict[str, str]
    endpoints: tuple[Endpoint, ...]

    def endpoint(self, region: str, service: str) -> Endpoint:
        for endpoint in self.endpoints:
            if (endpoint.region, endpoint.service) == (region, service):
                return endpoint
        raise InvalidInput(
            "push_endpoints", f"regions.{region}", f"an entry {service!r}", f"Add regions.{region}.{service}"
        )


def is_fqdn(name: object) -> bool:
    """Whether a value is a fully qualified host name (no trailing dot, no address, no wildcard)."""
    return isinstance(name, str) and bool(_FQDN.match(name)) and not _TOP_LEVEL_IS_NUMERIC.search(name)


def parse_address(field: str, value: object) -> str:
    """Return an address or CIDR in canonical form: hosts without a prefix length.

    :raises InvalidInput: not an address, host bits set, or a range that no public service has.
    """
    if not isinstance(value, str):
        raise InvalidInput(field, value, "an IPv4 or IPv6 address or CIDR as text", "Quote it")
    try:
        network: ipaddress.IPv4Network | ipaddress.IPv6Network = ipaddress.ip_network(value.strip(), strict=True)
    except ValueError as problem:
        raise InvalidInput(field, value, "an IPv4 or IPv6 address or CIDR", f"Correct it ({problem})") from None
    if network.prefixlen == 0 or network.is_multicast or network.is_unspecified:
        raise InvalidInput(field, value, "the address of a service", "Name the service's own addresses")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _sorted(addresses: t.Iterable[str]) -> tuple[str, ...]:
    def key(text: str) -> tuple[int, int, int]:
        network = ipaddress.ip_network(text)
        return network.version, int(network.network_address), network.prefixlen

    return tuple(sorted(set(addresses), key=key))


def _port(field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise InvalidInput(field, value, "a TCP port from 1 to 65535", "Leave it out for 443")
    return value


def _mapping(field: str, value: object) -> dict[str, t.Any]:
    if not isinstance(value, dict):
        raise InvalidInput(field, value, "a mapping", "See roles/push_environment/defaults for the shape")
    return value


def _date(field: str, value: object) -> datetime.date:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise InvalidInput(field, value, "a date as YYYY-MM-DD", "Say when the source was read") from None


def parse_catalog(raw: object) -> Catalog:
    """Read the ``push_endpoints`` variable.

    :raises InvalidInput: names the entry, its value and the remedy.
    """
    top = _mapping("push_endpoints", raw)
    source = top.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InvalidInput("push_endpoints.source", source, "where the addresses come from", "Name the document")
    labels: dict[str, str] = {}
    endpoints: list[Endpoint] = []
    for region, body in _mapping("push_endpoints.regions", top.get("regions")).items():
        at = f"push_endpoints.regions.{region}"
        services = _mapping(at, body)
        labels[str(region)] = str(services.get("label", region))
        for service in SERVICES:
            entry = _mapping(f"{at}.{service}", services.get(service))
            fqdn = entry.get("fqdn")
            if not is_fqdn(fqdn):
                raise InvalidInput(f"{at}.{service}.fqdn", fqdn, "a fully qualified host name", "Correct it")
            addresses = entry.get("addresses")
            if not isinstance(addresses, (list, tuple)) or not addresses:
                raise InvalidInput(f"{at}.{service}.addresses", addresses, "a list of addresses", "Name at least one")
            parsed = [parse_address(f"{at}.{service}.addresses[{n}]", value) for n, value in enumerate(addresses)]
            port = _port(f"{at}.{service}.port", entry.get("port", 443))
            endpoints.append(Endpoint(str(region), service, str(fqdn).lower(), _sorted(parsed), port))
    return Catalog(source, _date("push_endpoints.date", top.get("date")), labels, tuple(endpoints))
