# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of one environment: declared once, validated before anything connects, all else derived from it."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse
from dataclasses import dataclass

from .addresses import parse_address
from .endpoints import PURPOSES, SERVICES, Catalog, Endpoint, Group, parse_catalog
from .errors import InvalidInput
from .flow_change import FlowChange, compare, guard
from .flows import Flow
from .text import check_date

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
    groups: tuple[Group, ...] = ()
    changes: tuple[FlowChange, ...] = ()

    @property
    def listener(self) -> Endpoint:
        return self.catalog.endpoint(self.region, "listener")

    @property
    def registration(self) -> Endpoint:
        return self.catalog.endpoint(self.region, "registration")

    @property
    def flows(self) -> tuple[Flow, ...]:
        return _flows(self.catalog, self.region, self.groups, self.sources)

    @property
    def provenance(self) -> dict[str, dict[str, str]]:
        """By name of the flow: what it is for, where its addresses come from, and of what date."""
        known: dict[str, tuple[str, Endpoint | Group]] = {
            end.service: (PURPOSES[end.service], end) for end in (self.listener, self.registration)
        }
        known.update({group.name: (group.purpose, group) for group in self.groups})
        return {
            name: {"purpose": purpose, "source": end.source, "date": end.date.isoformat()}
            for name, (purpose, end) in known.items()
        }

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
            "flows": [flow.as_vars() for flow in self.flows],
            "provenance": self.provenance,
            "special_purpose": list(self.catalog.special_purpose),
            "endpoints_source": self.catalog.source,
            "endpoints_date": self.catalog.date.isoformat(),
            "endpoints_changes": [change.as_vars() for change in self.changes],
        }


def _flows(
    catalog: Catalog, region: str, groups: t.Iterable[Group], sources: t.Mapping[str, tuple[str, ...]]
) -> tuple[Flow, ...]:
    ends = [catalog.endpoint(region, service) for service in SERVICES]
    return (
        *(Flow(end.service, end.fqdn, sources.get(end.service, ()), end.addresses, (end.port,)) for end in ends),
        *(Flow(each.name, each.fqdn, sources.get(each.name, ()), each.addresses, each.ports) for each in groups),
    )


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
    expected, remedy = "a URL such as http://proxy.example.com:3128", "Leave it empty to keep what is set"
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


def check_sources(value: object, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Where the flows start: ``listener`` from the Exchange hosts, ``registration`` from the gateway's side."""
    if value is None:
        return {}
    names = [*SERVICES, *catalog.groups]
    if not isinstance(value, dict) or set(value) - set(names):
        raise InvalidInput(
            "push_firewall_sources",
            value,
            f"a mapping with some of {', '.join(names)}",
            "Name a list of addresses each",
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


def check_groups(value: object, catalog: Catalog) -> tuple[Group, ...]:
    """The groups of the catalog that this estate needs besides, each once."""
    field = "push_endpoint_groups"
    if value is None:
        return ()
    known = ", ".join(catalog.groups) or "none, because push_endpoints.groups names none"
    if not isinstance(value, (list, tuple)):
        raise InvalidInput(field, value, f"a list with some of {known}", "Put it in brackets")
    for number, name in enumerate(value):
        if not isinstance(name, str) or name not in catalog.groups:
            raise InvalidInput(f"{field}[{number}]", name, f"one of {known}", "Correct it, or add it to the catalog")
    return tuple(catalog.groups[name] for name in dict.fromkeys(value))


def check_share(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InvalidInput(field, value, "a number from 0 to 1", "0.5 is one half")
    return float(value)


def check_snapshot(declared: t.Mapping[str, t.Any], environment: Environment) -> tuple[FlowChange, ...]:
    """What became of the flows since ``endpoints_previous``, where one is declared.

    :raises InvalidInput: the new snapshot loses too much, and ``endpoints_accepted`` is not its date.
    """
    raw = declared.get("endpoints_previous")
    share = check_share("push_endpoints_max_lost_share", declared.get("endpoints_max_lost_share", 0.5))
    accepted = declared.get("endpoints_accepted") or None
    date = accepted and check_date("push_endpoints_accepted", accepted, "Name the date of the snapshot that you accept")
    if raw is None:
        return ()
    previous = parse_catalog(raw, "push_endpoints_previous")
    groups = [previous.groups[group.name] for group in environment.groups if group.name in previous.groups]
    there = environment.region in previous.labels
    before = _flows(previous, environment.region, groups, {}) if there else ()
    changes = compare(before, environment.flows)
    problem = guard(changes, (previous.date, environment.catalog.date), share)
    if problem is not None and date != environment.catalog.date:
        raise problem
    return changes


def check_flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field, value, "true or false", "Write it without quotes")
    return value


def parse_environment(declared: t.Mapping[str, t.Any]) -> Environment:
    """Check the ``push_*`` variables of one environment.

    :param declared: keys ``region``, ``bundle_id``, ``customer_id``, ``client_certificate_auth``, ``proxy``,
        ``firewall_sources``, ``endpoints``, ``endpoint_groups``, ``endpoints_previous``, ``endpoints_max_lost_share``,
        ``endpoints_accepted``; a missing key reads as not declared.
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
    sources = checked(check_sources, declared.get("firewall_sources"), catalog) if catalog else None
    groups = checked(check_groups, declared.get("endpoint_groups"), catalog) if catalog else None
    if problems or catalog is None or region is None:
        raise InvalidEnvironment(problems)
    label = catalog.labels[region]
    environment = Environment(
        region, label, bundle_id, customer_id, client_auth, proxy, sources or {}, catalog, groups or ()
    )
    changes = checked(check_snapshot, declared, environment)
    if problems:
        raise InvalidEnvironment(problems)
    return dataclasses.replace(environment, changes=changes)
