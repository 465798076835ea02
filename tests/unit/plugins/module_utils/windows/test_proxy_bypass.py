# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bypass list: what .NET reads, what an entry matches, what stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.windows.listener import Listener, written_for
from ansible_collections.pushops.securemail.plugins.module_utils.windows.proxy_bypass import (
    DefaultProxy,
    Former,
    check_decides,
    check_entries,
    invalid_entries,
    parse_web_config,
    proxy_attributes,
    stale_entries,
    with_bypass,
    without_bypass,
    write_lines,
)

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
EMEA, AMERICAS = Listener(LISTENER), Listener("us-east-1.mailboxlistener.xm.citrix.com")
OURS = EMEA.pattern
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
    entry = Listener(LISTENER, 10443).pattern
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
    target = with_bypass(present, [EMEA], proxy)
    before = present.bypass if present else ()
    assert target.bypass[: len(before)] == before
    assert any(EMEA.passes(entry) for entry in target.bypass)
    assert (target.bypass[len(before) :] == (OURS,)) == (not any(EMEA.passes(entry) for entry in before))
    decides = present is not None and {"proxy.usesystemdefault", "proxy.proxyaddress"} & set(present.attributes)
    if present is not None and decides and not proxy:
        assert target.attributes == present.attributes
    else:
        assert proxy_attributes(proxy).items() <= target.attributes.items()
        assert ("proxy.proxyaddress" in target.attributes) == bool(proxy)
    assert with_bypass(target, [EMEA], proxy) == target
    assert bool(write_lines("S/A", present, target)) == (present != target)


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        (".*", True),
        (r"\.citrix\.com", True),
        ("MailboxListener", True),
        (r"^https://[a-z0-9-]+\.mailboxlistener\.xm\.citrix\.com$", True),
        (r"^http://", False),
        (r"citrix\.com:443", False),
        (r"^https://us-east-1\.", False),
        (r"(?<region>eu)-west", False),  # .NET alone could tell: an entry of our own is safe
    ],
)
def test_an_entry_that_lets_the_listener_through_already_is_enough(entry: str, covers: bool) -> None:
    target = with_bypass(DefaultProxy({}, (entry,)), [EMEA], "")
    assert target.bypass == ((entry,) if covers else (entry, OURS))


def test_pruning_takes_our_own_entries_for_other_listeners_of_the_domain_and_no_others() -> None:
    foreign = (
        r"^https://us-east-1\.mailboxlistener\.xm\.citrix\.com$",
        r"^https://us-east-1\.pushreg\.xm\.citrix\.com(:443)?$",
        r"us-east-1\.mailboxlistener",
        r"^https://US-EAST-1\.mailboxlistener\.xm\.citrix\.com(:443)?$",
        r"^http://us-east-1\.mailboxlistener\.xm\.citrix\.com(:443)?$",
    )
    own = (AMERICAS.pattern, Listener(AMERICAS.fqdn, 8443).pattern)
    present = DefaultProxy(proxy_attributes(""), (*foreign, *own, OURS))
    assert with_bypass(present, [EMEA], "", prune=True).bypass == (*foreign, OURS)
    assert with_bypass(present, [EMEA], "").bypass == present.bypass
    assert stale_entries(present.bypass, [EMEA, AMERICAS]) == [own[1]]


@given(st.from_regex(r"[a-z0-9-]{1,10}(\.[a-z0-9-]{1,10}){1,3}", fullmatch=True), st.integers(1, 65535))
def test_only_an_entry_to_the_letter_is_our_own(fqdn: str, port: int) -> None:
    listener = Listener(fqdn, port)
    assert written_for(listener.pattern) in (listener, None)
    for other in (listener.pattern[1:], listener.pattern[:-1], listener.pattern.replace("\\", "", 1), ".*"):
        assert written_for(other) is None


@given(SECTIONS)
def test_absent_takes_only_our_entries_and_is_settled_after_one_write(present: DefaultProxy | None) -> None:
    target = without_bypass(present, [OURS])
    foreign = tuple(address for address in (present.bypass if present else ()) if address != OURS)
    assert (target.bypass if target else ()) == foreign
    assert without_bypass(target, [OURS]) == target
    if present is None or OURS not in present.bypass:
        assert target == present


@given(PROXIES)
def test_absent_after_present_leaves_nothing_behind(proxy: str) -> None:
    assert without_bypass(with_bypass(None, [EMEA], proxy), [OURS]) is None


@given(SECTIONS.filter(lambda section: not section or not any(EMEA.passes(entry) for entry in section.bypass)), PROXIES)
def test_absent_with_a_copy_restores_what_stood_there(former: DefaultProxy | None, proxy: str) -> None:
    present = with_bypass(former, [EMEA], proxy)
    assert without_bypass(present, [OURS], Former(former)) == (
        former if former or present.bypass == (OURS,) else DefaultProxy(present.attributes, present.bypass[:-1])
    )
    later = DefaultProxy(present.attributes, (*present.bypass, "later"))
    restored = without_bypass(later, [OURS], Former(former))
    assert restored is not None and restored.bypass[-1] == "later"
    assert restored.attributes == (former.attributes if former else present.attributes)


def test_absent_leaves_a_proxy_that_somebody_changed_since() -> None:
    former = DefaultProxy({"proxy.usesystemdefault": "true"}, (".example",))
    changed = DefaultProxy({**proxy_attributes(""), "enabled": "false"}, (".example", OURS))
    assert without_bypass(changed, [OURS], Former(former)) == DefaultProxy(changed.attributes, (".example",))


def test_an_entry_that_is_listed_twice_is_taken_out_twice() -> None:
    present = DefaultProxy(proxy_attributes(""), (OURS, ".*", OURS))
    (line,) = write_lines("S/A", present, without_bypass(present, [OURS]))
    assert line.count(f"/-bypasslist.[address='{OURS}']") == 2


@pytest.mark.parametrize(
    ("name", "value"), [("proxy.scriptLocation", "http://a/p.pac"), ("proxy.autoDetect", "true"), ("module.type", "X")]
)
def test_what_decides_before_the_list_is_refused(name: str, value: str) -> None:
    with pytest.raises(UnexpectedState, match=re.escape(name)):
        check_decides(DefaultProxy({name: value}))
    with pytest.raises(UnexpectedState) as problem:
        check_decides(DefaultProxy({"proxy.scriptLocation": "http://svc:Secret1@a/p.pac"}))
    assert "Secret1" not in str(problem.value)
    check_decides(DefaultProxy({"proxy.autoDetect": "false"}))
    check_decides(None)


def test_entries_that_break_the_section_are_named() -> None:
    assert invalid_entries(["*.contoso.com", ".*", OURS]) == ["*.contoso.com"]
    with pytest.raises(UnexpectedState, match=r"bypasslist\.\[address='\*\.contoso\.com'\]"):
        check_entries(DefaultProxy({}, (".*", "*.contoso.com")), "S/A")
    check_entries(DefaultProxy({}, (".*", "(?<only>dotnet)")), "S/A")


def test_the_password_of_a_proxy_is_written_and_not_shown() -> None:
    secret = "http://svc:Secret1@corp:8080"
    section = DefaultProxy({"proxy.proxyaddress": secret}, (OURS,))
    assert section.shown() == {"proxy.proxyaddress": "http://REDACTED@corp:8080", "bypasslist": [OURS]}
    assert section != DefaultProxy({"proxy.proxyaddress": secret.replace("1", "2")}, (OURS,))
    assert f"/proxy.proxyaddress:{secret}" in write_lines("S/A", None, section)[0]
