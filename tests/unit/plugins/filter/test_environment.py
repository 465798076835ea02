# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment filter as a template calls it."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.pushops.securemail.plugins.filter.environment import FilterModule, environment


def _service(fqdn: str, *addresses: str) -> dict[str, t.Any]:
    return {"fqdn": fqdn, "addresses": list(addresses)}


DECLARED: dict[str, t.Any] = {
    "region": "EMEA",
    "bundle_id": "com.contoso.securemail",
    "customer_id": "contoso-7Q2M4",
    "client_certificate_auth": True,
    "proxy": "",
    "firewall_sources": {"listener": ["192.0.2.11"]},
    "endpoints": {
        "source": "a test",
        "date": "2026-01-01",
        "special_purpose": ["203.0.113.0/24"],
        "regions": {
            "emea": {
                "label": "EMEA",
                "listener": _service("listener.example.com", "203.0.113.22", "203.0.113.21"),
                "registration": _service("registration.example.com", "203.0.113.23"),
            }
        },
    },
}


def test_the_model_is_completed() -> None:
    model = FilterModule().filters()["environment"](DECLARED)
    assert (model["region"], model["region_label"]) == ("emea", "EMEA")
    assert model["listener"]["url"] == "https://listener.example.com"
    assert [flow["name"] for flow in model["flows"]] == ["listener", "registration"]
    assert [flow["sources"] for flow in model["flows"]] == [["192.0.2.11"], []]


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(AnsibleFilterError) as raised:
        environment({**DECLARED, "region": "mars", "bundle_id": "com.contoso.*", "customer_id": None})
    for name in ("push_region", "push_bundle_id", "push_customer_id"):
        assert name in str(raised.value)


@pytest.mark.parametrize("wrong", [None, [], "emea"])
def test_something_else_than_a_mapping_is_refused(wrong: object) -> None:
    with pytest.raises(AnsibleFilterError, match="takes a mapping"):
        environment(wrong)
