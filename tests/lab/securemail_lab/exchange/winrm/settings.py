# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM service's settings and injected faults, from ``winrm.json``, and the count of what went over the wire."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ...state import JsonFile, write_atomically
from ..machine import Machine


@dataclasses.dataclass(frozen=True)
class Settings:
    """Read anew for every request. Quotas are the documented defaults of WinRS (MS-WSMV, WinrsType).

    ``basic``, ``certificate``, ``credssp``: whether these are offered at all; Kerberos and NTLM always are.
    ``certificate_mappings``: which client certificate is whose (``accounts.Accounts.of_certificate``).
    ``allow_unencrypted``: whether plain HTTP may carry a message that is not encrypted (Windows ships false).
    ``idle_timeout`` is in seconds. ``down``: connections are dropped unanswered. ``schedule``: see ``faults``.
    """

    basic: bool = True
    certificate: bool = False
    credssp: bool = False
    certificate_mappings: t.Sequence[t.Mapping[str, str]] = ()
    allow_unencrypted: bool = False
    max_shells_per_user: int = 30
    max_processes_per_shell: int = 25
    max_operations_per_user: int = 1500
    idle_timeout: float = 180.0
    down: bool = False
    schedule: t.Sequence[t.Mapping[str, t.Any]] = ()


_OWN = ("basic", "certificate", "credssp", "certificate_mappings", "allow_unencrypted")


def read_settings(machine: Machine) -> Settings:
    """What ``Settings`` names, with ``"quotas": {...}`` and ``"faults": {"down", "quota", "schedule"}``, each optional.

    Quotas bear the names above; the fault ``quota`` is a number of operations, after which a user gets no more.
    """
    document = JsonFile(machine.state / "winrm.json").read()
    faults = document.get("faults", {})
    chosen = {name: document[name] for name in _OWN if name in document}
    chosen |= document.get("quotas", {})
    if "quota" in faults:
        chosen["max_operations_per_user"] = faults["quota"]
    return Settings(**chosen, down=bool(faults.get("down")), schedule=faults.get("schedule", ()))


#: What a request is counted as that only signs in: answered 401, or without a message.
SIGNING_IN = "Authentication"
#: And one whose message cannot be read or may not come so.
UNREADABLE = "Unreadable"


def count_request(machine: Machine, kind: str, size: int) -> None:
    """Add one request and its body's bytes to ``winrm-wire.jsonl``: one line, gone when deleted.

    ``{"requests", "bytes", "by_action": {kind: {"requests", "bytes"}}}``; the kind is the last word of the action, such
    as ``Receive``, or one of the two above.
    """
    path = machine.state / "winrm-wire.jsonl"
    totals = JsonFile(path, {"requests": 0, "bytes": 0, "by_action": {}}).read()
    for counter in (totals, totals["by_action"].setdefault(kind, {"requests": 0, "bytes": 0})):
        counter["requests"] += 1
        counter["bytes"] += size
    write_atomically(path, json.dumps(totals).encode("ascii") + b"\n")
