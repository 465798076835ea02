# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May A reach B on a port? What is declared, and what every system holds after it was applied, answer alike.

Each system gets a history of declarations, the last of which counts, and is read back as its module reads it. Asked is
inside every range, right outside of it, for addresses that look alike, other sources and other ports.
"""

from __future__ import annotations

import ipaddress
import itertools
import pathlib
import tempfile
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow, parse_flows, permits
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux import nft_plan, squid_access, squid_conf
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import parse
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import authorization
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import desired as netscaler
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import gateway as netscaler_gateway
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.push_access import PushAccess
from ansible_collections.pushops.securemail.plugins.module_utils.windows import firewall_plan, firewall_policy
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_spec import Desired
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_verdict import judge_flow
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux import nft_packets
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.nft_table import Json, Nft, chain
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.squid_folder import Folder
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux.squid_folder import Host as SquidHost
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.netscaler.fake_netscaler import (
    GROUP,
    FakeNetScaler,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.windows.conftest import split_arguments
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.windows.netsh_table import carry_out

Probe = tuple[str, str, int]
Declared = tuple[Flow, ...]

# --- declarations: few addresses near each other, so that ranges touch, overlap and hold one another

_BASES = {"203.0.113.64": (26, 32), "2001:db8::40": (122, 128)}
SOURCES = {"192.0.2.64": (28, 32), "2001:db8:a::40": (124, 128)}
PORTS = (443, 2197, 5223, 8443)
NAMES = ("listener.example.com", "registration.example.com", "Push.Example.com")


def _networks(bases: dict[str, tuple[int, int]]) -> st.SearchStrategy[str]:
    def network(base: str, lengths: tuple[int, int]) -> st.SearchStrategy[str]:
        offset = st.integers(0, 2 ** (lengths[1] - lengths[0]) - 1)
        pairs = st.tuples(offset, st.integers(*lengths))
        first = ipaddress.ip_address(base)
        return pairs.map(lambda pair: str(ipaddress.ip_network((first + pair[0], pair[1]), strict=False)))

    return st.one_of(*(network(base, lengths) for base, lengths in bases.items())).filter(
        lambda text: "::/" not in text
    )


def _shares_a_version(entry: dict[str, t.Any]) -> bool:
    seen = [{":" in address for address in entry[side]} for side in ("sources", "destinations")]
    return not seen[0] or bool(seen[0] & seen[1])


def declarations(
    *, least_sources: int = 0, most: int = 3, ports: int = 3, empty: bool = False
) -> st.SearchStrategy[Declared]:
    flow = st.fixed_dictionaries(
        {
            "name": st.sampled_from(["a", "b", "c"]),
            "fqdn": st.sampled_from(NAMES),
            "sources": st.lists(_networks(SOURCES), min_size=least_sources, max_size=3),
            "destinations": st.lists(_networks(_BASES), min_size=1, max_size=4),
            "ports": st.lists(st.sampled_from(PORTS), min_size=1, max_size=ports),
        }
    ).filter(_shares_a_version)
    listed = st.lists(flow, min_size=0 if empty else 1, max_size=most, unique_by=lambda entry: entry["name"])
    return listed.map(parse_flows)


# --- questions


def _around(networks: t.Iterable[str]) -> list[str]:
    """First and last address of each network, the two right outside, and addresses that look like the first."""
    found: dict[str, None] = {}
    for network in map(ipaddress.ip_network, networks):
        first, last = network[0], network[-1]
        kind = type(first)
        alike = [int(first) ^ 1 << bit for bit in (8, 16, first.max_prefixlen - 1)]
        for address in (first, last, first - 1, last + 1, *map(kind, alike)):
            found[str(address)] = None
        if isinstance(first, ipaddress.IPv4Address):
            for prefix in ("::ffff:0:0", "2001:db8::", "64:ff9b::"):  # the same bits as IPv6: mapped, copied, NAT64
                found[str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(first)))] = None
    return list(found)


def probes(flows: Declared, former: Declared = ()) -> t.Iterator[Probe]:
    """Every source with every destination of all flows at one port, and one thing varied at a time.

    :param former: flows that were declared before: what of them is still open must be found, too.
    """
    asked = (*flows, *former)
    origins = [network for flow in asked for network in flow.sources] or ["192.0.2.99", "2001:db8:a::99"]
    ports = sorted({near for flow in asked for port in flow.ports for near in (port - 1, port, port + 1)} | {80})
    strangers = ("192.0.2.99", "2001:db8:a::99")
    for source, destination in itertools.product((*_around(origins), *strangers), _first_of_each(asked)):
        if _same_version(source, destination):
            yield from ((source, destination, port) for port in (443, ports[1]))
    for flow in asked:
        for source, destination in itertools.product(flow.sources or strangers, _around(flow.destinations)):
            near = str(ipaddress.ip_network(source)[0])
            if _same_version(near, destination):
                yield from ((near, destination, port) for port in (flow.ports[0], flow.ports[-1]))
        for source, destination in itertools.product(flow.sources or strangers, flow.destinations):
            ends = str(ipaddress.ip_network(source)[-1]), str(ipaddress.ip_network(destination)[-1])
            if _same_version(*ends):
                yield from ((*ends, port) for port in ports)


def _first_of_each(flows: Declared) -> list[str]:
    return list(dict.fromkeys(str(ipaddress.ip_network(network)[0]) for flow in flows for network in flow.destinations))


def _same_version(one: str, other: str) -> bool:
    return (":" in one) == (":" in other)


def _expect_equal(
    flows: Declared, asked: t.Iterable[Probe], answer: t.Callable[[str, str, int], bool | None]
) -> set[bool]:
    """Ask both; returns the answers that came up, so that a caller can see that the question was no empty one."""
    seen = set()
    for probe in dict.fromkeys(asked):
        declared = permits(flows, *probe)
        assert answer(*probe) is declared, (probe, declared)
        seen.add(declared)
    return seen


# --- nftables

_DROPS: list[list[Json]] = [
    [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["invalid"]}}, {"drop": None}],
    [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}}, {"drop": None}],
    [{"jump": {"target": "strict"}}],
]


@pytest.mark.parametrize(
    ("hook", "chains"),
    [
        ("forward", [chain("forward", "forward")]),
        ("forward", [chain("forward", "forward"), chain("second", "forward"), chain("six", "forward", "ip6")]),
        ("output", [chain("output", "output"), chain("input", "input")]),
        ("input", [chain("output", "output"), chain("input", "input")]),
    ],
    ids=["forward", "several base chains", "output", "input"],
)
@settings(max_examples=25, deadline=None)
@given(
    history=st.lists(declarations(empty=True), min_size=1, max_size=3),
    drops=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(_DROPS), st.booleans()), max_size=3),
)
def test_nftables(
    hook: str, chains: list[Json], history: list[Declared], drops: list[tuple[int, list[Json], bool]]
) -> None:
    nft = Nft(*chains, chain("strict"))
    nft.rule("strict", [{"reject": None}])
    for step, flows in enumerate(history):
        for _at, drop, first in (one for one in drops if one[0] == step):  # somebody else's rules come between
            nft.rule(chains[0]["chain"]["name"], drop, "theirs", head=first)
        nft.run(nft_plan.transaction(nft_plan.plan(parse(nft.document()), nft_plan.Opening(hook, None, flows, True))))
    held = parse(nft.document())

    def answer(source: str, destination: str, port: int) -> bool:
        return nft_packets.may_reach(held, hook, source, destination, port)

    _expect_equal(history[-1], probes(history[-1], sum(history[:-1], ())), answer)


# --- Windows Firewall


@settings(max_examples=60, deadline=None)
@given(history=st.lists(declarations(), min_size=1, max_size=3))
def test_windows_firewall(history: list[Declared]) -> None:
    blocking = firewall_policy.Profile(enabled=True, blocks_by_default=True, merges_local=True)
    policy = firewall_policy.Policy({"domain": blocking}, ())
    for flows in history:
        changes = firewall_plan.plan(policy, Desired(False, flows)).changes
        policy = carry_out(policy, [line for change in changes for line in change.action], split_arguments)
    texts = {stored.id: str(stored.rule) for stored in policy.rules}
    held = firewall_policy.Policy(policy.profiles, tuple(firewall_policy.read_rules(texts)))

    def answer(source: str, destination: str, port: int) -> bool | None:
        return judge_flow(held, "domain", Flow("probe", "", (source,), (destination,), (port,))).passes

    _expect_equal(history[-1], probes(history[-1], sum(history[:-1], ())), answer)


# --- Squid, by the name in CONNECT


def _names(flows: Declared) -> t.Iterator[str]:
    yield from ("example.com", "other.example.com", "listener.example.org")
    for name in dict.fromkeys(flow.fqdn for flow in flows):
        yield from (name, name.upper(), f"my-{name}", f"x.{name}", f"{name}.example.net", name.replace(".", "-", 1))
        yield from (name[1:], name.replace("e", "3", 1))


@settings(max_examples=25, deadline=None)
@given(history=st.lists(declarations(least_sources=1), min_size=1, max_size=3))
def test_squid(history: list[Declared]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(pathlib.Path(name))
        folder.ours.parent.mkdir()
        folder.write("acl SSL_ports port 1-65535", "http_access deny CONNECT !SSL_ports", "http_access deny manager")
        for flows in history:
            reconcile(folder.proxy(SquidHost(), *flows), check_mode=False)
        # Read anew by another name for our file, so that it is one include like any other.
        elsewhere = str(folder.path / "not-ours.conf")
        held = squid_conf.read(str(folder.main), elsewhere, lambda path: pathlib.Path(path).read_text("utf-8")).lines

    def answer(source: str, name: str, port: int) -> bool | None:
        return squid_access.may_connect(held, Flow("probe", name, (source,), (), (port,)))

    flows, asked = history[-1], sum(history, ())
    sources = (*_around(network for flow in asked for network in flow.sources), "192.0.2.99", "2001:db8:a::99")
    ports = sorted({near for flow in asked for port in flow.ports for near in (port - 1, port, port + 1)} | {80})
    names = list(_names(asked))
    inside = [str(ipaddress.ip_network(flow.sources[0])[0]) for flow in asked]
    of_sources = ((source, flow.fqdn, port) for source in sources for flow in asked for port in flow.ports)
    of_names = ((source, name, port) for source in inside for name in names for port in (443, 444))
    of_ports = ((source, flow.fqdn, port) for source in inside for flow in asked for port in ports)
    assert True in _expect_equal(flows, itertools.chain(of_sources, of_names, of_ports), answer)
    for one in flows:
        for address in _first_of_each((one,)):
            source = str(ipaddress.ip_network(one.sources[0])[0])
            assert answer(source, address, one.ports[0]) is False, "a CONNECT that names the address passed"


# --- NetScaler, where the group stands for the sources


@settings(max_examples=25, deadline=None)
@given(
    history=st.lists(declarations(most=1, ports=1), min_size=1, max_size=3),
    denied=st.sampled_from([None, "true", "CLIENT.IP.DST.IN_SUBNET(203.0.113.0/24)", "CLIENT.TCP.DSTPORT.EQ(443)"]),
)
def test_netscaler(history: list[Declared], denied: str | None) -> None:
    fake = FakeNetScaler()
    if denied:
        fake.deny("theirs", denied, 100)
    for (flow,) in history:
        networks = netscaler.parse_networks(flow.destinations)
        access = PushAccess(fake.client(), netscaler.Desired("pushops", (GROUP,), networks, flow.ports[0]))
        reconcile(access, check_mode=False)
        access.close()
    held = netscaler_gateway.read(fake.client(), "pushops", None)

    def answer_of(group: str) -> t.Callable[[str, str, int], bool | None]:
        def answer(_source: str, destination: str, port: int) -> bool | None:
            network = ipaddress.ip_network(destination)
            return authorization.may_reach(held, held.group(group), network, port).passes

        return answer

    def of_anyone(flows: Declared) -> Declared:
        return tuple(Flow(flow.name, flow.fqdn, (), flow.destinations, flow.ports) for flow in flows)

    flows, asked = of_anyone(history[-1]), list(probes(of_anyone(history[-1]), of_anyone(sum(history, ()))))
    assert _expect_equal(flows, asked, answer_of(GROUP)) == {True, False}
    assert _expect_equal((), asked, answer_of("Others")) == {False}
