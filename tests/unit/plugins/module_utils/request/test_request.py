# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change requests: what is refused, what stays text in each format, and that rule text opens the flows and no more."""

from __future__ import annotations

import csv
import datetime
import io
import ipaddress
import re
import shlex
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.request.asa import render_asa
from ansible_collections.pushops.securemail.plugins.module_utils.request.fortios import render_fortios
from ansible_collections.pushops.securemail.plugins.module_utils.request.request import Request, parse_request
from ansible_collections.pushops.securemail.plugins.module_utils.request.tables import render_csv, render_markdown

NOW = datetime.date(2026, 11, 24)
KNOWN = {"purpose": "Exchange tells of mail", "source": "a guide", "date": "2015-06-11"}
PARAMS: dict[str, t.Any] = {
    "provenance": {"listener": KNOWN, "apns": KNOWN},
    "owner": "Messaging team",
    "justification": "Mail badges",
    "reference": "CHG0012345",
    "starts": "2026-12-01",
    "expires": "2027-11-30",
    "asa_access_list": "inside_access_in",
    "fortios_source_interface": "servers",
    "fortios_destination_interface": "wan1",
}
LISTENER = Flow(
    "listener",
    "listener.example.com",
    ("192.0.2.11", "192.0.2.12", "2001:db8::11"),
    ("52.6.252.176", "52.7.0.0/24", "52.7.0.9", "2a01:b740::/32"),
    (443,),
)
APNS = Flow("apns", "", (), ("17.0.0.0/8",), (443, 2197, 5223))
RENDERERS = {"csv": render_csv, "markdown": render_markdown, "asa": render_asa, "fortios": render_fortios}

#: A way through a firewall: a source (empty for any), a destination, a port.
Way = tuple[str, str, int]


def request(*flows: Flow, **changes: t.Any) -> Request:
    return parse_request({**PARAMS, **changes}, flows or (LISTENER, APNS), NOW)


def ways(*flows: Flow) -> set[Way]:
    """What the flows let through, by family; an address within a wider one counts as that one."""
    found = set()
    for flow in flows:
        for version in (4, 6):
            ends = [a for a in flow.destinations if ipaddress.ip_network(a).version == version]
            starts = [a for a in flow.sources if ipaddress.ip_network(a).version == version]
            for end in ends:
                within = any(end != o and ipaddress.ip_network(end).subnet_of(ipaddress.ip_network(o)) for o in ends)
                for start in starts if flow.sources else [""]:
                    found |= {(start, end, port) for port in flow.ports if not within}
    return found


def short(address: str, mask: str = "") -> str:
    network = ipaddress.ip_network(f"{address}/{mask}" if mask else address)
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def read_asa(text: str) -> set[Way]:
    """The ways that ASA commands open, read by the grammar of Cisco's guide."""
    groups: dict[str, list[str]] = {}
    found = set()
    for line in text.splitlines():
        words = line.split()
        if line.startswith("!") or words[0] in ("time-range", "absolute") or words[2:3] == ["remark"]:
            continue
        if words[0] == "object-group":
            current = groups.setdefault(words[2], [])
        elif words[0] == "port-object":
            assert words[1] == "eq"
            current.append(words[2])
        elif words[0] == "network-object":
            current.append(short(words[2]) if words[1] == "host" else short(*words[1:]))
        else:
            assert words[:5] == ["access-list", "inside_access_in", "extended", "permit", "tcp"], line
            rest = words[5:]
            starts = [""] if rest[0] in ("any4", "any6") else groups[rest[1]]
            rest = rest[1:] if starts == [""] else rest[2:]
            assert rest[0] == rest[2] == "object-group" and rest[4:] == ["time-range", "pushops_until_20271130"]
            found |= {(s, e, int(p)) for s in starts for e in groups[rest[1]] for p in groups[rest[3]]}
    return found


def read_fortios(text: str) -> set[Way]:
    """The ways that FortiOS commands open."""
    tables: dict[str, dict[str, dict[str, list[str]]]] = {}
    policies = 0
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        words = shlex.split(line)
        if words[0] == "config":
            table = tables.setdefault(" ".join(words[1:]), {})
        elif words[0] == "edit":
            policies += words[1] == "0"
            entry = table.setdefault(words[1] if words[1] != "0" else f"new {policies}", {})
        elif words[0] == "set":
            entry[words[1]] = words[2:]
        else:
            assert words in (["next"], ["end"]), line
    found = set()
    for policy in tables["firewall policy"].values():
        assert (policy["action"], policy["schedule"]) == (["accept"], ["pushops_until_20271130"])
        assert (policy["srcintf"], policy["dstintf"]) == (["servers"], ["wan1"])
        ports = tables["firewall service custom"][policy["service"][0]]["tcp-portrange"]
        for suffix, kind in (("", "subnet"), ("6", "ip6")):
            if f"dstaddr{suffix}" in policy:
                hosts, groups = tables[f"firewall address{suffix}"], tables[f"firewall addrgrp{suffix}"]

                def members(name: str, hosts: t.Any = hosts, groups: t.Any = groups, kind: str = kind) -> list[str]:
                    return [short(*hosts[member][kind]) for member in groups[name]["member"]] if name != "all" else [""]

                starts, ends = (members(policy[f"{side}addr{suffix}"][0]) for side in ("src", "dst"))
                found |= {(s, e, int(p)) for s in starts for e in ends for p in ports}
    return found


def test_every_file_says_what_it_is_and_for_whom() -> None:
    for render in RENDERERS.values():
        text = render(request())
        assert "rendered, not applied" in text.lower()
        for part in ("pushops.securemail", "Messaging team", "Mail badges", "CHG0012345", "2027-11-30", "2015-06-11"):
            assert part in text
        assert render(request()) == text


def test_a_flow_ends_with_the_request() -> None:
    assert " absolute start 00:00 1 december 2026 end 23:59 30 november 2027" in render_asa(request()).splitlines()
    assert "        set end 23:59 2027/11/30" in render_fortios(request()).splitlines()


_v4 = st.sampled_from(["52.6.252.176", "52.7.0.0/24", "52.7.0.9", "17.0.0.0/8", "198.51.100.64/28"])
_v6 = st.sampled_from(["2a01:b740::/32", "2a01:b740::1", "2403:300::7"])
_flow = st.builds(
    lambda v4, v6, sources, ports: Flow("listener", "", tuple(sources), (*v4, *v6), tuple(sorted(ports))),
    st.sets(_v4, min_size=1),
    st.sets(_v6),
    st.sets(st.sampled_from(["192.0.2.11", "198.18.0.0/15", "2001:db8::11"])).filter(lambda s: s != {"2001:db8::11"}),
    st.sets(st.integers(1, 65535), min_size=1, max_size=3),
)


@given(_flow)
def test_rule_text_opens_the_flows_and_no_more(flow: Flow) -> None:
    asked = request(flow, APNS)
    assert read_asa(render_asa(asked)) == ways(flow, APNS)
    assert read_fortios(render_fortios(asked)) == ways(flow, APNS)


_printable = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: text.strip() and text.strip().isprintable()
)
_nasty = st.sampled_from(
    [
        "=cmd|'/c calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        '" quit',
        "'; end",
        "a|b",
        "<img src=x>",
        "[x](https://x)",
        "?",
        "$(x)",
    ]
)


@given(_printable | _nasty)
def test_free_text_stays_text_in_every_format(text: str) -> None:
    asked = request(
        owner=text,
        justification=text,
        reference=text,
        provenance={n: {**KNOWN, "purpose": text} for n in ("listener", "apns")},
    )
    assert read_asa(render_asa(asked)) == ways(LISTENER, APNS)
    assert read_fortios(render_fortios(asked)) == ways(LISTENER, APNS)
    for render in (render_asa, render_fortios):
        assert re.fullmatch(r"[\n !-~]*", render(asked)) and not re.search(r"[?`$\\']", render(asked))
    rows = list(csv.reader(io.StringIO(render_csv(asked), newline="")))
    assert [len(row) for row in rows] == [16] * 4  # head, listener twice, apns
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for row in rows for cell in row)
    assert {row[9].removeprefix("'") for row in rows[1:]} == {text.strip().removeprefix("'")}
    page = render_markdown(asked)
    assert not re.search(r"(?<!\\)<(?!br>)|(?<!\\)\[|://", page)
    assert page.count("\n") == render_markdown(request()).count("\n")
    for line in page.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3, line


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": None}, "owner"),
        ({"owner": " "}, "owner"),
        ({"justification": "two\nlines"}, "justification"),
        ({"justification": "x" * 501}, "justification"),
        ({"reference": "a\x1b[2Jb"}, "reference"),
        ({"starts": None}, "starts"),
        ({"starts": "tomorrow"}, "starts"),
        ({"expires": "2026-11-31"}, "expires"),
        ({"expires": "2026-11-30"}, "expires"),
        ({"starts": "2026-01-01", "expires": "2026-11-23"}, "expires"),
        ({"provenance": {"listener": KNOWN}}, "provenance.apns"),
        ({"provenance": {"listener": KNOWN, "apns": {**KNOWN, "source": ""}}}, "provenance.apns.source"),
        ({"asa_access_list": "inside in"}, "asa_access_list"),
        ({"asa_access_list": "x\nno access-list y"}, "asa_access_list"),
        ({"fortios_source_interface": 'any" end'}, "fortios_source_interface"),
        ({"fortios_destination_interface": ""}, "fortios_destination_interface"),
    ],
)
def test_what_cannot_be_right_is_named(changes: dict[str, t.Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        request(**changes)
    assert refused.value.field == field and refused.value.remedy


def test_a_request_of_no_flow_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one flow"):
        parse_request(PARAMS, (), NOW)


def test_a_day_that_the_asa_cannot_name_is_refused_where_the_asa_is_asked_for() -> None:
    asked = request(expires="2036-01-01")
    with pytest.raises(InvalidInput, match="2035-12-31 at the latest"):
        render_asa(asked)
    assert "2036/01/01" in render_fortios(asked)
