# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many addresses in a Windows host's firewall cost on the wire: this collection, and a general module.

Counted as in ``wire.py``. The general module keeps all addresses in one rule, and sends the same whether something
differs or not, because all of its work is done on the host. This collection reads first, and sends the rules of a flow
only where one of them differs; then they travel whole, because netsh has no way to add one address to a rule.
"""

from __future__ import annotations

import ipaddress
import pathlib
import tempfile
import typing as t

from ansible_collections.pushops.securemail.tests.bench.wire import Peers, Wire, powershell
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.exchange_host import ExchangeHost
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Task
from securemail_lab.exchange.commands import programs

SIZES, CHANGED = (20, 1_000, 10_000), 50
NONE: Task = {"name": "None", "pushops.securemail.push_firewall_windows": {"state": "absent"}}


def addresses(first: int, count: int) -> list[str]:
    """Every second address, so that none can be joined with its neighbor."""
    base = ipaddress.ip_address("10.0.0.1")
    return [str(base + 2 * number) for number in range(first, first + count)]


def native(listed: list[str]) -> Task:
    flow = {"name": "listener", "destinations": listed, "ports": [443]}
    return {"name": "Rule", "pushops.securemail.push_firewall_windows": {"flows": [flow]}}


def general(listed: list[str]) -> Task:
    rule = {"name": "Push listener", "direction": "out", "action": "allow", "protocol": "tcp", "remoteport": "443"}
    return {"name": "Rule", "community.windows.win_firewall_rule": {**rule, "remoteip": ",".join(listed)}}


def main() -> None:
    programs.PROGRAMS["powershell.exe"] = powershell
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        host, ansible, peers = ExchangeHost.create(folder / "lab"), Ansible(folder / "ansible"), Peers(folder)
        wire = Wire(host)

        def ours(listed: list[str], changes: bool) -> None:
            run = ansible.play(host.inventory(), native(listed))
            assert run.status == 0 and run.result().changed is changes, run.output

        print("One Exchange host, one flow: what a run sends over WinRM (NTLM's legs apart)")
        heads = ("this collection", "win_firewall_rule", "ratio in")
        print(f"    {'addresses':>9} {'':<10} {heads[0]:>22} {heads[1]:>22} {heads[2]:>9}")
        print(f"    {'':>9} {'':<10} {'requests':>12} {'kB sent':>9} {'requests':>12} {'kB sent':>9} {'bytes':>9}")
        with running_lab.serving(host.lab, "exchange", host.name):
            for size in SIZES:
                first, later = addresses(0, size), addresses(min(CHANGED, size), size)
                ansible.play(host.inventory(), NONE)
                moved = f"{min(CHANGED, size)} changed"
                runs = (("first run", first, True), ("no change", first, False), (moved, later, True))
                for what, listed, changes in runs:
                    one = wire.cost(lambda listed=listed, changes=changes: ours(listed, changes))
                    other = wire.cost(lambda listed=listed: peers.play(host, general(listed)))
                    print(row(size, what, one, other), flush=True)


def row(size: int, what: str, one: t.Mapping[str, int], other: t.Mapping[str, int]) -> str:
    counts = [f"{side['requests']:>12} {side['bytes'] / 1000:>9.1f}" for side in (one, other)]
    return f"    {size:>9,} {what:<10} {' '.join(counts)} {other['bytes'] / one['bytes']:>9.1f}"


if __name__ == "__main__":
    main()
