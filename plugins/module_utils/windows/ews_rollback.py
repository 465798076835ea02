# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chosen copy of Exchange's EWS configuration files put back: read, judged, restored, read again."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from ..core.errors import Refused, UnexpectedState
from ..core.reconcile import Change, Outcome, Plan, Resource
from . import proxy_bypass
from .appcmd_reads import NoSuchApplication, ask, folder, section
from .backups import Backup, Backups
from .cmdline import Expanded, command_line
from .ews_iis_state import ACCESS, APPHOST_FILE, DEFAULT_READ_AHEAD, READ_AHEAD, SERVER_RUNTIME, SSL_FLAGS
from .ews_rollback_spec import LATEST
from .files import is_there, printed, type_line
from .health import Expected, HealthGate
from .markup import parse
from .runner import Runner
from .way_back import WayBack

#: Where Exchange's setup puts the front end and the back end of EWS.
USUAL_FOLDERS = tuple(
    Expanded(rf"%ExchangeInstallPath%{each}") for each in (r"FrontEnd\HttpProxy\EWS", r"ClientAccess\exchweb\EWS")
)
#: Headers in which Exchange's setup writes the name of the host into its web.config.
HOST_HEADERS = ("X-FEServer", "X-BEServer")
_LONGEST_NETBIOS_NAME = 15


@dataclass(frozen=True)
class File:
    """One configuration file.

    :param content: as it is; ``None``: it is not there. Not read where the file stays.
    :param copies: what can be put back, oldest first.
    :param chosen: the copy that is to be put back, with its content; ``None``: this file stays.
    """

    path: str
    content: str | None
    copies: tuple[Backup, ...]
    chosen: tuple[Backup, str] | None = None


@dataclass(frozen=True)
class RollbackState:
    host: str
    files: tuple[File, ...]


class EwsRollback(Resource[RollbackState]):
    """The copies of one Exchange host.

    :param backup: a time stamp, ``latest`` (the newest copy that a change made), or empty to list alone.
    """

    def __init__(
        self,
        runner: Runner,
        backup: str,
        front_end: str,
        back_end: str,
        host: str,
        backups: Backups,
        gate: HealthGate | None = None,
    ) -> None:
        self.header = f"{host}: {front_end} and {back_end}"
        self._runner = runner
        self._backup = backup
        self._applications = (front_end, back_end)
        self._copies = backups
        self._guessed = ""
        self._way_back = WayBack(runner, backups, gate, require=False, rollback=True)

    def read(self) -> RollbackState:
        paths = (*(Expanded(rf"{each}\web.config") for each in self._folders()), APPHOST_FILE)
        found = {path: self._copies.of(path) for path in paths}
        stamp = _chosen(self._backup, [copy for copies in found.values() for copy in copies], self._guessed)
        files = []
        for path, copies in found.items():
            copy = next((each for each in copies if each.stamp == stamp), None)
            chosen = (copy, self._read(copy.path)) if copy else None
            files.append(File(path, self._present(path) if copy else "", copies, chosen))
        return RollbackState(self._host_name() if stamp else "", tuple(files))

    def _folders(self) -> t.Sequence[str]:
        """The folders of both applications; setup's own where IIS cannot read what names them."""
        try:
            return ask(self._runner, *(folder(application) for application in self._applications))
        except NoSuchApplication:
            raise
        except (UnexpectedState, Refused) as problem:
            self._guessed = (
                f"{problem.what}. Copies were looked for where Exchange's setup puts EWS: {', '.join(USUAL_FOLDERS)}"
            )
            return USUAL_FOLDERS

    def _present(self, path: str) -> str | None:
        result = self._runner.run(type_line(path))
        return printed(path, result) if result.rc == 0 or is_there(self._runner, path) else None

    def _read(self, path: str) -> str:
        return printed(path, self._runner.run(type_line(path)))

    def _host_name(self) -> str:
        return self._runner.run(command_line("hostname")).stdout.strip()

    def plan(self, present: RollbackState) -> Plan:
        changes = []
        for file in present.files:
            if file.chosen is None:
                continue
            copy, content = file.chosen
            root = parse(content, copy.path)
            _check_host(root, copy.path, present.host)
            if content != file.content:
                changes.append(Change(str(file.path), _present_shown(file.content), _shown(root), copy))
        return Plan(tuple(changes))

    def apply(self, plan: Plan) -> None:
        copies: list[Backup] = [change.action for change in plan.changes]
        before = self._expected()
        # What the restored files make of the gate's requests is read from IIS once they are there.
        with self._way_back.around((copy.file for copy in copies), before, self._expected, copies) as progress:
            for copy in copies:
                progress.made.append(str(copy.file))  # a copy that fails halfway leaves half a file
                self._copies.restore(copy)

    def _expected(self) -> Expected:
        """What IIS makes of requests now; where it cannot read its own files, nothing is known beforehand."""
        front_end = self._applications[0]
        try:
            access, runtime = ask(self._runner, section(front_end, ACCESS), section(front_end, SERVER_RUNTIME))
        except (UnexpectedState, Refused):
            return Expected()
        size = runtime.attributes.get(READ_AHEAD, "")
        flags = access.attributes.get(SSL_FLAGS, "")
        return Expected.of(flags, int(size) if size.isdecimal() else DEFAULT_READ_AHEAD)

    def foresee(self) -> None:
        """Whether EWS lives."""
        self._way_back.foresee(self._expected())

    def describe(self, outcome: Outcome[RollbackState]) -> dict[str, t.Any]:
        """The module's own return values."""
        copies = [copy for file in outcome.after.files for copy in file.copies]
        apphost = any(change.name == APPHOST_FILE for change in outcome.plan.changes)
        return {
            "available": [
                {
                    "backup": stamp,
                    "made_by": "rollback" if any(each.rollback for each in copies if each.stamp == stamp) else "change",
                    "files": [str(each.file) for each in copies if each.stamp == stamp],
                }
                for stamp in sorted({each.stamp for each in copies}, reverse=True)
            ],
            "restored": [str(change.action.path) for change in outcome.plan.changes],
            "backups": [str(each.path) for each in self._way_back.backups if not each.absent],
            "recycled": self._way_back.recycled,
            "warnings": self._way_back.warnings
            + ([f"{self._guessed}."] if self._guessed else [])
            + ([f"{APPHOST_FILE} holds the settings of every site of the host, not of EWS alone."] if apphost else []),
        }


def _chosen(backup: str, copies: t.Sequence[Backup], note: str) -> str:
    """The time stamp to put back; empty where nothing was chosen.

    :param note: what to know of the search, for the message.
    :raises Refused: there is no such copy; names those that are there.
    """
    if not backup:
        return ""
    stamps = sorted({copy.stamp for copy in copies if backup != LATEST or not copy.rollback})
    if not stamps or backup not in (LATEST, *stamps):
        known = ", ".join(sorted({copy.stamp for copy in copies})) or "none"
        noted = f". {note}" if note else ""
        raise Refused(
            f"There is no backup {backup}; there are: {known}{noted}", "Choose one of those, or leave backup out"
        )
    return stamps[-1] if backup == LATEST else backup


def _check_host(root: ET.Element, source: str, host: str) -> None:
    for header in root.iterfind("system.webServer/httpProtocol/customHeaders/add"):
        if header.get("name") not in HOST_HEADERS:
            continue
        name = header.get("value", "").lower()
        if name not in (host.lower(), host[:_LONGEST_NETBIOS_NAME].lower()):
            raise UnexpectedState(
                f"{source} belongs to another host: {header.get('name')} is {header.get('value')}, this is {host}",
                "Choose a copy that was made on this host: web.config holds settings of its own on each",
            )


def _present_shown(content: str | None) -> dict[str, t.Any]:
    """A present file may be what the rollback is to mend."""
    if content is None:
        return {"absent": True}
    try:
        return _shown(parse(content, ""))
    except UnexpectedState:
        return {"malformed": True}


def _shown(root: ET.Element) -> dict[str, t.Any]:
    """What this project sets in a file. The whole of it is not shown: a web.config may hold secrets."""
    runtime = root.find(SERVER_RUNTIME)
    proxy = proxy_bypass.parse_web_config(ET.tostring(root, "unicode"), "")
    return {
        READ_AHEAD: runtime.get(READ_AHEAD) if runtime is not None else None,
        proxy_bypass.SECTION: proxy.shown() if proxy else None,
    }
