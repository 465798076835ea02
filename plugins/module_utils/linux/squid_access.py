# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Squid must be told so that flows pass, and whether what it was told before takes that back: pure.

Squid's first http_access line that matches decides (squid.conf.documented, "http_access"), so an allow of ours counts
only where no earlier deny matches the same request.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ..core.errors import InvalidInput, UnexpectedState
from ..core.flows import Flow
from ..core.intervals import Interval, contains, interval_of, merge, subtract
from .squid_conf import Configuration, Line

_HEAD = "# Kept by push_proxy_squid of pushops.securemail: what is changed here by hand is put back.\n"
_CONNECT = "pushops_connect"

#: ACLs that Squid defines by itself (squid.conf.documented, "acl"), as far as they can be judged for CONNECT.
_BUILT_IN: dict[str, list[str]] = {
    "all": ["src", "all"],
    "manager": ["never"],  # patterns of URLs with a scheme, which CONNECT does not have
    "CONNECT": ["method", "CONNECT"],
    "localhost": ["src", "127.0.0.1/32", "::1"],
    "to_localhost": ["dst", "127.0.0.0/8", "0.0.0.0/32", "::1/128", "::/128"],
    "to_linklocal": ["dst", "169.254.0.0/16", "fe80::/10"],
}
_EVERYTHING = {4: [interval_of("0.0.0.0/0")], 6: [interval_of("::/0")]}


def check(flows: t.Sequence[Flow]) -> None:
    """Refuse flows that a proxy cannot tell apart from others.

    :raises InvalidInput: no name of the service, or no sources.
    """
    for number, flow in enumerate(flows):
        if not flow.fqdn:
            raise InvalidInput(
                f"flows[{number}].fqdn", "", "the name of the service, which is what CONNECT names", "Name it"
            )
        if not flow.sources:
            raise InvalidInput(f"flows[{number}].sources", [], "at least one address", "Name the Exchange hosts")


def ports(flow: Flow) -> tuple[int, ...]:
    return flow.ports


def render(flows: t.Iterable[Flow]) -> str:
    """The file that allows CONNECT from the sources of each flow to its name and port, and nothing else.

    ``-n``: an address is not looked up, or CONNECT to an address that resolves backwards to the name would pass.
    """
    lines = [_HEAD, f"acl {_CONNECT} method CONNECT\n"]
    for flow in flows:
        name = f"pushops_{flow.name}"
        lines += [
            f"\n# {flow.name}\n",
            *(f"acl {name}_from src {source}\n" for source in flow.sources),
            f"acl {name}_to dstdomain -n {flow.fqdn.lower()}\n",
            f"acl {name}_port port {' '.join(map(str, ports(flow)))}\n",
            f"http_access allow {_CONNECT} {name}_from {name}_to {name}_port\n",
        ]
    return "".join(lines)


def expect_effective(configuration: Configuration, ours: str, main: str, flows: t.Iterable[Flow]) -> None:
    """See that our file is read, and before anything that may deny the flows.

    :raises UnexpectedState: names the line that is in the way.
    """
    folder = ours.rpartition("/")[0]
    if configuration.place is None:
        raise UnexpectedState(
            f"{main} includes nothing at {ours}",
            f"Add the line 'include {folder}/*.conf' to {main}, above its 'http_access deny' lines",
        )
    acls = _acls(configuration.lines)
    for line in configuration.lines[: configuration.place]:
        if line.words[:2] == ["http_access", "deny"]:
            _expect_no_match(line, acls, ours, flows)


def may_connect(lines: t.Sequence[Line], flow: Flow) -> bool | None:
    """Whether Squid takes every CONNECT of a flow; ``None`` for some of them, or not known.

    Where no http_access line matches, the opposite of the last one is done; without any, all is denied.

    :param lines: the whole configuration as Squid reads it, our file included.
    """
    acls, outcomes, taken = _acls(lines), set(), "allow"
    for line in lines:
        if line.words[:1] != ["http_access"]:
            continue
        taken = line.words[1]
        matched = _line_matches(acls, line, flow)
        if matched is not False:
            outcomes.add(taken == "allow")
        if matched:
            break
    else:
        outcomes.add(taken == "deny")
    return outcomes.pop() if len(outcomes) == 1 else None


def _acls(lines: t.Iterable[Line]) -> dict[str, list[str]]:
    """Every ACL's type and values. Lines of one name add up, those behind the access lines that use it, too."""
    acls: dict[str, list[str]] = dict(_BUILT_IN)
    for words in (line.words for line in lines):
        if words[:1] == ["acl"] and len(words) >= 3:
            before = acls.get(words[1], [])
            acls[words[1]] = [*before, *words[3:]] if before[:1] == [words[2]] else words[2:]
    return acls


def _expect_no_match(line: Line, acls: dict[str, list[str]], ours: str, flows: t.Iterable[Flow]) -> None:
    for flow in flows:
        if _line_matches(acls, line, flow) is not False:
            raise UnexpectedState(
                f"{line} '{' '.join(line.words)}' may deny {flow.name} before {ours} is read",
                f"Move that line below the include of {ours}, or the include above that line",
            )


def _line_matches(acls: dict[str, list[str]], line: Line, flow: Flow) -> bool | None:
    """Whether all ACLs of an access line match."""
    answers = [_matches(acls, name, flow) for name in line.words[2:]]
    return False if False in answers else None if None in answers else True


def _matches(acls: dict[str, list[str]], name: str, flow: Flow) -> bool | None:
    """Whether an ACL matches every (True) or no (False) request of a flow; ``None`` where that is not known."""
    if name.startswith("!"):
        matched = _matches(acls, name[1:], flow)
        return None if matched is None else not matched
    kind, *values = acls.get(name, ["unknown"])
    if kind == "never":
        return False
    if any(value.startswith('"') for value in values):  # a file of values
        return None
    if kind == "method":
        return "CONNECT" in values
    if kind == "port":
        return _all_or_none(any(_in_range(port, value) for value in values) for port in ports(flow))
    if kind == "dstdomain":
        return any(_is_domain(flow.fqdn.lower(), value.lower()) for value in values)
    if kind in ("src", "dst"):
        return _addresses(flow.sources if kind == "src" else flow.destinations, values)
    return None


def _all_or_none(found: t.Iterable[bool]) -> bool | None:
    answers = set(found)
    return answers.pop() if len(answers) == 1 else None


def _in_range(port: int, value: str) -> bool:
    first, _dash, last = value.partition("-")
    return first.isdigit() and int(first) <= port <= int(last if last.isdigit() else first)


def _is_domain(fqdn: str, value: str) -> bool:
    return fqdn == value or (value.startswith(".") and (fqdn == value[1:] or fqdn.endswith(value)))


def _addresses(ends: t.Iterable[str], values: t.Iterable[str]) -> bool | None:
    held: dict[int, list[Interval]] = {4: [], 6: []}
    for value in values:
        if value == "all":
            held = dict(_EVERYTHING)
            continue
        try:
            first, _dash, last = value.partition("-")
            low = ipaddress.ip_network(first, strict=False)
            high = ipaddress.ip_network(last, strict=False) if last else low
        except ValueError:  # a name, or a range with a mask
            return None
        held[low.version].append((int(low.network_address), int(high.broadcast_address)))
    merged = {version: merge(intervals) for version, intervals in held.items()}
    answers: list[bool | None] = []
    for end in ends:
        version, interval = ipaddress.ip_network(end).version, interval_of(end)
        inside = contains(merged[version], interval)
        answers.append(inside if inside or subtract([interval], merged[version]) == [interval] else None)
    return _all_or_none(answer for answer in answers if answer is not None) if None not in answers else None
