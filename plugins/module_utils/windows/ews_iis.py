# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange's EWS in IIS: how much the front end reads ahead, and whom the back end calls without a proxy."""

from __future__ import annotations

import datetime
import time
import typing as t
from dataclasses import dataclass

from ..core.errors import PushOpsError, Refused, UnexpectedState
from ..core.reconcile import Change, Outcome, Plan, Resource
from . import proxy_bypass
from .appcmd import APPHOST, PROGRAM, AppCmd, set_config
from .cmdline import Expanded
from .ews_iis_spec import Desired
from .files import copy_aside, read_text
from .proxy_bypass import DefaultProxy
from .runner import Runner

SERVER_RUNTIME = "system.webServer/serverRuntime"
READ_AHEAD = "uploadReadAheadSize"
#: Microsoft's value where client certificates are on ("Configure certificate based authentication in Exchange 2016"),
#: and IIS's own default; Exchange ships 0.
LEAST_READ_AHEAD = 49152
#: Above this Microsoft advises against it on a site that takes requests without a client certificate.
LARGE_READ_AHEAD = 65536
CERTIFICATE_FLAGS = frozenset({"SslNegotiateCert", "SslRequireCert"})
APPHOST_FILE = Expanded(r"%windir%\system32\inetsrv\config\applicationHost.config")


@dataclass(frozen=True)
class EwsState:
    """The effective settings of one host.

    :param default_proxy: what .NET reads in the back end's own web.config; ``None``: no section there.
    :param listed_bypass: what appcmd lists for the back end, from every file that it merges.
    """

    read_ahead: int
    read_ahead_locked: bool
    ssl_flags: frozenset[str]
    front_end_file: str
    default_proxy: DefaultProxy | None
    default_proxy_locked: bool
    listed_bypass: tuple[str, ...]
    back_end_file: str


@dataclass(frozen=True)
class Write:
    """How one change is made: the file that it goes to, and the appcmd lines."""

    section: str
    commit_path: str
    file: str
    lines: tuple[str, ...]


class EwsIis(Resource[EwsState]):
    """The settings of one Exchange host.

    :param now: the time that names the copies of changed files.
    """

    def __init__(
        self,
        runner: Runner,
        desired: Desired,
        host: str,
        now: t.Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
        wait: t.Callable[[float], object] = time.sleep,
    ) -> None:
        self.header = f"{host}: {desired.front_end} and {desired.back_end}"
        self.backups: list[str] = []
        self._runner = runner
        self._appcmd = AppCmd(runner, wait)
        self._desired = desired
        self._now = now

    def read(self) -> EwsState:
        front_end, back_end = self._desired.front_end, self._desired.back_end
        front_end_file = self._appcmd.physical_path(front_end) + r"\web.config"
        runtime = self._appcmd.section(front_end, SERVER_RUNTIME)
        access = self._appcmd.section(front_end, "system.webServer/security/access")
        back_end_file = self._appcmd.physical_path(back_end) + r"\web.config"
        listed = self._appcmd.section(back_end, proxy_bypass.SECTION)
        flags = access.attributes.get("sslFlags", "").replace(",", " ").split()
        return EwsState(
            read_ahead=_number(runtime.attributes.get(READ_AHEAD, str(LEAST_READ_AHEAD)), front_end),
            read_ahead_locked=runtime.locked,
            ssl_flags=frozenset(flags),
            front_end_file=front_end_file,
            default_proxy=proxy_bypass.parse_web_config(read_text(self._runner, back_end_file), back_end_file),
            default_proxy_locked=listed.locked,
            listed_bypass=tuple(
                entry.get("address", "") for entry in listed.collections.get(proxy_bypass.BYPASS_LIST, ())
            ),
            back_end_file=back_end_file,
        )

    def target(self, present: EwsState) -> tuple[int, DefaultProxy | None]:
        """Read-ahead in bytes and the proxy section that are asked for, given what is there. Pure."""
        desired = self._desired
        size = desired.read_ahead
        if desired.absent:
            change = proxy_bypass.without_bypass
        else:
            change = proxy_bypass.with_bypass
            if not desired.client_certificate_auth:
                size = None
            elif size is None:
                size = max(present.read_ahead, LEAST_READ_AHEAD)
        proxy = present.default_proxy
        if desired.patterns:
            proxy = change(proxy, desired.patterns, desired.proxy)
        return present.read_ahead if size is None else size, proxy

    def plan(self, present: EwsState) -> Plan:
        read_ahead, proxy = self.target(present)
        changes = []
        if self._desired.patterns and not self._desired.absent:
            proxy_bypass.check_decides(present.default_proxy)
        if proxy != present.default_proxy:
            if present.default_proxy_locked:
                raise UnexpectedState(
                    f"{proxy_bypass.SECTION} is locked at {self._desired.back_end}, and .NET reads it nowhere else",
                    f'Unlock it: {PROGRAM} unlock config "{self._desired.back_end}" /section:{proxy_bypass.SECTION}',
                )
            changes.append(self._proxy_change(present, proxy))
        if read_ahead != present.read_ahead:
            changes.append(self._read_ahead_change(present, read_ahead))
        return Plan(tuple(changes))

    def _proxy_change(self, present: EwsState, target: DefaultProxy | None) -> Change:
        path, before = self._desired.back_end, present.default_proxy
        write = Write(proxy_bypass.SECTION, path, present.back_end_file, proxy_bypass.write_lines(path, before, target))
        return Change(
            f"{proxy_bypass.SECTION} of {path}",
            before.shown() if before else None,
            target.shown() if target else None,
            write,
            link="proxy-bypass",
        )

    def _read_ahead_change(self, present: EwsState, target: int) -> Change:
        path, locked = self._desired.front_end, present.read_ahead_locked
        write = Write(
            SERVER_RUNTIME,
            APPHOST if locked else path,
            APPHOST_FILE if locked else present.front_end_file,
            (set_config(path, SERVER_RUNTIME, {READ_AHEAD: str(target)}, apphost=locked),),
        )
        return Change(f"{READ_AHEAD} of {path}", present.read_ahead, target, write, link="read-ahead")

    def apply(self, plan: Plan) -> None:
        writes: list[tuple[str, Write]] = [(change.name, change.action) for change in plan.changes]
        now = self._now()
        for file in dict.fromkeys(write.file for _name, write in writes):
            self.backups.append(str(copy_aside(self._runner, file, now)))
        for number, (name, write) in enumerate(writes):
            try:
                for line in write.lines:
                    self._appcmd.write(line, name)
            except PushOpsError as problem:
                if number == 0:
                    raise
                written = ", ".join(name for name, _write in writes[:number])
                raise Refused(f"{problem.what}. Written before it: {written}", problem.remedy) from None

    def warnings(self, state: EwsState) -> list[str]:
        """What is not wrong enough to fail, in sentences."""
        said = []
        read_ahead, _bypass = self.target(state)
        asks = bool(state.ssl_flags & CERTIFICATE_FLAGS)
        if read_ahead > LARGE_READ_AHEAD and not asks:
            said.append(
                f"{READ_AHEAD} is {read_ahead} on {self._desired.front_end}, which asks for no client certificate:"
                f" more than {LARGE_READ_AHEAD} bytes let anonymous clients fill the host's memory."
            )
        if asks and not self._desired.client_certificate_auth and not self._desired.absent:
            said.append(
                f"{self._desired.front_end} asks for client certificates, but client_certificate_auth is false:"
                f" {READ_AHEAD} stays {state.read_ahead}, and larger requests may be refused with HTTP 413."
            )
        own = state.default_proxy.bypass if state.default_proxy else ()
        said += [
            f"The bypass list of {self._desired.back_end} holds '{address}', which is no regular expression:"
            " .NET refuses the whole section for it."
            for address in proxy_bypass.invalid_entries(own)
        ]
        said += [
            f"appcmd lists '{address}' for {self._desired.back_end}, but it does not stand in {state.back_end_file},"
            " where .NET looks."
            for address in state.listed_bypass
            if address not in own
        ]
        return said

    def describe(self, outcome: Outcome[EwsState]) -> dict[str, t.Any]:
        """The module's own return values; ``after`` is what would be, in check mode."""
        after_size, after_proxy = self.target(outcome.after)
        writes: list[Write] = [change.action for change in outcome.plan.changes]
        return {
            "upload_read_ahead_size": {"before": outcome.before.read_ahead, "after": after_size},
            "proxy_bypass": {"before": _bypass(outcome.before.default_proxy), "after": _bypass(after_proxy)},
            "commit_paths": {write.section: write.commit_path for write in writes},
            "backups": self.backups,
            "warnings": self.warnings(outcome.after),
        }


def _bypass(proxy: DefaultProxy | None) -> list[str]:
    return list(proxy.bypass) if proxy else []


def _number(text: str, path: str) -> int:
    if not text.isdecimal():
        raise UnexpectedState(f"{READ_AHEAD} of {path} reads {text!r}, expected a number", "Correct it on the host")
    return int(text)
