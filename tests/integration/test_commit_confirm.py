# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that locks the operator out undoes itself: real SSH over a real network, in namespaces of the test."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import threading
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.namespaces import MODULE, Namespaces, entered
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Inventory, Run

pytestmark = pytest.mark.namespaces

OPERATOR, GATEWAY = "192.0.2.11", "192.0.2.254"
RULES = """\
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established accept
        iifname "lo" accept comment "the host's own"
    }
    chain output {
        type filter hook output priority filter; policy accept;
        ip daddr 198.51.100.1 drop
    }
}
"""
ADMINISTRATION = {"name": "administration", "sources": [OPERATOR], "destinations": [GATEWAY], "port": 22}
FATAL = {**ADMINISTRATION, "sources": ["192.0.2.12"]}
#: What stays of a revert that did not act: nothing that acts.
LEFT = ["lock", "nftables-revert.log", "nftables-revert.py"]
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


class Site(t.NamedTuple):
    """An operator's machine and a gateway, one cable between them."""

    namespaces: Namespaces
    inventory: Inventory
    folder: pathlib.Path

    def answers(self) -> bool:
        """Whether the gateway's SSH server says its banner to the operator."""
        ask = f"import socket; print(socket.create_connection(({GATEWAY!r}, 22), 0.5).recv(7).decode())"
        command = self.namespaces.words("python3", "-c", ask, at="operator")
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout == "SSH-2.0\n"

    def rules(self) -> str:
        return self.namespaces.run("nft", "-s", "list", "ruleset", at="gateway")

    def play(self, check: bool = False, **arguments: t.Any) -> Run:
        """Run the module from the operator's machine, over SSH."""
        ansible = Ansible(self.folder / f"ansible-{time.monotonic_ns()}", self.namespaces.words(at="operator"))
        task = {MODULE: {"hook": "input", "persist": False, **arguments}}
        return ansible.play(self.inventory, task, check=check, diff=True)


@pytest.fixture
def site(tmp_path: pathlib.Path) -> t.Iterator[Site]:
    """The gateway drops all but established connections and what the module opened: SSH from the operator."""
    if SSHD is None:
        pytest.skip("no sshd on this machine")
    with entered() as namespaces, contextlib.ExitStack() as stack:
        if namespaces.user:
            pytest.skip("sshd needs root to sign users in")
        namespaces.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        namespaces.run("mkdir", "/run/netns", "/run/sshd")
        for step in (
            "netns add operator",
            "netns add gateway",
            "-n gateway link add cable type veth peer name cable netns operator",
            f"-n operator address add {OPERATOR}/24 dev cable",
            f"-n gateway address add {GATEWAY}/24 dev cable",
            *(f"-n {name} link set {link} up" for name in ("operator", "gateway") for link in ("lo", "cable")),
        ):
            namespaces.run("ip", *step.split())
        for key in ("host", "user"):
            namespaces.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key))
        options = [f"HostKey={tmp_path / 'host'}", f"AuthorizedKeysFile={tmp_path / 'user.pub'}", "StrictModes=no"]
        options += ["PermitRootLogin=prohibit-password", "PidFile=none", "UsePAM=no", "UseDNS=no"]
        words = [SSHD, "-D", "-e", "-f", "/dev/null", *(word for option in options for word in ("-o", option))]
        server = stack.enter_context(
            subprocess.Popen(namespaces.words(*words, at="gateway"), stderr=subprocess.DEVNULL)
        )
        stack.callback(server.kill)
        ssh = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o ConnectTimeout=1 -F /dev/null"
        variables = {
            "ansible_host": GATEWAY,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(tmp_path / "user"),
            "ansible_ssh_common_args": ssh,
            "ansible_control_path_dir": "/run/control",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        made = Site(namespaces, {"all": {"hosts": {"gateway": variables}}}, tmp_path)
        ends = time.monotonic() + 20
        while not made.answers() and time.monotonic() < ends:
            time.sleep(0.1)
        assert made.answers(), "the network does not carry SSH"
        namespaces.run("nft", "-f", "-", at="gateway", text=RULES)
        assert not made.answers(), "the rule set does not drop"
        opened = namespaces.module(at="gateway", hook="input", flows=[ADMINISTRATION])
        assert opened.status == 0 and made.answers()
        yield made


def test_a_change_that_can_be_confirmed_stays(site: Site) -> None:
    other = {"name": "other", "destinations": [GATEWAY], "port": 8443}
    run = site.play(flows=[ADMINISTRATION, other], confirm_timeout=10)
    assert run.result().changed and run.result()["confirm"]["confirmed"] is True
    rules = site.rules()
    time.sleep(0.5)
    assert site.namespaces.run("ls", "/run/pushops.securemail").split() == LEFT
    again = site.play(flows=[ADMINISTRATION, other]).result()
    assert (again.changed, again["confirm"]) == (False, None) and site.rules() == rules


@pytest.mark.parametrize("fatal", [{"flows": [FATAL]}, {"state": "absent"}], ids=["another source", "absent"])
def test_a_change_that_locks_the_operator_out_undoes_itself(site: Site, fatal: dict[str, t.Any]) -> None:
    before = site.rules()
    assert site.play(check=True, confirm_timeout=5, **fatal).result().changed
    assert site.rules() == before and "pushops.securemail" not in site.namespaces.run("ls", "/run").split()

    answered: list[bool] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            answered.append(site.answers())

    watching = threading.Thread(target=watch)
    watching.start()
    run = site.play(confirm_timeout=5, **fatal)
    ended.set()
    watching.join()
    assert run.status != 0 and run.result().status == "failed"
    assert "was not confirmed in time and the host took it back" in run.result()["msg"]
    assert run.result()["remedy"] and not run.result().changed
    assert False in answered, "the rule set was not fatal, so this proves nothing"
    assert site.answers() and site.rules() == before


def test_what_others_changed_in_the_meantime_stays_theirs(site: Site) -> None:
    before = site.rules()
    arming = threading.Thread(target=site.play, kwargs={"confirm_timeout": 6, "flows": [FATAL]})
    arming.start()
    ends = time.monotonic() + 30
    while "192.0.2.12" not in site.rules() and time.monotonic() < ends:
        time.sleep(0.05)
    for command in ("add rule inet filter input tcp dport 9 drop", "add table ip theirs"):
        site.namespaces.run("nft", *command.split(), at="gateway")
    arming.join()
    theirs = [line for line in site.rules().splitlines() if line not in before.splitlines()]
    assert [line.strip() for line in theirs] == ["tcp dport 9 drop", "table ip theirs {"]
    assert all(line in site.rules() for line in before.splitlines())


def test_a_second_run_waits_for_an_armed_revert_and_stacks_none(site: Site) -> None:
    first: list[Run] = []
    arming = threading.Thread(target=lambda: first.append(site.play(confirm_timeout=8, flows=[FATAL])))
    arming.start()
    ends = time.monotonic() + 30
    while "192.0.2.12" not in site.rules() and time.monotonic() < ends:
        time.sleep(0.05)
    waiting = site.namespaces.module(at="gateway", hook="input", flows=[ADMINISTRATION], check=True)
    assert 0 < waiting.value["pending"] <= 8 and waiting.value["changed"] is True
    second = site.namespaces.module(at="gateway", hook="input", flows=[ADMINISTRATION], confirm_timeout=8)
    arming.join()
    assert second.value["changed"] is False, "it planned before the first change was taken back"
    assert "the host took back a change that another run had not confirmed" in second.output
    assert first[0].status != 0 and site.answers()
