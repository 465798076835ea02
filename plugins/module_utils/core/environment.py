# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of one environment: declared once, validated before anything connects, all else derived from it."""

from __future__ import annotations

import re
import typing as t
import urllib.parse
from dataclasses import dataclass

from .endpoints import Catalog, Endpoint, parse_address, parse_catalog
from .errors import InvalidInput

_BUNDLE_ID = re.compile(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
_CUSTOMER_ID = re.compile(r"^[\x21-\x7e]{1,128}$")


class InvalidEnvironment(InvalidInput):
    """One or more declared variables that cannot be right; every one of them is named."""

    def __init__(self, problems: t.Sequence[InvalidInput]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.field, first.value, "", first.remedy)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


@dataclass(frozen=True)
class Flow:
    """Traffic that must be let through: TCP from ``sources`` (empty: any) to ``destinations`` on ``port``."""

    name: str
    fqdn: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    port: int


@dataclass(frozen=True)
class Environment:
    """What one environment declares, checked and completed."""

    region: str
    region_label: str
    bundle_id: str
    customer_id: str
    client_certificate_auth: bool
    proxy: str
    sources: dict[str, tuple[str, ...]]
    catalog: Catalog

    @property
    def listener(self) -> Endpoint:
        return self.catalog.endpoint(self.region, "listener")

    @property
    def registration(self) -> Endpoint:
        return self.catalog.endpoint(self.region, "registration")

    @property
    def flows(self) -> tuple[Flow, ...]:
        return tuple(
            Flow(end.service, end.fqdn, self.sources.get(end.service, ()), end.addresses, end.port)
            for end in (self.listener, self.registration)
        )

    def as_vars(self) -> dict[str, t.Any]:
        """The model as plain data for templates; the sample in docs/environment.md shows every key."""
        return {
            "region": self.region,
            "region_label": self.region_label,
            "bundle_id": self.bundle_id,
            "customer_id": self.customer_id,
            "client_certificate_auth": self.client_certificate_auth,
            "proxy": self.proxy,
            "listener": _endpoint_vars(self.listener),
            "registration": _endpoint_vars(self.registration),
            "flows": [
                {
                    "name": flow.name,
                    "fqdn": flow.fqdn,
                    "sources": list(flow.sources),
                    "destinations": list(flow.destinations),
                    "port": flow.port,
                }
                for flow in self.flows
            ],
            "endpoints_source": self.catalog.source,
            "endpoints_date": self.catalog.date.isoformat(),
        }


def _endpoint_vars(endpoint: Endpoint) -> dict[str, t.Any]:
    return {
        "fqdn": endpoint.fqdn,
        "addresses": list(endpoint.addresses),
        "port": endpoint.port,
        "url": endpoint.url,
    }


def check_bundle_id(value: object, field: str = "push_bundle_id") -> str:
    """An explicit bundle id: push needs an App ID of its own, never a wildcard."""
    if isinstance(value, str) and "*" in value:
        raise InvalidInput(
            field,
            value,
            "an explicit bundle id",
            "Push notifications need an explicit App ID: register one without a wildcard and name it here",
        )
    if not isinstance(value, str) or not _BUNDLE_ID.match(value):
        raise InvalidInput(
            field, value, "a bundle id such as com.contoso.securemail", "Use letters, digits, '-' and '.'"
        )
    return value


def check_customer_id(value: object, field: str = "push_customer_id") -> str:
    """The id that the push portal returned: one token, no spaces, not a URL."""
    if value is None or value == "":
        raise InvalidInput(
            field,
            value,
            "the customer ID that the push portal shows",
            "Upload the certificate to the push portal once and copy the customer ID here",
        )
    if not isinstance(value, str) or not _CUSTOMER_ID.match(value) or "://" in value:
        raise InvalidInput(
            field, value, "one token without spaces, as text", "Copy it from the push portal as it stands"
        )
    return value


def check_region(value: object, catalog: Catalog) -> str:
    """A region of the catalog, by key or by label, in any case."""
    known = {key.lower(): key for key in catalog.labels} | {label.lower(): key for key, label in catalog.labels.items()}
    if not isinstance(value, str) or value.lower() not in known:
        choices = ", ".join(sorted(catalog.labels))
        raise InvalidInput("push_region", value, f"one of {choices}", "Name the region where Exchange is")
    return known[value.lower()]


def check_proxy(value: object, field: str = "push_proxy") -> str:
    """An HTTP proxy URL, or empty for the machine's own proxy setting."""
    if value is None or value == "":
        return ""
    expected, remedy = "a URL such as http://proxy.example.com:3128", "Leave it empty to use the machine's own setting"
    if not isinstance(value, str):
        raise InvalidInput(field, value, expected, remedy)
    try:
        parts = urllib.parse.urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidInput(field, value, expected, remedy) from None
    if parts.username or parts.password:
        raise InvalidInput(field, "(with credentials)", expected, "Take the credentials out of the URL")
    if parts.scheme != "http" or not parts.hostname or not port_is_valid or parts.path not in ("", "/") or parts.query:
        raise InvalidInput(field, value, expected, remedy)
    return value.rstrip("/")


def check_sources(value: object) -> dict[str, tuple[str, ...]]:
    """Where the flows start: ``listener`` from the Exchange hosts, ``registration`` from the gateway's side."""
    if value is None:
        return {}
    if not isinstance(value, dict) or set(value) - {"listener", "registration"}:
        raise InvalidInput(
            "push_firewall_sources", value, "a mapping with listener and registration", "Name a list of addresses each"
        )
    checked = {}
    for service, addresses in value.items():
        if not isinstance(addresses, (list, tuple)):
            raise InvalidInput(
                f"push_firewall_sources.{service}", addresses, "a list of addresses", "Put it in brackets"
            )
        checked[str(service)] = tuple(
            parse_address(f"push_firewall_sources.{service}[{n}]", address) for n, address in enumerate(addresses)
        )
    return checked


def check_flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field, value, "true or false", "Write it without quotes")
    return value


def parse_environment(declared: t.Mapping[str, t.Any]) -> Environment:
    """Check the ``push_*`` variables of one environment.

    :param declared: keys ``region``, ``bundle_id``, ``customer_id``, ``client_certificate_auth``, ``proxy``,
        ``firewall_sources``, ``endpoints``; a missing key reads as not declared.
    :raises InvalidEnvironment: names every variable that cannot be right, its value and the remedy.
    """
    problems: list[InvalidInput] = []

    def checked(check: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        try:
            return check(*arguments)
        except InvalidInput as problem:
            problems.append(problem)
            return None

    catalog = checked(parse_catalog, declared.get("endpoints"))
    region = checked(check_region, declared.get("region"), catalog) if catalog else None
    bundle_id = checked(check_bundle_id, declared.get("bundle_id"))
    customer_id = checked(check_customer_id, declared.get("customer_id"))
    client_auth = checked(check_flag, "push_client_certificate_auth", declared.get("client_certificate_auth"))
    proxy = checked(check_proxy, declared.get("proxy"))
    sources = checked(check_sources, declared.get("firewall_sources"))
    if problems or catalog is None or region is None:
        raise InvalidEnvironment(problems)
    return Environment(region, catalog.labels[region], bundle_id, customer_id, client_auth, proxy, sources, catalog)
