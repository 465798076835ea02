# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog: provenance, groups, addresses that are refused; and that its published JSON Schema says the same."""

from __future__ import annotations

import contextlib
import copy
import json
import pathlib
import re
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.endpoints import parse_catalog
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput

ROOT = pathlib.Path(__file__).parents[5]
SHIPPED = yaml.safe_load((ROOT / "roles/push_environment/defaults/main.yml").read_text(encoding="utf-8"))[
    "push_environment_endpoints"
]
SERVICE = {"fqdn": "listener.example.com", "addresses": ["52.6.252.176"]}
GROUP = {"purpose": "devices reach Apple", "addresses": ["17.0.0.0/8"], "ports": [5223, 443]}
CATALOG: dict[str, t.Any] = {
    "source": "a guide",
    "date": "2026-01-01",
    "regions": {"emea": {"listener": SERVICE, "registration": {**SERVICE, "port": 8443}}},
    "groups": {"apns": GROUP},
}
LISTENER = ("regions", "emea", "listener")
ADDRESSES = (*LISTENER, "addresses")
_GONE = object()


def changed(path: t.Sequence[str], value: object) -> dict[str, t.Any]:
    """The catalog with one entry replaced, or taken out."""
    return merged(CATALOG, path, value)


def merged(document: dict[str, t.Any], path: t.Sequence[str], value: object) -> dict[str, t.Any]:
    catalog = copy.deepcopy(document)
    target: t.Any = catalog
    for key in path[:-1]:
        target = target[key]
    if value is _GONE:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return catalog


def test_an_entry_says_where_it_comes_from_or_its_catalog_does() -> None:
    own = {**SERVICE, "source": "another guide", "date": "2026-02-01"}
    catalog = parse_catalog(changed(LISTENER, own))
    listener, registration = catalog.endpoint("emea", "listener"), catalog.endpoint("emea", "registration")
    assert (listener.source, listener.date.isoformat()) == ("another guide", "2026-02-01")
    assert (registration.source, registration.date.isoformat()) == ("a guide", "2026-01-01")
    assert catalog.groups["apns"].ports == (443, 5223)


def test_duplicates_and_overlaps_count_once_and_the_wider_one_stays() -> None:
    given = ["52.6.252.176", "52.6.252.176/32", "52.7.0.0/24", "52.7.0.9", "52.7.0.128/25", "2A01:B740:0::1"]
    assert parse_catalog(changed(ADDRESSES, given)).endpoint("emea", "listener").addresses == (
        "52.6.252.176",
        "52.7.0.0/24",
        "2a01:b740::1",
    )


@pytest.mark.parametrize(
    ("address", "use"),
    [
        ("10.1.2.3", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.1.1", "private"),
        ("127.77.113.21", "loopback"),
        ("169.254.1.1", "link-local"),
        ("100.64.0.1", "carriers"),
        ("203.0.113.21", "documentation"),
        ("0.0.0.0/1", "this network"),
        ("128.0.0.0/1", "link-local"),
        ("fd00::1", "private"),
        ("fe80::1", "link-local"),
        ("::1", "loopback"),
        ("::ffff:52.6.252.176", "reserved"),
        ("2001:db8::1", "documentation"),
        ("2000::/3", "protocol assignments"),
    ],
)
def test_what_is_not_on_the_internet_is_refused_unless_the_catalog_means_it(address: str, use: str) -> None:
    catalog = changed(ADDRESSES, ["52.6.252.176", address])
    with pytest.raises(InvalidInput) as refused:
        parse_catalog(catalog)
    assert refused.value.field == "push_endpoints.regions.emea.listener.addresses[1]"
    assert use in str(refused.value)
    assert "push_endpoints.special_purpose" in refused.value.remedy
    assert parse_catalog({**catalog, "special_purpose": [address]})


@pytest.mark.parametrize("everything", ["0.0.0.0/0", "::/0"])
def test_everything_is_no_address_of_a_service_whatever_is_allowed(everything: str) -> None:
    with pytest.raises(InvalidInput, match="the address of a service"):
        parse_catalog(changed(ADDRESSES, [everything]))
    with pytest.raises(InvalidInput, match=r"special_purpose\[0\]"):
        parse_catalog({**CATALOG, "special_purpose": [everything]})


# What both the check and the schema refuse: path, value.
STRUCTURAL = [
    (("source",), _GONE),
    (("source",), " "),
    (("source",), "two\nlines"),
    (("date",), _GONE),
    (("date",), "2026-1-1"),
    (("date",), "soon"),
    (("date",), 20260101),
    (("regions",), _GONE),
    (("regions",), []),
    (("special_purpose",), "10.0.0.0/8"),
    (("special_purpose",), ["everything"]),
    (("adresses",), []),
    (("regions", "emea", "registration"), _GONE),
    (("regions", "emea", "portal"), SERVICE),
    (("regions", "emea", "label"), 7),
    ((*LISTENER, "fqdn"), _GONE),
    ((*LISTENER, "fqdn"), "localhost"),
    ((*LISTENER, "fqdn"), "*.example.com"),
    ((*LISTENER, "fqdn"), "-a.example.com"),
    ((*LISTENER, "fqdn"), "52.6.252.176"),
    ((*LISTENER, "port"), 0),
    ((*LISTENER, "port"), 65536),
    ((*LISTENER, "port"), "443"),
    ((*LISTENER, "ports"), [443]),
    (ADDRESSES, _GONE),
    (ADDRESSES, []),
    (ADDRESSES, "52.6.252.176"),
    (ADDRESSES, [52]),
    (ADDRESSES, ["52.6.252"]),
    (ADDRESSES, ["fe80::1%eth0"]),
    (ADDRESSES, ["52.6.252.176-52.6.252.180"]),
    (("groups", "listener"), GROUP),
    (("groups", "two words"), GROUP),
    (("groups", "apns", "purpose"), _GONE),
    (("groups", "apns", "ports"), []),
    (("groups", "apns", "ports"), [True]),
    (("groups", "apns", "port"), 443),
    (("groups", "apns", "addresses"), ["17.0.0.0/8", None]),
]
# What takes more than a schema: the check alone refuses.
SEMANTIC = [
    (ADDRESSES, ["52.6.252.300"]),
    (ADDRESSES, ["52.6.252.176/24"]),
    (ADDRESSES, ["52.6.252.0/33"]),
    (ADDRESSES, ["0.0.0.0/0"]),
    (ADDRESSES, ["10.0.0.1"]),
    (ADDRESSES, ["2a01:::1"]),
    (("date",), "2026-02-30"),
]
# What both take.
SOUND = [
    (("special_purpose",), ["10.0.0.0/8"]),
    (("groups",), _GONE),
    (("groups", "apns", "fqdn"), "api.push.apple.com"),
    (("groups", "apns", "ports"), _GONE),
    (("regions", "emea", "label"), "Europe, Middle East and Africa"),
    (("regions", "apac"), {"listener": SERVICE, "registration": SERVICE}),
    ((*LISTENER, "source"), "another guide"),
    ((*LISTENER, "date"), "2026-02-01"),
    (ADDRESSES, ["52.6.252.0/24", "2a01:b740::/32", "2a01:b741::1"]),
]


def refused(catalog: object) -> InvalidInput | None:
    try:
        parse_catalog(catalog)
    except InvalidInput as problem:
        assert problem.field.startswith("push_endpoints") and problem.remedy
        return problem
    return None


@pytest.fixture(scope="module")
def schema() -> t.Any:
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads((ROOT / "docs/push_endpoints.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def test_the_schema_and_the_check_take_what_ships(schema: t.Any) -> None:
    assert schema.is_valid(SHIPPED) and not refused(SHIPPED)
    assert schema.is_valid(CATALOG) and not refused(CATALOG)


@pytest.mark.parametrize(
    ("corpus", "by_schema", "by_check"),
    [(STRUCTURAL, True, True), (SEMANTIC, False, True), (SOUND, False, False)],
    ids=["structural", "semantic", "sound"],
)
def test_the_schema_and_the_check_agree(
    schema: t.Any, corpus: list[tuple[tuple[str, ...], object]], by_schema: bool, by_check: bool
) -> None:
    for path, value in corpus:
        catalog = changed(path, value)
        assert (not schema.is_valid(catalog), refused(catalog) is not None) == (by_schema, by_check), (path, value)


_words = ["52.6.252.176", "2a01::/16", "10.0.0.1", "a.example.com", "2026-02-01", "guide", "", " "]
_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.sampled_from(_words) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_paths = sorted({path for path, _value in [*STRUCTURAL, *SOUND]})


@given(changes=st.lists(st.tuples(st.sampled_from(_paths), _anything), min_size=1, max_size=2))
def test_whatever_stands_in_an_entry_both_say_the_same(
    schema: t.Any, changes: list[tuple[tuple[str, ...], object]]
) -> None:
    catalog = changed(*changes[0])
    with contextlib.suppress(TypeError, KeyError):  # the first change may have taken the place of the second away
        catalog = merged(catalog, *changes[-1])
    problem = refused(catalog)
    if problem is None:
        assert schema.is_valid(catalog)
    elif schema.is_valid(catalog):  # then it takes more than a schema
        assert re.search(r"addresses\[|special_purpose\[|date$", problem.field) or "printable" in str(problem)
