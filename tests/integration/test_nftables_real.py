# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan against the real nft, without Ansible between: intervals, sizes, and somebody else who writes meanwhile."""

from __future__ import annotations

import ipaddress
import json
import pathlib
import random
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Stale
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.intervals import interval_of, merge
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux.boot import Boot
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import CommitConfirm
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_runner import NftRunner
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Flows
from ansible_collections.pushops.securemail.tests.integration.namespaces import ROOT, Namespaces, entered

pytestmark = pytest.mark.namespaces

RULES = """\
table inet filter {
    set theirs { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ip saddr @theirs accept
    }
}
"""
GENERATION = (
    "from ansible_collections.pushops.securemail.plugins.module_utils.linux.generation import generation;"
    "print(generation())"
)


class Host:
    """Runs programs in the namespaces, in place of ``AnsibleModule``."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self.sent: list[str] = []

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None:
        return arg

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]:
        data = options["data"]
        if data is not None:
            self.sent.append(data)
        words = self.namespaces.words(*args)
        finished = subprocess.run(words, input=data, capture_output=True, text=True, check=False, timeout=60)
        return finished.returncode, finished.stdout, finished.stderr

    def generation(self) -> int:
        path = f"PYTHONPATH={ROOT / '.ansible' / 'collections'}"
        return int(self.namespaces.run("env", path, sys.executable, "-c", GENERATION))


class Meddled(Flows):
    """Somebody else writes between the read and the write."""

    meddle: t.Callable[[], object]

    def apply(self, plan: t.Any) -> None:
        self.meddle()
        super().apply(plan)


@pytest.fixture
def host() -> t.Iterator[Host]:
    with entered() as namespaces:
        namespaces.run("nft", "-f", "-", text=RULES)
        yield Host(namespaces)


def flows(host: Host, folder: pathlib.Path, *asked: str, kind: type[Flows] = Flows) -> Flows:
    runner = NftRunner(host, host.generation)
    opening = Opening("forward", None, (Flow("many", "", (), asked, (443,)),), True)
    boot = Boot(host, "test", lambda: runner.program)
    return kind(runner, boot, CommitConfirm(folder), opening, persist=False)


@pytest.mark.parametrize("version", [4, 6])
def test_any_history_of_overlapping_prefixes_ends_as_declared(host: Host, tmp_path: pathlib.Path, version: int) -> None:
    chance = random.Random(version)
    start, bits = (
        int(ipaddress.ip_address("203.0.113.0" if version == 4 else "2001:db8::")),
        32 if version == 4 else 128,
    )
    for _step in range(12):
        asked = []
        for _prefix in range(chance.randint(1, 12)):
            number, length = start + chance.randrange(64), chance.randint(bits - 6, bits)
            address = ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)
            asked.append(str(ipaddress.ip_network(f"{address}/{length}", strict=False)))
        outcome = reconcile(flows(host, tmp_path, *asked), check_mode=False)
        held = outcome.after.ruleset.sets["inet", "filter", f"pushops_forward_many_dst{version}"]
        assert merge(interval for _element, interval in held.intervals) == merge(map(interval_of, asked))
        assert not reconcile(flows(host, tmp_path, *asked), check_mode=False).changed


def test_of_ten_thousand_prefixes_the_fifty_that_changed_travel(host: Host, tmp_path: pathlib.Path) -> None:
    many = [f"10.{number // 128}.{number % 128 * 2}.0/24" for number in range(10_025)]
    reconcile(flows(host, tmp_path, *many[:10_000]), check_mode=False)
    reconcile(flows(host, tmp_path, *many[25:]), check_mode=False)
    whole, few = host.sent
    commands = json.loads(few)["nftables"]
    elements = [element for command in commands for body in command.values() for element in body["element"]["elem"]]
    assert [next(iter(command)) for command in commands] == ["delete", "create"] and len(elements) == 50
    assert len(few) < 5_000 < 400_000 < len(whole)


def test_somebody_elses_change_is_met_and_survived_once(host: Host, tmp_path: pathlib.Path) -> None:
    asked = flows(host, tmp_path, "203.0.113.1", kind=Meddled)
    assert isinstance(asked, Meddled)
    rounds = iter([["nft", "add rule inet filter forward tcp dport 9 drop"]])
    asked.meddle = lambda: [host.namespaces.run(*words) for words in [next(rounds, None)] if words]
    assert reconcile(asked, check_mode=False).changed
    listed = host.namespaces.run("nft", "list", "ruleset")
    assert "tcp dport 9 drop" in listed and "203.0.113.1" in listed
    assert len(host.sent) == 1, "a plan over a rule set that is gone was sent"


def test_somebody_elses_change_each_time_is_reported(host: Host, tmp_path: pathlib.Path) -> None:
    asked = flows(host, tmp_path, "203.0.113.1", kind=Meddled)
    assert isinstance(asked, Meddled)
    asked.meddle = lambda: host.namespaces.run("nft", "add rule inet filter forward tcp dport 9 drop")
    with pytest.raises(Stale, match="Somebody else changed the rule set between the read and the write"):
        reconcile(asked, check_mode=False)
    assert host.sent == [] and "pushops" not in host.namespaces.run("nft", "list", "ruleset")
