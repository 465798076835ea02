# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Application pools as they run: how often each got a new worker process, and which of them are stopped.

``apppools.json`` counts the processes; ``apppools-stopped.json`` lists the pools that somebody, or rapid-fail
protection, has stopped. HTTP.sys answers 503 for a stopped pool (Microsoft, "HTTP Error 503. The service is
unavailable" and application pools).
"""

from __future__ import annotations

import typing as t

from ..state import JsonFile
from .machine import Machine

STARTED, STOPPED = "Started", "Stopped"
#: The pool of both EWS applications.
EWS_POOL = "MSExchangeServicesAppPool"


def restart(machine: Machine, pools: t.Iterable[str]) -> None:
    """A new worker process for each pool: what was in memory is gone."""
    with _counters(machine).edit() as counters:
        for pool in pools:
            counters[pool] = counters.get(pool, 0) + 1


def processes(machine: Machine, pool: str) -> int:
    """How many worker processes were started in place of another."""
    return int(_counters(machine).read().get(pool, 0))


def state_of(machine: Machine, pool: str) -> str:
    """``Started`` or ``Stopped``."""
    return STOPPED if pool in _stopped(machine).read() else STARTED


def change_state(machine: Machine, pool: str, state: str) -> None:
    """Stop a pool, or start it, which makes a new worker process."""
    with _stopped(machine).edit() as stopped:
        if state == STOPPED:
            stopped.append(pool)
        else:
            stopped.remove(pool)
    if state == STARTED:
        restart(machine, [pool])


def _counters(machine: Machine) -> JsonFile:
    return JsonFile(machine.state / "apppools.json")


def _stopped(machine: Machine) -> JsonFile:
    return JsonFile(machine.state / "apppools-stopped.json", default=[])
