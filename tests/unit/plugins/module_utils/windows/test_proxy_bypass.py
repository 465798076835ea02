# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bypass list: what .NET reads, what an entry matches, what stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.windows.proxy_bypass import (
    DefaultProxy,
    check_decides,
    invalid_entries,
    parse_web_config,
    pattern,
    proxy_attributes,
    with_bypass,
    without_bypass,
    write_lines,
)

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
OURS = pattern(LISTENER, 443)
ENTRIES = st.lists(st.sampled_from([".*", r"^https://a\.b$", "plain", OURS]), max_size=5).map(tuple)
ATTRIBUTES = st.sampled_from(
    [{}, proxy_attributes(""), proxy_attributes("http://p.example.com:3128"), {"enabled": "false"}]
)
SECTIONS = st.none() | st.builds(DefaultProxy, ATTRIBUTES, ENTRIES)
PROXIES = st.sampled_from(["", "http://p.example.com:3128", "http://other.example.com:8080"])


def _net_matches(entry: str, url: str) -> bool:
    return bool(re.search(entry, url, re.IGNORECASE))


def test_the_entry_matches_the_listener_and_nothing_else() -> None:
    assert OURS == r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"
    assert _net_matches(OURS, f"https://{LISTENER}")
    assert _net_matches(OURS, f"https://{LISTENER.upper()}")
    for other in (
        f"http://{LISTENER}",
        f"https://{LISTENER}:8443",
        f"https://{LISTENER}.evil.example.com",
        f"https://evil.{LISTENER}",
        f"https://{LISTENER.replace('.', 'x')}",
    ):
        assert not _net_matches(OURS, other)


def test_the_entry_of_another_port_names_it() -> None:
    entry = pattern(LISTENER, 10443)
    assert _net_matches(entry, f"https://{LISTENER}:10443")
    assert not _net_matches(entry, f"https://{LISTENER}")


@pytest.mark.parametrize("place", ["{}", "<location>{}</location>", '<location path=".">{}</location>'])
def test_the_section_is_found_where_it_applies_to_the_application(place: str) -> None:
    section = (
        '<system.net><defaultProxy><proxy usesystemdefault="True" autoDetect="Unspecified" />'
        '<bypasslist><add address=".*" /></bypasslist></defaultProxy></system.net>'
    )
    found = parse_web_config(f"\ufeff<configuration>{place.format(section)}</configuration>", "web.config")
    assert found == DefaultProxy({"proxy.usesystemdefault": "true"}, (".*",))


def test_a_section_for_a_folder_below_is_not_the_applications() -> None:
    below = '<location path="bin"><system.net><defaultProxy /></system.net></location>'
    assert parse_web_config(f"<configuration>{below}</configuration>", "web.config") is None


@given(SECTIONS, PROXIES)
def test_present_keeps_every_entry_and_is_settled_after_one_write(present: DefaultProxy | None, proxy: str) -> None:
    target = with_bypass(present, [OURS], proxy)
    before = present.bypass if present else ()
    assert target.bypass[: len(before)] == before
    assert OURS in target.bypass
    assert proxy_attributes(proxy).items() <= target.attributes.items()
    assert ("proxy.proxyaddress" in target.attributes) == bool(proxy)
    assert with_bypass(target, [OURS], proxy) == target
    assert bool(write_lines("S/A", present, target)) == (present != target)


@given(SECTIONS, PROXIES)
def test_absent_takes_only_our_entries_and_is_settled_after_one_write(present: DefaultProxy | None, proxy: str) -> None:
    target = without_bypass(present, [OURS], proxy)
    foreign = tuple(address for address in (present.bypass if present else ()) if address != OURS)
    assert (target.bypass if target else ()) == foreign
    assert without_bypass(target, [OURS], proxy) == target
    if present is None or OURS not in present.bypass:
        assert target == present


@given(PROXIES)
def test_absent_after_present_leaves_nothing_behind(proxy: str) -> None:
    assert without_bypass(with_bypass(None, [OURS], proxy), [OURS], proxy) is None


def test_an_entry_that_is_listed_twice_is_taken_out_twice() -> None:
    present = DefaultProxy(proxy_attributes(""), (OURS, ".*", OURS))
    (line,) = write_lines("S/A", present, without_bypass(present, [OURS], ""))
    assert line.count(f"/-bypasslist.[address='{OURS}']") == 2


@pytest.mark.parametrize(
    ("name", "value"), [("proxy.scriptLocation", "http://a/p.pac"), ("proxy.autoDetect", "true"), ("module.type", "X")]
)
def test_what_decides_before_the_list_is_refused(name: str, value: str) -> None:
    with pytest.raises(UnexpectedState, match=re.escape(name)):
        check_decides(DefaultProxy({name: value}))
    check_decides(DefaultProxy({"proxy.autoDetect": "false"}))
    check_decides(None)


def test_entries_that_break_the_section_are_named() -> None:
    assert invalid_entries(["*.contoso.com", ".*", OURS]) == ["*.contoso.com"]
