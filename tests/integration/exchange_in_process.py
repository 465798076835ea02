# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""exchange_ews_iis over the lab's cmd.exe and appcmd without a network between: for many cases in little time."""

from __future__ import annotations

import pathlib
import typing as t
from dataclasses import dataclass, field

from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome, reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows import batch
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis import EwsIis
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import parse_desired
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult
from ansible_collections.pushops.securemail.tests.integration.exchange_host import BACK, FRONT
from securemail_lab.exchange import shell
from securemail_lab.exchange.iis.seed import seed
from securemail_lab.exchange.machine import Machine

LISTENER = "eu-west-1.mailboxlistener.xm.citrix.com"
OURS = r"^https://eu-west-1\.mailboxlistener\.xm\.citrix\.com(:443)?$"


@dataclass
class Cmd:
    """The lab's cmd.exe in this very process, behind the module's own seam."""

    machine: Machine
    commands: list[str] = field(default_factory=list)

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        self.commands.append(command_line)
        result = shell.run(self.machine, command_line)
        return CommandResult(result.rc, result.stdout.decode(), result.stderr.decode())

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        return batch.read_all(self.run, lines)


def resource(machine: Machine, **changes: t.Any) -> EwsIis:
    declared: dict[str, t.Any] = {
        "state": "present",
        "upload_read_ahead_size": None,
        "client_certificate_auth": None,
        "proxy_bypass": [],
        "prune": False,
        "proxy": "",
        "front_end": FRONT,
        "back_end": BACK,
    }
    return EwsIis(Cmd(machine), parse_desired(declared | changes), "exch01", wait=lambda _seconds: None)


def fresh(folder: str | pathlib.Path) -> Machine:
    machine = Machine("exch01", pathlib.Path(folder))
    seed(machine, "2019", client_certificates=True)
    return machine


def run(machine: Machine, check: bool = False, **changes: t.Any) -> dict[str, t.Any]:
    """What the module returns."""
    ews = resource(machine, **changes)
    outcome: Outcome[t.Any] = reconcile(ews, check)
    return outcome.result() | ews.describe(outcome)


def replace(machine: Machine, file: str, old: str, new: str) -> None:
    """Edit a file by hand; ``old`` must stand in it once."""
    content = machine.path(file).read_bytes()
    assert content.count(old.encode()) == 1, (file, old)
    machine.path(file).write_bytes(content.replace(old.encode(), new.encode()))


def files(machine: Machine) -> dict[str, bytes]:
    """Every configuration file, copies aside left out."""
    return {str(path): path.read_bytes() for path in machine.state.rglob("*.config")}
