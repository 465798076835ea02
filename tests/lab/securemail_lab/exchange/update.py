# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cumulative update of Exchange: both web.config files of EWS as shipped, a new build, new worker processes.

That updates replace these files is said by a Microsoft moderator on Q&A, who lists both as files to back up before one.
Builds: Microsoft, "Exchange Server build numbers and release dates".
"""

from __future__ import annotations

import dataclasses

from ..lab import Lab
from ..state import JsonFile
from .ews.version import NAMES, SETUP, product_version
from .iis.seed import write_ews
from .machine import Machine
from .registry import Registry

#: Installed build -> build of the next cumulative update: Exchange 2019 CU11 to CU15, Exchange 2016 CU22 to CU23.
_NEXT = {
    "15.2.986.5": "15.2.1118.7",
    "15.2.1118.7": "15.2.1258.12",
    "15.2.1258.12": "15.2.1544.4",
    "15.2.1544.4": "15.2.1748.10",
    "15.1.2375.7": "15.1.2507.6",
}
_POOL = "MSExchangeServicesAppPool"


def cumulative_update(lab: Lab, host: str) -> str:
    """Install the next one, or the last one again, as an administrator does to repair; the build that then runs."""
    machine = Machine(host, lab.state(host))
    installed = ".".join(map(str, dataclasses.astuple(product_version(machine))))
    build = _NEXT.get(installed, installed)
    write_ews(machine, build)
    registry = Registry(machine)
    for name, number in zip(NAMES, build.split("."), strict=True):
        registry.set(SETUP, name, int(number), "REG_DWORD")
    with JsonFile(machine.state / "apppools.json").edit() as pools:
        pools[_POOL] = pools.get(_POOL, 0) + 1
    return build
