# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The company's resolver: a real dnsmasq that knows the lab's names and asks nobody else.

Programs of the lab find their ways by the hosts file; this is who an operator asks whether names still lead where
firewalls think they do. Option names: dnsmasq(8).
"""

from __future__ import annotations

import pathlib
import string

from ..lab import Lab
from ..state import write_atomically

HOST = "dns"

_TEMPLATE = string.Template("""\
# The company's resolver. Names are read from the folder below, again whenever a file in it changes.
no-resolv
no-hosts
hostsdir=$folder/hosts
local=/com/
local=/net/
bind-interfaces
listen-address=$address
port=$port
""")


def path(lab: Lab) -> pathlib.Path:
    """The resolver's configuration file."""
    return lab.state(HOST) / "dnsmasq.conf"


def hosts(lab: Lab) -> pathlib.Path:
    """The file with the names, in the form of hosts(5)."""
    return lab.state(HOST) / "hosts" / "lab"


def seed(lab: Lab) -> None:
    """Write configuration and names where there are none yet."""
    if not hosts(lab).exists():
        lines = [
            f"{address} {' '.join(names)}" for names, addresses in lab.directory_of_names() for address in addresses
        ]
        write_atomically(hosts(lab), "\n".join([*lines, ""]).encode())
    if not path(lab).exists():
        text = _TEMPLATE.substitute(folder=path(lab).parent, address=lab.address(HOST), port=lab.port("dns"))
        write_atomically(path(lab), text.encode())


def command(lab: Lab) -> list[str]:
    """The words that run dnsmasq in the foreground, as whoever runs the lab, with its log on standard error."""
    return ["dnsmasq", "--no-daemon", f"--conf-file={path(lab)}"]
