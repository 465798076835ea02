# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_firewall_nftables through Ansible and the real nft, in network namespaces that have no route out."""

from __future__ import annotations

import contextlib
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.namespaces import MODULE, Namespaces, entered
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible

pytestmark = pytest.mark.namespaces

HOST_RULES = """\
table inet filter {
    set bastions {
        type ipv4_addr
        elements = { 198.51.100.7 }
    }

    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state invalid drop
        ip saddr @bastions tcp dport 22 accept comment "the host's own"
    }
}
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "eth9" masquerade
    }
}
"""
LISTENER = {
    "name": "listener",
    "fqdn": "eu-west-1.mailboxlistener.xm.citrix.com",
    "sources": ["192.0.2.11"],
    "destinations": ["203.0.113.11", "203.0.113.12"],
}
REGISTRATION = {"name": "registration", "destinations": ["203.0.113.24", "2001:db8::/64"]}


@pytest.fixture
def namespaces() -> t.Iterator[Namespaces]:
    with entered() as fresh:
        yield fresh


@pytest.fixture
def host(namespaces: Namespaces) -> Namespaces:
    """One host with a rule set of its own."""
    namespaces.run("nft", "-f", "-", text=HOST_RULES)
    return namespaces


def test_present_and_absent_changed_and_idempotent_check_and_real(host: Namespaces) -> None:
    before = host.listing()
    flows = [LISTENER, REGISTRATION]

    predicted = host.module(flows=flows, check=True)
    assert predicted.value["changed"] and predicted.value["opened"] == ["inet filter forward"]
    assert host.listing() == before, "check mode wrote"

    done = host.module(flows=flows)
    assert done.value["changes"] == predicted.value["changes"]
    assert host.listing().count("pushops.securemail ") == 6
    assert host.foreign() == before, "a rule of somebody else changed"

    opened = host.listing()
    for check in (False, True):
        again = host.module(flows=flows, check=check)
        assert (again.value["changed"], again.value["changes"]) == (False, [])
    assert host.listing() == opened

    assert host.module(state="absent", check=True).value["changed"]
    assert host.listing() == opened, "check mode wrote"
    assert host.module(state="absent").value["changed"]
    assert host.listing() == before
    for check in (False, True):
        assert host.module(state="absent", check=check).value["changed"] is False


def test_the_diff_names_the_elements_that_differ_and_no_other(host: Namespaces) -> None:
    host.module(flows=[LISTENER])
    moved = {**LISTENER, "destinations": ["203.0.113.12", "203.0.113.13"]}
    result = host.module(flows=[moved])
    changed = "inet filter set pushops_forward_listener_dst4"
    assert [(c["name"], c["before"], c["after"]) for c in result.value["changes"]] == [
        (f"{changed}: 203.0.113.11", "present", None),
        (f"{changed}: 203.0.113.13", None, "present"),
    ]
    assert "203.0.113.13" in result.output
    assert "203.0.113.12" not in result.output
    assert "elements = { 203.0.113.12, 203.0.113.13 }" in host.listing()


def test_several_ports_of_a_flow_are_one_rule_and_stay_as_they_are(host: Namespaces) -> None:
    apns = {"name": "apns-devices", "destinations": ["17.0.0.0/8"], "ports": [5223, 443, 2197]}
    assert host.module(flows=[apns]).value["changed"]
    assert "tcp dport { 443, 2197, 5223 }" in host.listing()
    assert host.module(flows=[apns]).value["changed"] is False


def test_drift_is_repaired(host: Namespaces) -> None:
    host.module(flows=[LISTENER])
    good = host.listing()
    handle = re.search(r"listener out .*# handle (\d+)", host.run("nft", "-a", "list", "ruleset"))
    assert handle
    host.run("nft", "delete", "rule", "inet", "filter", "forward", "handle", handle[1])
    host.run("nft", "add element inet filter pushops_forward_listener_dst4 { 198.51.100.0/24 }")
    host.run("nft", "delete element inet filter pushops_forward_listener_dst4 { 203.0.113.11 }")
    links = {change["link"] for change in host.module(flows=[LISTENER]).value["changes"]}
    assert links == {"listener-egress", ""}
    assert sorted(host.listing().splitlines()) == sorted(good.splitlines())


def test_a_drop_that_somebody_put_first_comes_after_ours(host: Namespaces) -> None:
    host.module(flows=[LISTENER])
    host.run("nft", "insert rule inet filter forward tcp dport 443 drop")
    assert host.module(flows=[LISTENER]).value["changed"]
    rules = [
        line.strip()
        for line in host.listing().split("chain forward {")[1].splitlines()
        if "comment" in line or "drop" in line
    ]
    assert ["listener" in rule for rule in rules[1:4]] == [True, True, False]
    assert host.module(flows=[LISTENER]).value["changed"] is False


def test_a_host_that_drops_nothing_needs_nothing(namespaces: Namespaces) -> None:
    result = namespaces.module(flows=[LISTENER])
    assert (result.status, result.value["changed"], result.value["opened"]) == (0, False, [])
    assert namespaces.listing() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flows": [{**LISTENER, "destinations": ["203.0.113.300"]}]}, "flows[0].destinations[0] is '203.0.113.300'"),
        ({"flows": []}, "flows is [], expected at least one flow"),
        ({"flows": [LISTENER], "chain": {"table": "filter", "name": "nowhere"}}, "(inet filter forward)"),
        ({"flows": [LISTENER], "hook": "sideways"}, "value of hook must be one of"),
    ],
    ids=["address", "no flows", "chain", "hook"],
)
def test_bad_input_changes_nothing_and_says_what_to_do(
    host: Namespaces, arguments: dict[str, t.Any], message: str
) -> None:
    before = host.listing()
    result = host.module(**arguments)
    assert result.status != 0
    assert message in result.value["msg"]
    assert "Traceback" not in result.output
    assert host.listing() == before


def test_a_transaction_that_nft_refuses_changes_nothing(host: Namespaces) -> None:
    # The name of the set is taken by a map.
    host.run("nft", "add map inet filter pushops_forward_listener_dst4 { type ipv4_addr : verdict; }")
    before = host.listing()
    result = host.module(flows=[LISTENER])
    assert result.status != 0
    assert "nft refused the transaction and changed nothing" in result.value["msg"]
    assert result.value["remedy"]
    assert host.listing() == before


def test_without_nft_it_says_what_to_install(host: Namespaces) -> None:
    before = host.listing()
    nft = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert nft
    host.run("mount", "--bind", "/dev/null", nft)  # seen in this mount namespace alone
    result = host.module(flows=[LISTENER])
    host.run("umount", nft)
    assert result.status != 0
    assert result.value["msg"] == "The host has no nft. Install the package nftables on the host."
    assert "Traceback" not in result.output
    assert host.listing() == before


def test_an_interpreter_that_enters_the_gateway_is_enough(
    host: Namespaces, ansible: Ansible, tmp_path: pathlib.Path
) -> None:
    """Ansible itself stays outside, as in the lab's inventory."""
    interpreter = tmp_path / "gateway-python"
    interpreter.write_text(f'#!/bin/sh\nexec {shlex.join(host.words(sys.executable))} "$@"\n')
    interpreter.chmod(0o755)
    variables = {"ansible_connection": "local", "ansible_python_interpreter": str(interpreter)}
    task = {MODULE: {"flows": [LISTENER], "persist": False, "confirm_timeout": 0}}
    before = host.listing()
    predicted = ansible.play({"all": {"hosts": {"gateway": variables}}}, task, check=True, diff=True)
    assert predicted.result().changed and host.listing() == before

    run = ansible.play({"all": {"hosts": {"gateway": variables}}}, task, {**task, "check_mode": True}, diff=True)
    done, again = run.tasks
    assert done["changes"] == predicted.result()["changes"] and done["diff"] == predicted.result()["diff"]
    assert not again.changed and run.recap["gateway"]["changed"] == 1
    assert "203.0.113.11" in host.listing() and host.foreign() == before


SERVER = """
import selectors, socket
waiting = selectors.DefaultSelector()
for address in ("203.0.113.11", "203.0.113.12", "203.0.113.13"):
    waiting.register(socket.create_server((address, 443)), selectors.EVENT_READ)
print("listens", flush=True)
while True:
    for key, _events in waiting.select():
        with key.fileobj.accept()[0] as connection:
            connection.sendall(b"push service")
"""
CLIENT = """
import asyncio
async def ask(octet):
    try:
        reader, _writer = await asyncio.wait_for(asyncio.open_connection(f"203.0.113.{octet}", 443), 1)
        if await reader.read() == b"push service":
            print(octet)
    except OSError:
        pass
async def main():
    await asyncio.gather(*map(ask, (11, 12, 13)))
asyncio.run(main())
"""


@pytest.fixture
def network(namespaces: Namespaces) -> t.Iterator[Namespaces]:
    """A client, a gateway and a server with three addresses; no route leads out."""
    listeners = [f"203.0.113.{octet}/32" for octet in (11, 12, 13)]
    namespaces.network(["192.0.2.11/24"], ["203.0.113.1/24", *listeners])
    command = namespaces.words("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", SERVER, at="server")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        assert server.stdout
        assert server.stdout.readline() == "listens\n"
        yield namespaces


def reached(network: Namespaces) -> list[str]:
    """Last octets of the server's addresses whose banner the client reads."""
    return sorted(network.run(sys.executable, "-c", CLIENT, at="client").split())


def test_packets_pass_when_opened_and_the_neighbor_stays_closed(network: Namespaces) -> None:
    assert reached(network) == ["11", "12", "13"], "the network itself does not carry packets"
    network.run("nft", "-f", "-", at="gateway", text=HOST_RULES)
    assert reached(network) == []

    assert network.module(at="gateway", flows=[LISTENER]).value["changed"]
    assert reached(network) == ["11", "12"]
    counted = network.run("nft", "list", "chain", "inet", "filter", "forward", at="gateway")
    assert re.search(r"counter packets [1-9]\d* .*listener out ", counted)
    assert network.module(at="gateway", flows=[LISTENER]).value["changed"] is False

    other = {**LISTENER, "sources": ["192.0.2.12"]}
    network.module(at="gateway", flows=[other])
    assert reached(network) == [], "a source that is not named passed"

    network.module(at="gateway", flows=[LISTENER])
    network.run("nft", "insert rule inet filter forward tcp dport 443 drop", at="gateway")
    assert reached(network) == []
    network.module(at="gateway", flows=[LISTENER])
    assert reached(network) == ["11", "12"]

    network.module(at="gateway", state="absent")
    assert reached(network) == []
