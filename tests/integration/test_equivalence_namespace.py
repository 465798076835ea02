# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets, the rule set as nft lists it, and the declaration agree: before, during and after a change."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import parse_flows, permits
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import parse
from ansible_collections.pushops.securemail.tests.integration.namespaces import Namespaces, entered
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.linux import nft_packets

pytestmark = pytest.mark.namespaces

Probe = tuple[str, str, int]

CLIENTS = ["192.0.2.11/24", "192.0.2.12/32", "192.0.2.27/32", "2001:db8:1::11/64", "2001:db8:1::12/128"]
SERVERS = [
    *("203.0.113.1/24", *(f"203.0.113.{octet}/32" for octet in (15, 16, 19, 20, 80))),
    *("2001:db8:2::1/64", *(f"2001:db8:2::{group}/128" for group in ("f", "10", "13", "14", "50"))),
]
PORTS = (443, 444, 2197)
STEADY: Probe = ("192.0.2.11", "203.0.113.16", 443)
STEADY_FROM = 50001
#: What the host itself closes. The last two rules count what is lost of the connection that is kept open.
HOST_RULES = f"""\
table inet filter {{
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        ip saddr {STEADY[0]} tcp sport {STEADY_FROM} counter drop comment "lost"
        ip daddr {STEADY[0]} tcp dport {STEADY_FROM} counter drop comment "lost"
    }}
}}
"""
LISTENER = {
    "name": "listener",
    "sources": ["192.0.2.11", "2001:db8:1::11"],
    "destinations": ["203.0.113.16/30", "2001:db8:2::10/126"],
    "ports": [443],
}
HISTORY: dict[str, list[dict[str, t.Any]]] = {
    "first": [LISTENER],
    "addresses": [{**LISTENER, "destinations": ["203.0.113.16", "203.0.113.80", "2001:db8:2::50"]}],
    "ports": [{**LISTENER, "ports": [443, 2197]}],
    "anyone": [{**LISTENER, "sources": []}],
    "another flow": [
        {**LISTENER, "sources": ["192.0.2.0/28", "2001:db8:1::12"]},
        {"name": "apns", "sources": ["192.0.2.27"], "destinations": ["203.0.113.80"], "ports": [444, 2197]},
    ],
    "as at first": [LISTENER],
}

ECHO = f"""
import asyncio, contextlib
async def echo(reader, writer):
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
async def main():
    for port in {PORTS!r}:
        await asyncio.start_server(echo, ["0.0.0.0", "::"], port)
    print("listens", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
ASK = """
import asyncio, json, sys
async def ask(source, destination, port):
    try:
        opening = asyncio.open_connection(destination, port, local_addr=(source, 0))
        reader, writer = await asyncio.wait_for(opening, 2)
        writer.write(b"badge\\n")
        answer = await asyncio.wait_for(reader.readline(), 2)
        writer.close()
        return answer == b"badge\\n"
    except (OSError, asyncio.TimeoutError):
        return False
async def main():
    print(json.dumps(await asyncio.gather(*(ask(*probe) for probe in json.load(sys.stdin)))))
asyncio.run(main())
"""
TALK = f"""
import socket, time
source, destination, port = {STEADY!r}
with socket.create_connection((destination, port), 10, (source, {STEADY_FROM})) as connection:
    lines = connection.makefile("rw")
    number = 0
    while True:
        number += 1
        lines.write(f"{{number}}\\n")
        lines.flush()
        print(lines.readline().strip(), flush=True)
        time.sleep(0.002)
"""


def probes() -> list[Probe]:
    """Each client with each server of its family, at each port."""
    ends = itertools.product((each.partition("/")[0] for each in CLIENTS), (each.partition("/")[0] for each in SERVERS))
    return [(*pair, port) for pair in ends if (":" in pair[0]) == (":" in pair[1]) for port in PORTS]


@pytest.fixture
def network() -> t.Iterator[Namespaces]:
    with entered() as namespaces, contextlib.ExitStack() as stack:
        namespaces.network(CLIENTS, SERVERS)
        words = namespaces.words("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", ECHO, at="server")
        server = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        stack.callback(server.kill)
        assert server.stdout and server.stdout.readline() == "listens\n"
        yield namespaces


def by_packets(network: Namespaces) -> dict[Probe, bool]:
    asked = probes()
    answers = json.loads(network.run(sys.executable, "-c", ASK, at="client", text=json.dumps(asked)))
    return dict(zip(asked, answers, strict=True))


def by_rules(network: Namespaces) -> dict[Probe, bool]:
    held = parse(json.loads(network.run("nft", "-j", "list", "ruleset", at="gateway")))
    return {probe: nft_packets.may_reach(held, "forward", *probe) for probe in probes()}


def by_declaration(declared: list[dict[str, t.Any]]) -> dict[Probe, bool]:
    flows = parse_flows(declared)
    return {probe: permits(flows, *probe) for probe in probes()}


class Steady:
    """A connection on which one line after the other goes there and back."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.echoed: list[str] = []
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._more:
                self.echoed.append(line.strip())
                self._more.notify()

    def expect_more(self, lines: int = 100) -> None:
        """See that so many lines more come back."""
        wanted = len(self.echoed) + lines
        with self._more:
            assert self._more.wait_for(lambda: len(self.echoed) >= wanted, 30), "the connection stands still"


@contextlib.contextmanager
def talking(network: Namespaces) -> t.Iterator[Steady]:
    words = network.words("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", TALK, at="client")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Steady(process)
        finally:
            process.kill()


def lost(network: Namespaces) -> int:
    """Packets of the steady connection's ends that came to the rules that drop them."""
    rules = json.loads(network.run("nft", "-j", "list", "chain", "inet", "filter", "forward", at="gateway"))["nftables"]
    counters = [
        rule["expr"][2]["counter"] for rule in (e.get("rule", {}) for e in rules) if rule.get("comment") == "lost"
    ]
    assert len(counters) == 2
    return sum(counter["packets"] for counter in counters)


def test_packets_rules_and_declaration_agree_before_during_and_after(network: Namespaces) -> None:
    assert set(by_packets(network).values()) == {True} == set(by_rules(network).values()), "the network is broken"
    network.run("nft", "-f", "-", at="gateway", text=HOST_RULES)
    assert by_packets(network) == by_rules(network) == by_declaration([])
    assert network.module(at="gateway", flows=HISTORY["first"]).value["changed"]
    assert by_packets(network) == by_rules(network) == by_declaration(HISTORY["first"])

    with talking(network) as steady:
        for name, declared in itertools.islice(HISTORY.items(), 1, None):
            assert permits(parse_flows(declared), *STEADY)
            steady.expect_more()
            before = len(steady.echoed)
            assert network.module(at="gateway", flows=declared).value["changed"], name
            steady.expect_more()
            assert lost(network) == 0, f"packets of an open connection were dropped: {name}"
            echoed = list(steady.echoed)
            assert echoed == [str(number) for number in range(1, len(echoed) + 1)] and len(echoed) > before + 100
            assert by_packets(network) == by_rules(network) == by_declaration(declared), name

        assert network.module(at="gateway", state="absent").value["changed"]
        assert by_packets(network) == by_rules(network) == by_declaration([])
        assert lost(network) > 0, "what is lost is not counted"
