# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening many addresses on a Linux gateway: one plan and one transaction, against a rule and its commands an address.

Measured is the host's side of both, in a network namespace: what ``push_firewall_nftables`` does there, and what
``ansible.builtin.iptables`` runs in a loop (``--version``, ``-C``, and ``-A`` or ``-D`` where something differs).
What Ansible adds for each task or item of a loop is in neither number. A loop is measured for as many addresses as fit
into its time, on a chain that is as full as the loop would find it, and the rest is reckoned by address.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux.boot import Boot
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import CommitConfirm
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_runner import NftRunner
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Flows
from ansible_collections.pushops.securemail.tests.integration.namespaces import ROOT, entered

SIZES, CHANGED = (20, 1_000, 10_000), 50
#: A loop is measured until so many addresses or seconds are over.
MOST_ADDRESSES, MOST_SECONDS = 50, 3.0
PATHS = "/usr/sbin:/sbin:/usr/bin:/bin"
OWN_RULES = "table inet filter { chain forward { type filter hook forward priority filter; policy drop; }; }"
_RULE = ["-p", "tcp", "--dport", "443", "-m", "conntrack", "--ctstate", "NEW,ESTABLISHED", "-j", "ACCEPT"]


@dataclass
class Cost:
    """What one side takes.

    :param travelled: elements and rules that are written.
    :param measured: addresses for which it was measured, of those that the other fields are for.
    """

    seconds: float
    commands: int
    travelled: int
    measured: int
    addresses: int


@dataclass
class Host:
    """Runs programs as an ``AnsibleModule`` does, and counts."""

    commands: int = 0
    travelled: int = 0

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None:
        return shutil.which(arg, path=PATHS)

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]:
        self.commands += 1
        finished = subprocess.run(args, input=options.get("data"), capture_output=True, text=True, check=False)
        if options.get("data"):
            sent = [body for command in json.loads(options["data"])["nftables"] for body in command.values()]
            self.travelled += sum(len(body["element"]["elem"]) for body in sent if "element" in body)
            self.travelled += sum("rule" in body for body in sent)
        return finished.returncode, finished.stdout, finished.stderr


def addresses(first: int, count: int) -> list[str]:
    """Every second address, so that none can be joined with its neighbor."""
    base = ipaddress.ip_address("10.0.0.1")
    return [str(base + 2 * number) for number in range(first, first + count)]


# --- this collection


def converge(listed: list[str], *, changes: bool) -> Cost:
    host, guard = Host(), CommitConfirm()
    opening = Opening("forward", None, (Flow("listener", "", (), tuple(listed), (443,)),), True)
    runner = NftRunner(host)
    began = time.perf_counter()
    flows = Flows(runner, Boot(host, "forward", lambda: runner.program), guard, opening, persist=False)
    outcome = reconcile(flows, check_mode=False)
    seconds = time.perf_counter() - began
    assert outcome.changed is changes
    return Cost(seconds, host.commands, host.travelled, len(listed), len(listed))


def ours(size: int, changed: int) -> list[Cost]:
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    subprocess.run(["nft", OWN_RULES], check=True)
    wanted = addresses(0, size)
    return [
        converge(wanted, changes=True),
        converge(wanted, changes=False),
        converge(addresses(changed, size), changes=True),
    ]


# --- a loop over ansible.builtin.iptables


def iptables(*words: str) -> bool:
    """Whether one command succeeds."""
    return subprocess.run(["iptables-nft", *words], capture_output=True, check=False).returncode == 0


def fill(listed: list[str]) -> None:
    """A chain with these rules, made at once; not measured."""
    rules = [f"-A FORWARD -d {address}/32 {' '.join(_RULE)}" for address in listed]
    text = "\n".join(["*filter", ":FORWARD DROP [0:0]", *rules, "COMMIT", ""])
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    subprocess.run(["iptables-nft-restore"], input=text, text=True, check=True, capture_output=True)


def item(address: str, verb: str) -> bool:
    """One item of the loop: whether the rule was there before."""
    rule = ["FORWARD", "-d", address, *_RULE]
    assert iptables("--version")
    present = iptables("-t", "filter", "-C", *rule)
    if present is (verb == "-D"):
        assert iptables("-t", "filter", verb, *rule)
    return present


def loop(listed: list[str], verb: str, *, present: bool) -> Cost:
    """Items until the time is over; the rest by address."""
    began, done = time.perf_counter(), 0
    for address in listed[:MOST_ADDRESSES]:
        assert item(address, verb) is present
        done += 1
        if time.perf_counter() - began > MOST_SECONDS:
            break
    seconds = (time.perf_counter() - began) / done * len(listed)
    writes = present is (verb == "-D")
    return Cost(seconds, len(listed) * (3 if writes else 2), len(listed) if writes else 0, done, len(listed))


def theirs(size: int, changed: int) -> list[Cost]:
    wanted = addresses(0, size)
    fill(wanted[: size // 2])  # what an item of the first run finds on average
    first = loop([*wanted[size // 2 :], *addresses(size, size // 2)], "-A", present=False)
    fill(wanted)
    same = loop(wanted, "-A", present=True)
    kept = loop(wanted[changed:], "-A", present=True) if wanted[changed:] else Cost(0, 0, 0, 0, 0)
    come = loop(addresses(size, changed), "-A", present=False)
    gone = loop(wanted[:changed], "-D", present=True)
    parts = (kept, come, gone)
    moved = Cost(
        sum(part.seconds for part in parts),
        sum(part.commands for part in parts),
        sum(part.travelled for part in parts),
        sum(part.measured for part in parts),
        sum(part.addresses for part in parts),
    )
    return [first, same, moved]


def inside() -> None:
    """Both sides, in the namespace that this process runs in."""
    print("One Linux gateway, one flow: seconds, commands on the host, and how many rules and elements are written")
    print("    ~: reckoned from the addresses that are measured")
    print(f"    {'addresses':>9} {'':<12} {'one plan':>26} {'loop over iptables':>30} {'measured':>9} {'ratio':>7}")
    for size in SIZES:
        changed = min(CHANGED, size)
        names = ("first run", "no change", f"{changed} changed")
        for name, one, other in zip(names, ours(size, changed), theirs(size, changed), strict=True):
            mine = f"{one.seconds:>8.2f} s {one.commands:>7} {one.travelled:>8}"
            about = "~" if other.measured < other.addresses else ""
            loops = f"{about + format(other.seconds, '.2f'):>10} s {other.commands:>8} {other.travelled:>8}"
            row = f"    {size:>9,} {name:<12} {mine} {loops} {other.measured:>9}"
            print(f"{row} {other.seconds / one.seconds:>7.1f}", flush=True)


def main() -> None:
    if not all(shutil.which(program, path=PATHS) for program in ("nft", "iptables-nft", "unshare")):
        sys.exit("tests/bench/firewall.py needs the packages nftables and iptables")
    with entered() as namespaces:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}  # nsenter starts at /
        subprocess.run(namespaces.words(sys.executable, __file__, "inside"), check=True, env=environment)


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    else:
        main()
