# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_firewall_nftables on a host that systemd boots, with Debian's nftables.service: reboots, reloads, power cuts."""

from __future__ import annotations

import pathlib
import re
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.booted_host import BootedHost, booted_host
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run

pytestmark = pytest.mark.namespaces

MODULE = "pushops.securemail.push_firewall_nftables"
OWN_FILE = "/etc/nftables.conf"
OWN_RULES = """\
#!/usr/sbin/nft -f
flush ruleset

table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiifname "lo" accept
\t}

\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state invalid drop
\t\tip saddr 198.51.100.7 accept comment "the host's own"
\t}
}
"""
UNIT = "pushops-nftables-forward.service"
LISTENER = {
    "name": "listener",
    "sources": ["192.0.2.11", "2001:db8:1::11"],
    "destinations": ["203.0.113.11", "2001:db8::/64"],
}


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[BootedHost]:
    """A host whose own rule set is loaded at boot by nftables.service."""
    folder = tmp_path / "host"
    folder.mkdir()
    with booted_host(folder) as booted:
        booted.write(OWN_FILE, OWN_RULES)
        booted.run("systemctl", "enable", "--now", "nftables.service")
        yield booted


def play(ansible: Ansible, host: BootedHost, check: bool = False, connection: str = "local", **arguments: t.Any) -> Run:
    variables = {"ansible_connection": connection, "ansible_python_interpreter": host.interpreter()}
    variables["ansible_remote_tmp"] = str(host.folder / "ansible")
    inventory = {"all": {"hosts": {"gateway": variables}}}
    return ansible.play(inventory, {MODULE: {"confirm_timeout": 20, **arguments}}, check=check, diff=True)


def listing(host: BootedHost) -> str:
    """The rule set, its sets in one order: in which they were made means nothing."""
    text = host.run("nft", "-s", "list", "ruleset")
    sets = re.findall(r"^\tset (?:.|\n)*?^\t}\n\n", text, re.MULTILINE)
    return "".join(sorted(sets)) + re.sub(r"^\tset (?:.|\n)*?^\t}\n\n", "", text, flags=re.MULTILINE)


def settled(host: BootedHost, expected: str) -> str:
    """The rule set, as soon as it is the expected one."""
    ends = time.monotonic() + 20
    while (seen := listing(host)) != expected and time.monotonic() < ends:
        time.sleep(0.1)
    return seen


def test_flows_survive_boots_and_reloads_and_go_away_when_asked(host: BootedHost, ansible: Ansible) -> None:
    bare = listing(host)
    predicted = play(ansible, host, check=True, flows=[LISTENER]).result()
    assert predicted.changed and listing(host) == bare and UNIT not in host.ask("systemctl", "list-unit-files")

    done = play(ansible, host, flows=[LISTENER]).result()
    assert done["changes"] == predicted["changes"] and done["confirm"]["confirmed"] is True
    opened = listing(host)
    assert "203.0.113.11" in opened and "2001:db8::/64" in opened
    assert play(ansible, host, flows=[LISTENER]).result()["changes"] == []
    verified = host.run("sh", "-c", f"systemd-analyze verify /etc/systemd/system/{UNIT} 2>&1")
    assert verified == "", "systemd-analyze ends with 0 on what it only warns of"

    for happens in (
        host.reboot,
        lambda: host.run("systemctl", "reload", "nftables.service"),
        lambda: host.run("systemctl", "restart", "nftables.service"),
        lambda: host.run("systemctl", "restart", UNIT),
    ):
        happens()
        assert settled(host, opened) == opened  # systemctl waits for the host's own unit, not for ours
        assert play(ansible, host, check=True, flows=[LISTENER]).result()["changes"] == []
    assert host.ask("systemctl", "--failed", "--no-legend").count("nftables") == 0

    host.run("nft", "-f", OWN_FILE)
    assert listing(host) == bare, "the file loads what it loaded before"
    undone = play(ansible, host, check=True, flows=[LISTENER])
    assert undone.result()["undone"] is True and "somebody loaded the host's rule set anew" in undone.output
    repaired = play(ansible, host, flows=[LISTENER]).result()
    assert repaired["undone"] is True and repaired.changed and listing(host) == opened

    assert play(ansible, host, state="absent").result().changed
    assert listing(host) == bare and UNIT not in host.ask("systemctl", "list-unit-files")
    host.reboot()
    assert listing(host) == bare
    assert host.run("cat", OWN_FILE) == OWN_RULES


def test_what_the_host_loads_by_itself_is_not_loaded_twice(host: BootedHost, ansible: Ansible) -> None:
    """An administrator saves the running rule set, ours included, as the host's own."""
    play(ansible, host, flows=[LISTENER])
    opened = listing(host)
    host.write(OWN_FILE, "flush ruleset\n" + host.run("nft", "list", "ruleset"))
    host.reboot()
    assert listing(host) == opened
    assert play(ansible, host, check=True, flows=[LISTENER]).result()["changes"] == []


def test_a_base_chain_that_is_gone_at_boot_costs_the_host_none_of_its_own_rules(
    host: BootedHost, ansible: Ansible
) -> None:
    play(ansible, host, flows=[LISTENER])
    renamed = OWN_RULES.replace("chain forward", "chain through")
    host.write(OWN_FILE, renamed)
    host.reboot()
    assert "chain through" in listing(host) and "pushops" not in listing(host)
    assert UNIT in host.ask("systemctl", "--failed", "--no-legend")
    assert play(ansible, host, flows=[LISTENER]).result().changed
    assert 'comment "pushops.securemail listener out"' in listing(host)
    assert UNIT not in host.ask("systemctl", "--failed", "--no-legend")


def test_without_persist_the_flows_end_with_the_next_boot(host: BootedHost, ansible: Ansible) -> None:
    bare = listing(host)
    play(ansible, host, flows=[LISTENER])
    result = play(ansible, host, flows=[LISTENER], persist=False).result()
    assert [change["name"] for change in result["changes"]] == ["boot: /etc/pushops.securemail/nftables-forward.json"]
    assert result["confirm"] is None, "the running rule set did not change"
    host.reboot()
    assert listing(host) == bare


def test_a_controller_that_dies_before_it_confirms(host: BootedHost, ansible: Ansible) -> None:
    """The revert is a unit of its own: no session holds it. A power cut needs none: nothing is loaded at boot yet."""
    bare = listing(host)
    killed = play(ansible, host, connection="dying", flows=[LISTENER], confirm_timeout=6)
    assert killed.status < 0 and "203.0.113.11" in listing(host)
    assert "pushops-nftables-revert-" in host.run("systemctl", "list-units", "--no-legend", "--state=running")
    waiting = play(ansible, host, check=True, flows=[LISTENER]).result()
    assert 0 < waiting["pending"] < 6 and [c["name"][:4] for c in waiting["changes"]] == ["boot"] * 2
    assert settled(host, bare) == bare

    play(ansible, host, connection="dying", flows=[LISTENER], confirm_timeout=600)
    assert "203.0.113.11" in listing(host)
    host.reboot()
    assert listing(host) == bare
    assert play(ansible, host, flows=[LISTENER]).result()["confirm"]["confirmed"] is True
