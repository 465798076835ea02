# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Whether an EWS application can serve a request: its site and pool run, IIS reads its files, ASP.NET starts it.

The last can be made to fail with ``ews-start.json``: an application that does not start with any web.config but the
present one, as one does whose assembly is missing or whose schema extension is broken. ::

    {"Exchange Back End/EWS": {"file": "C:\\...\\web.config", "sha256": "...", "recovers": "restore", "process": 0}}

``recovers`` says what mends it: ``restore`` (the bytes of before), ``recycle`` (a worker process after ``process``),
or ``never`` (once the file was seen with other bytes).
"""

from __future__ import annotations

import hashlib

from aiohttp import web

from ...state import JsonFile
from ..iis import Iis, IisError
from ..machine import Machine
from ..pools import EWS_POOL, STOPPED, processes, state_of
from .pages import bad_configuration, error_page

RECOVERIES = ("restore", "recycle", "never")


def unable_to_serve(machine: Machine, application: str) -> web.Response | None:
    """The answer to every request of an application that cannot serve; none where it can."""
    try:
        iis = Iis(machine)
        if not all(site.started for site in iis.sites() if site.name == application.partition("/")[0]):
            return error_page(404, "Not Found")  # HTTP.sys knows nobody who wants the request
        if state_of(machine, EWS_POOL) == STOPPED:
            return error_page(503, "Service Unavailable")
        iis.check(application)
    except IisError:
        return bad_configuration()
    if _fails_to_start(machine, application):
        return error_page(500, "500 - Internal server error.")
    return None


def fail_after_next_change(machine: Machine, application: str, file: str, recovers: str) -> None:
    """From the next change of the file on, the application does not start."""
    if recovers not in RECOVERIES:
        raise ValueError(recovers)
    with _faults(machine).edit() as faults:
        faults[application] = {
            "file": file,
            "sha256": _digest(machine, file),
            "recovers": recovers,
            "process": processes(machine, EWS_POOL),
        }


def _fails_to_start(machine: Machine, application: str) -> bool:
    fault = _faults(machine).read().get(application)
    if fault is None:
        return False
    if fault.get("struck"):
        return True
    if _digest(machine, fault["file"]) == fault["sha256"]:
        return False
    if fault["recovers"] == "recycle":
        return processes(machine, EWS_POOL) == fault["process"]
    if fault["recovers"] == "never":
        with _faults(machine).edit() as faults:
            faults[application]["struck"] = True
    return True


def _digest(machine: Machine, file: str) -> str:
    return hashlib.sha256(machine.path(file).read_bytes()).hexdigest()


def _faults(machine: Machine) -> JsonFile:
    return JsonFile(machine.state / "ews-start.json")
