# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment model: what is refused before anything connects, and what is derived."""

from __future__ import annotations

import copy
import datetime
import pathlib
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.addresses import is_fqdn, parse_address
from ansible_collections.pushops.securemail.plugins.module_utils.core.environment import (
    InvalidEnvironment,
    parse_environment,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput

DEFAULTS = pathlib.Path(__file__).parents[5] / "roles/push_environment/defaults/main.yml"

DECLARED: dict[str, t.Any] = {
    "region": "emea",
    "bundle_id": "com.contoso.securemail",
    "customer_id": "contoso-7Q2M4",
    "client_certificate_auth": True,
    "proxy": "",
    "firewall_sources": {"listener": ["192.0.2.11", "192.0.2.12"], "registration": ["192.0.2.0/26"]},
    "endpoints": {
        "source": "a test",
        "date": "2026-01-01",
        "special_purpose": ["203.0.113.0/24", "2001:db8::/32"],
        "regions": {
            "emea": {
                "label": "EMEA",
                "listener": {"fqdn": "Listener.example.com", "addresses": ["203.0.113.22", "203.0.113.21"]},
                "registration": {"fqdn": "reg.example.com", "addresses": ["2001:db8::1", "203.0.113.23"], "port": 8443},
            }
        },
    },
}


def declare(**changes: t.Any) -> dict[str, t.Any]:
    declared = copy.deepcopy(DECLARED)
    for path, value in changes.items():
        target = declared
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        target[last] = value
    return declared


def test_everything_is_derived_from_one_declaration() -> None:
    model = parse_environment(DECLARED).as_vars()
    assert model["region_label"] == "EMEA"
    assert model["listener"]["url"] == "https://listener.example.com"
    assert model["registration"]["url"] == "https://reg.example.com:8443"
    assert model["flows"] == [
        {
            "name": "listener",
            "fqdn": "listener.example.com",
            "sources": ["192.0.2.11", "192.0.2.12"],
            "destinations": ["203.0.113.21", "203.0.113.22"],
            "ports": [443],
        },
        {
            "name": "registration",
            "fqdn": "reg.example.com",
            "sources": ["192.0.2.0/26"],
            "destinations": ["203.0.113.23", "2001:db8::1"],
            "ports": [8443],
        },
    ]


@pytest.mark.parametrize("region", ["emea", "EMEA", "Emea"])
def test_a_region_is_known_by_key_and_by_label(region: str) -> None:
    assert parse_environment(declare(region=region)).region == "emea"


@pytest.mark.parametrize(
    ("changes", "field", "shown"),
    [
        ({"region": "europe"}, "push_region", "'europe'"),
        ({"region": None}, "push_region", "None"),
        ({"bundle_id": "com.contoso.*"}, "push_bundle_id", "'com.contoso.*'"),
        ({"bundle_id": "securemail"}, "push_bundle_id", "'securemail'"),
        ({"bundle_id": None}, "push_bundle_id", "None"),
        ({"customer_id": None}, "push_customer_id", "None"),
        ({"customer_id": ""}, "push_customer_id", "''"),
        ({"customer_id": "two words"}, "push_customer_id", "'two words'"),
        ({"customer_id": "https://portal.example.com/id"}, "push_customer_id", "https://portal"),
        ({"client_certificate_auth": "yes"}, "push_client_certificate_auth", "'yes'"),
        ({"client_certificate_auth": None}, "push_client_certificate_auth", "None"),
        ({"proxy": "proxy.example.com:3128"}, "push_proxy", "proxy.example.com"),
        ({"proxy": "http://proxy.example.com:99999"}, "push_proxy", "99999"),
        ({"firewall_sources": ["192.0.2.1"]}, "push_firewall_sources", "192.0.2.1"),
        ({"firewall_sources__listener": "192.0.2.1"}, "push_firewall_sources.listener", "192.0.2.1"),
        ({"firewall_sources__listener": ["192.0.2.1/24"]}, "push_firewall_sources.listener[0]", "192.0.2.1/24"),
        ({"endpoints": None}, "push_endpoints", "None"),
        ({"endpoints__source": ""}, "push_endpoints.source", "''"),
        ({"endpoints__date": "soon"}, "push_endpoints.date", "'soon'"),
        (
            {"endpoints__regions__emea__listener__addresses": ["203.0.113.300"]},
            "listener.addresses[0]",
            "203.0.113.300",
        ),
        ({"endpoints__regions__emea__listener__addresses": ["0.0.0.0/0"]}, "listener.addresses[0]", "0.0.0.0/0"),
        ({"endpoints__regions__emea__listener__addresses": []}, "listener.addresses", "[]"),
        ({"endpoints__regions__emea__listener__fqdn": "https://x.example.com"}, "listener.fqdn", "https://x"),
        ({"endpoints__regions__emea__listener__fqdn": "203.0.113.21"}, "listener.fqdn", "203.0.113.21"),
        ({"endpoints__regions__emea__listener__port": 0}, "listener.port", "0"),
        ({"endpoints__regions__emea__listener": None}, "regions.emea.listener", "None"),
    ],
)
def test_what_cannot_be_right_is_named_with_value_and_remedy(changes: dict[str, t.Any], field: str, shown: str) -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        parse_environment(declare(**changes))
    (problem,) = raised.value.problems
    assert problem.field.endswith(field)
    assert shown in str(raised.value)
    assert problem.remedy in str(raised.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        parse_environment(declare(region="mars", bundle_id="*", customer_id=None))
    assert [problem.field for problem in raised.value.problems] == ["push_region", "push_bundle_id", "push_customer_id"]


def test_credentials_in_a_proxy_are_refused_and_not_shown() -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        parse_environment(declare(proxy="http://svc:CANARY@proxy.example.com:3128"))
    assert "CANARY" not in str(raised.value)


def test_the_shipped_catalog_has_three_regions_with_both_services() -> None:
    shipped = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["push_environment_endpoints"]
    for region, label in (("americas", "Americas"), ("emea", "EMEA"), ("apac", "APAC")):
        environment = parse_environment(declare(endpoints=shipped, region=region))
        assert environment.region_label == label
        assert [len(flow.destinations) for flow in environment.flows] == [2, 2]
        assert environment.catalog.date == datetime.date(2015, 6, 11)


@given(st.integers(0, 2**32 - 1), st.integers(1, 32))
def test_an_address_is_canonical_or_refused(number: int, length: int) -> None:
    import ipaddress

    text = f"{ipaddress.IPv4Address(number)}/{length}"
    try:
        parsed = parse_address("field", text)
    except InvalidInput:
        network = ipaddress.ip_network(text, strict=False)
        assert str(network) != text or network.is_multicast or network.is_unspecified
    else:
        assert parse_address("field", parsed) == parsed
        assert ipaddress.ip_network(parsed) == ipaddress.ip_network(text)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("eu-west-1.mailboxlistener.xm.citrix.com", True),
        ("localhost", False),
        ("*.example.com", False),
        ("a..example.com", False),
        ("-a.example.com", False),
        ("example.com.", False),
        ("192.0.2.1", False),
        (None, False),
        (f"{'a' * 64}.example.com", False),
    ],
)
def test_host_names(name: object, valid: bool) -> None:
    assert is_fqdn(name) is valid


GROUPS = {"apns-devices": {"purpose": "devices reach Apple", "addresses": ["17.0.0.0/8"], "ports": [443, 5223]}}


def test_a_group_is_off_until_it_is_chosen_and_then_a_flow_like_the_others() -> None:
    declared = declare(endpoints__groups=GROUPS, **{"firewall_sources__apns-devices": ["192.0.2.128/25"]})
    assert [flow.name for flow in parse_environment(declared).flows] == ["listener", "registration"]
    environment = parse_environment({**declared, "endpoint_groups": ["apns-devices", "apns-devices"]})
    assert environment.as_vars()["flows"][2:] == [
        {
            "name": "apns-devices",
            "fqdn": "",
            "sources": ["192.0.2.128/25"],
            "destinations": ["17.0.0.0/8"],
            "ports": [443, 5223],
        }
    ]
    assert environment.provenance["apns-devices"] == {
        "purpose": "devices reach Apple",
        "source": "a test",
        "date": "2026-01-01",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint_groups": "apns-devices"}, "push_endpoint_groups"),
        ({"endpoint_groups": ["apns"]}, "push_endpoint_groups[0]"),
        ({"endpoint_groups": [None]}, "push_endpoint_groups[0]"),
        ({"endpoints_max_lost_share": 50}, "push_endpoints_max_lost_share"),
        ({"endpoints_max_lost_share": True}, "push_endpoints_max_lost_share"),
        ({"endpoints_accepted": "yes"}, "push_endpoints_accepted"),
        ({"endpoints_previous": {}}, "push_endpoints_previous.source"),
    ],
)
def test_what_is_declared_about_snapshots_and_groups_is_checked(changes: dict[str, t.Any], field: str) -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        parse_environment({**declare(endpoints__groups=GROUPS), **changes})
    assert raised.value.problems[0].field == field


def test_a_new_snapshot_that_loses_too_much_is_refused_until_its_date_is_accepted() -> None:
    previous = declare()["endpoints"]
    declared = declare(
        endpoints__regions__emea__listener__addresses=["203.0.113.31"],
        endpoints__date="2026-02-01",
        endpoints_previous=previous,
    )
    with pytest.raises(InvalidEnvironment, match="for listener', expected to lose at most 50%"):
        parse_environment(declared)
    with pytest.raises(InvalidEnvironment):
        parse_environment({**declared, "endpoints_accepted": "2026-01-01"})  # of an earlier snapshot
    model = parse_environment({**declared, "endpoints_accepted": "2026-02-01"}).as_vars()
    assert model["endpoints_changes"] == [
        {
            "name": "listener",
            "added": ["203.0.113.31"],
            "removed": ["203.0.113.21", "203.0.113.22"],
            "lost_share": 1.0,
        },
        {"name": "registration", "added": [], "removed": [], "lost_share": 0.0},
    ]
    assert parse_environment({**declared, "endpoints_max_lost_share": 1}).changes
