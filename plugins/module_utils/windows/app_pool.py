# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application pool of EWS: a new worker process, and nothing for any other pool."""

from __future__ import annotations

from .appcmd import PROGRAM, failure
from .cmdline import command_line
from .runner import Runner

#: The pool of both EWS applications.
POOL = "MSExchangeServicesAppPool"
#: The line that prints its state, ``Started`` or ``Stopped``.
STATE_LINE = command_line(PROGRAM, "list", "apppool", POOL, "/text:state")


def revive(runner: Runner) -> None:
    """Recycle the pool; where Windows has stopped it (rapid-fail protection after crashes), start it.

    :raises PushOpsError: appcmd refused, or the host did not answer.
    """
    state = runner.run(STATE_LINE)
    verb = "start" if state.stdout.strip() == "Stopped" else "recycle"
    result = runner.run(command_line(PROGRAM, verb, "apppool", f"/apppool.name:{POOL}"), writes=True)
    if result.rc != 0:
        raise failure(f"{POOL} did not {verb}", result)
