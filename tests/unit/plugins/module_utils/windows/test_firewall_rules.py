# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule strings of the Windows Firewall: MS-GPFAS 2.2.2.19 and what real hosts hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_rules import Rule, addresses, ports

#: MS-GPFAS 4.2, and rules as Windows Server writes them.
SAMPLES = [
    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=RPC|RPort=49000|"
    "LA4=192.168.1.0/255.255.255.0|RA4=LocalSubnet|RA6=LocalSubnet|App=c:\\path\\foo.exe|Name=Firewall Rule Test|"
    "Security=Authenticate|Security2_9=An-NoEncap|",
    "v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=80|Name=World Wide Web Services (HTTP Traffic-out)|",
    "v2.33|Action=Block|Active=TRUE|Dir=Out|RA4=192.0.2.27|RA4=192.0.2.43|Name=@FirewallAPI.dll,-32765|NewField=x=y|",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_samples_come_back_letter_by_letter(text: str) -> None:
    assert str(Rule.parse(text)) == text


def test_repeated_unknown_and_equals_signs_in_values_are_kept() -> None:
    rule = Rule.parse(SAMPLES[2])
    assert rule.all("RA4") == ["192.0.2.27", "192.0.2.43"]
    assert (rule.first("NewField"), rule.action, rule.outbound, rule.active) == ("x=y", "block", True, True)


@pytest.mark.parametrize(
    "text", ["", "v2.30", "v2.30|", "v2.30|Action", "v2.30|Action=Allow", "2.30|Action=Allow|", "v2.30||", "x|A=b|"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedState):
        Rule.parse(text)


_names = st.text("ABCXYZabcxyz0129_", min_size=1, max_size=12)
_values = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=30)


@given(st.tuples(st.integers(0, 9), st.integers(0, 99)), st.lists(st.tuples(_names, _values), min_size=1, max_size=8))
def test_any_rule_survives_being_written_and_read(version: tuple[int, int], fields: list[tuple[str, str]]) -> None:
    rule = Rule(f"v{version[0]}.{version[1]}", tuple(fields))
    assert Rule.parse(str(rule)) == rule


def test_addresses_in_every_form() -> None:
    mixed = ["192.0.2.1", "192.0.2.0/255.255.255.254", "192.0.2.4-192.0.2.7", "192.0.2.8/30", "LocalSubnet", "a,b"]
    ranges = addresses(mixed, 4)
    assert ranges.known == ((0xC0000200, 0xC0000201), (0xC0000204, 0xC000020B))
    assert ranges.keywords == ("LocalSubnet", "a,b")
    assert addresses(["192.0.2.9-192.0.2.1", "2001:db8::1"], 4).known == ()
    assert addresses(["2001:db8::1-2001:db8::2"], 6).known == ((0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 2),)


def test_ports_in_every_form() -> None:
    ranges = ports(["443", "5000-5010", "RPC", "70000", "1_000", "9-1"])
    assert ranges.known == ((443, 443), (5000, 5010))
    assert ranges.keywords == ("RPC", "70000", "1_000", "9-1")
