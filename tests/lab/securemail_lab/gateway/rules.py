# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own nftables rule set: a real file, loaded by the real nft into the gateway's namespace."""

from __future__ import annotations

import pathlib
import string
import subprocess

from ..lab import Lab
from ..network import topology
from ..state import write_atomically

_TEMPLATE = string.Template("""\
# The gateway's own rule set. It belongs to the network team and was here before push: everything is dropped
# that is not named. Exchange and the devices have no way out of their own.
flush ruleset

table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "lo" accept
        meta l4proto { icmp, ipv6-icmp } accept
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
        ip saddr $controller tcp dport $https accept comment "controller: Apple and the push portal"
        ip saddr $proxy tcp dport { 80, $https } accept comment "web proxy"
        counter comment "dropped"
    }
}
""")


def path(lab: Lab) -> pathlib.Path:
    """The file that the gateway loads when it starts."""
    return lab.state("gateway") / "nftables.nft"


def seed(lab: Lab) -> None:
    """Write the rule set of a gateway that knows nothing of push, unless one is there."""
    if not path(lab).exists():
        text = _TEMPLATE.substitute(
            controller=lab.address("controller"), proxy=lab.address("proxy"), https=lab.port("https")
        )
        write_atomically(path(lab), text.encode())


def load(lab: Lab) -> None:
    """Load the file into the gateway's namespace, as a host does at boot.

    :raises RuntimeError: with nft's message; the running rule set is as before.
    """
    command = [*topology.inside(topology.GATEWAY), "nft", "-f", str(path(lab))]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise RuntimeError(f"nft refuses {path(lab)}: {finished.stderr.strip()}")
