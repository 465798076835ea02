# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints of the push service and of what else the estate needs: dated data, checked.

The catalog itself is data (``roles/push_environment/defaults``), because addresses change and code should not. Its
shape is also written down in ``docs/push_endpoints.schema.json``, for editors; what is decided here counts.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .addresses import is_fqdn, is_within, parse_address, special_purpose, without_overlaps
from .errors import InvalidInput
from .flows import check_name, check_port, check_ports
from .text import check_date, check_line

SERVICES = ("listener", "registration")
PURPOSES = {
    "listener": "Exchange tells the push service of its region that a mailbox has changed",
    "registration": "Secure Mail on the devices registers with the push service of the region",
}
_WHEN = "Say when the source was written or read"


@dataclass(frozen=True)
class Endpoint:
    """One service of one region.

    :param addresses: networks, most often single hosts; sorted, none within another.
    :param source: where the addresses come from.
    :param date: when that source was written or read.
    """

    region: str
    service: str
    fqdn: str
    addresses: tuple[str, ...]
    port: int
    source: str
    date: datetime.date

    @property
    def url(self) -> str:
        return f"https://{self.fqdn}" if self.port == 443 else f"https://{self.fqdn}:{self.port}"


@dataclass(frozen=True)
class Group:
    """Endpoints that the estate needs besides, in every region; ``fqdn`` is empty where no one name stands for them."""

    name: str
    purpose: str
    fqdn: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    source: str
    date: datetime.date


@dataclass(frozen=True)
class Catalog:
    """All endpoints of one dated source.

    :param special_purpose: networks that are none of the internet's and yet meant, because the catalog says so.
    """

    source: str
    date: datetime.date
    labels: dict[str, str]
    endpoints: tuple[Endpoint, ...]
    groups: dict[str, Group]
    special_purpose: tuple[str, ...]

    def endpoint(self, region: str, service: str) -> Endpoint:
        for endpoint in self.endpoints:
            if (endpoint.region, endpoint.service) == (region, service):
                return endpoint
        raise InvalidInput(
            "push_endpoints", f"regions.{region}", f"an entry {service!r}", f"Add regions.{region}.{service}"
        )


@dataclass(frozen=True)
class _Reader:
    """What every entry of one catalog falls back on."""

    source: str
    date: datetime.date
    allowed: tuple[str, ...]

    def endpoint(self, at: str, region: str, service: str, raw: object) -> Endpoint:
        entry = _mapping(at, raw, "fqdn", "addresses", "port", "source", "date")
        port = check_port(f"{at}.port", entry.get("port", 443))
        return Endpoint(region, service, _fqdn(at, entry), self._addresses(at, entry), port, *self._origin(at, entry))

    def group(self, at: str, name: object, raw: object) -> Group:
        entry = _mapping(at, raw, "purpose", "fqdn", "addresses", "ports", "source", "date")
        checked = check_name(at, name)
        if checked in SERVICES:
            raise InvalidInput(at, name, f"another name than {' and '.join(SERVICES)}", "Rename the group")
        purpose = check_line(f"{at}.purpose", entry.get("purpose"), "what the traffic is for")
        ports = check_ports(f"{at}.ports", entry.get("ports", [443]))
        fqdn = _fqdn(at, entry) if "fqdn" in entry else ""
        return Group(checked, purpose, fqdn, self._addresses(at, entry), ports, *self._origin(at, entry))

    def _addresses(self, at: str, entry: t.Mapping[str, t.Any]) -> tuple[str, ...]:
        listed = entry.get("addresses")
        if not isinstance(listed, (list, tuple)) or not listed:
            raise InvalidInput(f"{at}.addresses", listed, "a list of addresses", "Name at least one")
        parsed = [parse_address(f"{at}.addresses[{number}]", value) for number, value in enumerate(listed)]
        for number, address in enumerate(parsed):
            use = special_purpose(address)
            if use and not is_within(address, self.allowed):
                raise InvalidInput(
                    f"{at}.addresses[{number}]",
                    listed[number],
                    f"addresses of the internet, but here or in it are some set aside: {use}",
                    "Correct it; where it is meant, list its network under push_endpoints.special_purpose",
                )
        return without_overlaps(parsed)

    def _origin(self, at: str, entry: t.Mapping[str, t.Any]) -> tuple[str, datetime.date]:
        source = check_line(f"{at}.source", entry.get("source", self.source), "where the addresses come from")
        return source, check_date(f"{at}.date", entry.get("date", self.date), _WHEN)


def _fqdn(at: str, entry: t.Mapping[str, t.Any]) -> str:
    fqdn = entry.get("fqdn")
    if not is_fqdn(fqdn):
        raise InvalidInput(f"{at}.fqdn", fqdn, "a fully qualified host name", "Correct it")
    return str(fqdn).lower()


def _mapping(field: str, value: object, *keys: str) -> dict[str, t.Any]:
    """A mapping with some of ``keys``; with any where none are named."""
    if not isinstance(value, dict):
        raise InvalidInput(field, value, "a mapping", "See roles/push_environment/defaults for the shape")
    unknown = sorted(str(key) for key in value if keys and key not in keys)
    if unknown:
        raise InvalidInput(field, ", ".join(unknown), f"no other keys than {', '.join(keys)}", "Correct the spelling")
    return value


def parse_catalog(raw: object, field: str = "push_endpoints") -> Catalog:
    """Read the ``push_endpoints`` variable.

    :param field: what the variable is called in errors.
    :raises InvalidInput: names the entry, its value and the remedy.
    """
    top = _mapping(field, raw, "source", "date", "special_purpose", "regions", "groups")
    source = check_line(f"{field}.source", top.get("source"), "where the addresses come from")
    date = check_date(f"{field}.date", top.get("date"), _WHEN)
    allowed = top.get("special_purpose", [])
    if not isinstance(allowed, (list, tuple)):
        raise InvalidInput(f"{field}.special_purpose", allowed, "a list of networks", "Put it in brackets")
    meant = tuple(parse_address(f"{field}.special_purpose[{n}]", network) for n, network in enumerate(allowed))
    reader = _Reader(source, date, meant)
    labels: dict[str, str] = {}
    endpoints: list[Endpoint] = []
    for region, body in _mapping(f"{field}.regions", top.get("regions")).items():
        at = f"{field}.regions.{region}"
        services = _mapping(at, body, "label", *SERVICES)
        labels[str(region)] = check_line(f"{at}.label", services.get("label", str(region)), "the region in words")
        endpoints += [
            reader.endpoint(f"{at}.{service}", str(region), service, services.get(service)) for service in SERVICES
        ]
    groups = {
        str(name): reader.group(f"{field}.groups.{name}", name, body)
        for name, body in _mapping(f"{field}.groups", top.get("groups", {})).items()
    }
    return Catalog(source, date, labels, tuple(endpoints), groups, meant)
