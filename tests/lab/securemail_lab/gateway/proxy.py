# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web proxy: a real Squid that lets a few sites through and answers 403 for every listener."""

from __future__ import annotations

import hashlib
import os
import pathlib
import string

from ..lab import Lab
from ..state import write_atomically

# Names are matched as asked (dstdomain -n): an address that resolves backwards to an allowed name is not that name.
_TEMPLATE = string.Template("""\
# The company's web proxy. It knows nothing of push: what is not on the list is denied.
http_port $address:$port
visible_hostname $name
acl sites dstdomain -n .example.com
acl tls_port port 443 $https
acl CONNECT method CONNECT
http_access deny CONNECT !tls_port
http_access allow sites
http_access deny all

hosts_file $folder/hosts
dns_timeout 1 seconds
connect_timeout 2 seconds
cache deny all
cache_mem 8 MB
memory_cache_shared off
pinger_enable off
netdb_filename none
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pid_filename $folder/squid.pid
cache_log $folder/cache.log
access_log stdio:$folder/access.log
coredump_dir $folder
""")


def path(lab: Lab) -> pathlib.Path:
    """The proxy's configuration file."""
    return lab.state("proxy") / "squid.conf"


def seed(lab: Lab) -> None:
    """Write the configuration of a proxy that denies the listeners, unless one is there."""
    hosts = path(lab).with_name("hosts")
    if not hosts.exists():
        write_atomically(hosts, b"127.0.0.1 localhost\n")
    if not path(lab).exists():
        text = _TEMPLATE.substitute(
            address=lab.address("proxy"),
            port=lab.port("proxy"),
            name=lab.name("proxy"),
            https=lab.port("https"),
            folder=path(lab).parent,
        )
        write_atomically(path(lab), text.encode())


def command(lab: Lab) -> list[str]:
    """The words that run Squid in the foreground, as somebody who is not root: Squid refuses that."""
    # The service name keeps its shared memory apart from that of any other Squid on the machine.
    service = "lab" + hashlib.sha256(str(path(lab)).encode()).hexdigest()[:8]
    return [*_as_nobody_special(), "squid", "-N", "-n", service, "-f", str(path(lab))]


def _as_nobody_special() -> list[str]:
    if os.geteuid() != 0:
        return []
    if _only_root_exists():
        return ["unshare", "--user", "--map-user=13", "--map-group=13", "setpriv", "--pdeathsig", "KILL"]
    # The lab's folder is its owner's alone, so the other user needs the right to pass.
    capability = ["--inh-caps", "-all,+dac_override", "--ambient-caps", "-all,+dac_override"]
    return ["setpriv", "--reuid", "13", "--regid", "13", "--clear-groups", *capability, "--pdeathsig", "KILL"]


def _only_root_exists() -> bool:
    """Whether this is a user namespace that an ordinary user made: it maps one id."""
    maps = pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return maps[2:] == ["1"]
