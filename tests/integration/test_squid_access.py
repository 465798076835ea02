# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Squid lets CONNECT to, beside what ``squid_access`` reads out of the same configuration."""

from __future__ import annotations

import itertools
import json
import pathlib
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.linux import squid_access, squid_conf
from ansible_collections.pushops.securemail.tests.integration import test_proxy_squid as proxy
from ansible_collections.pushops.securemail.tests.integration.test_proxy_squid import (
    ADDRESS,
    EXCHANGE,
    FOLDER,
    LISTENER,
    MAIN,
    OTHER,
    OWN,
    PROXY,
    Site,
)

pytestmark = pytest.mark.namespaces
site = proxy.site

SECOND = "mail.example.com"
DOMAIN = LISTENER.partition(".")[2]
#: The names that are declared, what looks like them in one character or one label, and addresses.
TARGETS = [
    *(LISTENER, LISTENER.upper(), SECOND, DOMAIN),
    *(f"my-{LISTENER}", f"x.{LISTENER}", f"{LISTENER}.example.com", LISTENER[1:], LISTENER[:-1], f"{LISTENER}m"),
    *(LISTENER.replace(".", "-", 1), LISTENER.replace("1", "l"), LISTENER.replace("west", "east"), f"{SECOND}.org"),
    *(ADDRESS, "203.0.113.20", "203.0.113.22", f"[::ffff:{ADDRESS}]", "[2001:db8::21]"),
]
ASKED_PORTS = (80, 442, 443, 444, 8443)
#: What an administrator may have written before; the ACLs are there in every configuration.
ACLS = f"""\
acl exchange src {EXCHANGE}
acl near src 192.0.2.8-192.0.2.11
acl web port 443
acl some port 400-443 8443
acl vendor dstdomain -n .{DOMAIN}
acl exactly dstdomain -n {SECOND}
acl posts method POST
"""
WORDS = ["exchange", "near", "web", "some", "vendor", "exactly", "posts", "CONNECT", "all", "localhost", "manager"]
WHOLE = OWN[: OWN.index("acl SSL_ports")]
RUNNING = OWN[OWN.index("http_port") :] + "connect_timeout 1 seconds\nforward_max_tries 1\n"
ASK = f"""
import asyncio, json, sys
async def ask(source, target, port, turns=asyncio.Semaphore(60)):
    async with turns:
        reader, writer = await asyncio.open_connection({PROXY!r}, 3128, local_addr=(source, 0))
        writer.write(f"CONNECT {{target}}:{{port}} HTTP/1.1\\r\\nHost: {{target}}\\r\\n\\r\\n".encode())
        line = await asyncio.wait_for(reader.readline(), 30)
        writer.close()
        return int(line.split()[1])
async def main():
    print(json.dumps(await asyncio.gather(*(ask(*probe) for probe in json.load(sys.stdin)))))
asyncio.run(main())
"""
_MOST = 40  # configurations in one test
Probe = tuple[str, str, int]
#: What Squid answers where it may: a tunnel, or that name or server cannot be had.
_TRIED = {200, 500, 502, 503, 504}
PROBES: list[Probe] = list(itertools.product((EXCHANGE, OTHER), TARGETS, ASKED_PORTS))

_words = st.lists(st.sampled_from([*WORDS, *(f"!{word}" for word in WORDS)]), min_size=1, max_size=3)
_access = st.tuples(st.sampled_from(["allow", "deny"]), _words).map(
    lambda pair: f"http_access {pair[0]} {' '.join(pair[1])}\n"
)
_flows = st.lists(
    st.builds(
        Flow,
        name=st.sampled_from(["listener", "second"]),
        fqdn=st.sampled_from([LISTENER, SECOND]),
        sources=st.sampled_from([(EXCHANGE,), (OTHER,), ("192.0.2.8/30",), (EXCHANGE, OTHER)]),
        destinations=st.just((ADDRESS,)),
        ports=st.sampled_from([(443,), (443, 8443)]),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda flow: flow.name,
)


class Asked:
    """A Squid that is given one configuration after the other, and asked when it has taken it in."""

    def __init__(self, site: Site) -> None:
        self._site = site
        canaries = [f"canary-{number}.example.net" for number in range(_MOST)]
        names = [target.lower() for target in TARGETS if target[0].isalpha()]
        self._canaries = iter(canaries)
        # so that no time goes into DNS and ARP
        site.write(f"{FOLDER}/hosts", "".join(f"{ADDRESS} {name}\n" for name in [*names, *canaries]))
        for neighbor in ("203.0.113.20", "203.0.113.22"):
            site.namespaces.run("ip", "-n", "internet", "address", "add", neighbor, "dev", "net0")

    def by_packets(self, access: str) -> dict[Probe, bool]:
        """What it lets through: it says 403 to what it denies."""
        canary = next(self._canaries)
        first = f"acl canary dstdomain -n {canary}\nhttp_access allow canary\n"
        self._site.write(MAIN, WHOLE + first + access + RUNNING)
        self._site.namespaces.run("squid", "-n", "test", "-f", MAIN, "-k", "reconfigure", at="proxy")
        ends = time.monotonic() + 20
        while not self._took_in(canary):
            assert time.monotonic() < ends, "Squid does not take in the new configuration"
            time.sleep(0.05)
        return dict(zip(PROBES, (status != 403 for status in self._statuses(PROBES)), strict=True))

    def _took_in(self, canary: str) -> bool:
        try:
            return self._statuses([(EXCHANGE, canary, 443)]) != [403]
        except AssertionError:  # it does not listen at this moment
            return False

    def _statuses(self, probes: list[Probe]) -> list[int]:
        answered = self._site.namespaces.run(sys.executable, "-c", ASK, at="clients", text=json.dumps(probes))
        found: list[int] = json.loads(answered)
        assert set(found) <= _TRIED | {403}, set(found)
        return found


def by_reading(access: str, folder: pathlib.Path) -> dict[Probe, bool | None]:
    """What is read out of the configuration for each target by itself."""
    main = folder / "squid.conf"
    main.write_text(WHOLE + access + RUNNING, encoding="utf-8")
    lines = squid_conf.read(str(main), str(folder / "none"), lambda name: pathlib.Path(name).read_text("utf-8")).lines
    return {
        (source, target, port): squid_access.may_connect(lines, Flow("probe", target, (source,), (), (port,)))
        for source, target, port in PROBES
    }


def test_squid_lets_through_what_is_read_out_of_its_configuration(site: Site, tmp_path: pathlib.Path) -> None:
    asked = Asked(site)
    seen: set[bool] = set()

    # without shrinking: each example is a reload
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_access, max_size=2), _flows, st.lists(_access, max_size=3))
    def agrees(before: list[str], flows: list[Flow], behind: list[str]) -> None:
        access = ACLS + "".join(before) + squid_access.render(flows) + "".join(behind)
        packets, read = asked.by_packets(access), by_reading(access, tmp_path)
        differing = {probe: (passes, read[probe]) for probe, passes in packets.items() if passes != read[probe]}
        assert not differing, (access, differing)
        seen.update(packets.values())

    agrees()
    assert seen == {True, False}, "Squid did the same with everything"


def test_of_look_alikes_squid_lets_through_the_declared_name_alone(site: Site) -> None:
    flow = Flow("listener", LISTENER, (EXCHANGE,), (ADDRESS,), (443,))
    packets = Asked(site).by_packets(squid_access.render([flow]) + "http_access deny all\n")
    assert {probe for probe, passes in packets.items() if passes} == {
        (EXCHANGE, LISTENER, 443),
        (EXCHANGE, LISTENER.upper(), 443),
    }
