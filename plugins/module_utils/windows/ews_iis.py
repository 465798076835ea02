# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange's EWS in IIS: how much the front end reads ahead, and whom the back end calls without a proxy."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.reconcile import Change, Outcome, Plan, Resource, expect_converged
from . import appcmd, proxy_bypass
from .backups import Backups
from .ews_iis_spec import Desired
from .ews_iis_state import DEFAULT_READ_AHEAD, READ_AHEAD, SERVER_RUNTIME, SSL_FLAGS, EwsState, read_state
from .ews_iis_warnings import warnings
from .health import Expected, HealthGate
from .place import APPHOST, Place, place_at, relative, whole
from .proxy_bypass import DefaultProxy
from .runner import Runner
from .ssl_flags import asks_for_certificate
from .way_back import WayBack

#: Microsoft's value where client certificates are on ("Configure certificate based authentication in Exchange 2016"),
#: and IIS's own default; Exchange ships 0.
LEAST_READ_AHEAD = DEFAULT_READ_AHEAD


@dataclass(frozen=True)
class Write:
    """How one change is made: the place and the file that it goes to, and the appcmd lines."""

    section: str
    place: Place
    file: str
    lines: tuple[str, ...]


class EwsIis(Resource[EwsState]):
    """The settings of one Exchange host.

    :param backups: keeps copies of the changed files; by default five of each.
    :param gate: asks EWS before and after a change; ``None``: nobody asks.
    :param require_healthy: do not begin where EWS does not live.
    """

    def __init__(
        self,
        runner: Runner,
        desired: Desired,
        host: str,
        backups: Backups | None = None,
        gate: HealthGate | None = None,
        require_healthy: bool = True,
        wait: t.Callable[[float], object] = time.sleep,
    ) -> None:
        self.header = f"{host}: {desired.front_end} and {desired.back_end}"
        self._runner = runner
        self._desired = desired
        self._way_back = WayBack(runner, backups or Backups(runner), gate, require=require_healthy)
        self._present: EwsState | None = None
        self._wait = wait

    def read(self) -> EwsState:
        desired = self._desired
        gone = [listener.pattern for listener in desired.listeners] if desired.absent else []
        self._present = read_state(self._runner, desired.front_end, desired.back_end, gone)
        return self._present

    def target(self, present: EwsState) -> tuple[int, DefaultProxy | None]:
        """Read-ahead in bytes and the proxy section that are asked for, given what is there. Pure."""
        return self._target_read_ahead(present), self._target_proxy(present)

    def _target_read_ahead(self, present: EwsState) -> int:
        if self._desired.read_ahead is not None:
            return self._desired.read_ahead
        if self._desired.absent or not asks_for_certificate(present.ssl_flags):
            return present.read_ahead
        return max(present.read_ahead, LEAST_READ_AHEAD)

    def _target_proxy(self, present: EwsState) -> DefaultProxy | None:
        desired, own = self._desired, present.default_proxy
        if not desired.listeners:
            return own
        if desired.absent:
            gone = {listener.pattern for listener in desired.listeners}
            if desired.prune and own:
                gone |= set(proxy_bypass.stale_entries(own.bypass, desired.listeners))
            return proxy_bypass.without_bypass(own, gone, present.former_proxy)
        acting = present.acting_proxy
        target = proxy_bypass.with_bypass(acting, desired.listeners, desired.proxy, prune=desired.prune)
        return own if target == acting else target

    def plan(self, present: EwsState) -> Plan:
        read_ahead, proxy = self.target(present)
        path = self._desired.back_end
        if self._desired.listeners and not self._desired.absent:
            proxy_bypass.check_decides(present.acting_proxy)
            proxy_bypass.check_entries(proxy or present.acting_proxy or DefaultProxy({}), path)
        changes = []
        if proxy != present.default_proxy:
            if present.default_proxy_locked:
                raise UnexpectedState(
                    f"{proxy_bypass.SECTION} is locked at {path}, and .NET reads it nowhere else",
                    f'Unlock it: {appcmd.PROGRAM} unlock config "{path}" /section:{proxy_bypass.SECTION}',
                )
            changes.append(self._proxy_change(present, proxy))
        if read_ahead != present.read_ahead:
            changes.append(self._read_ahead_change(present, read_ahead))
        return Plan(tuple(changes))

    def _proxy_change(self, present: EwsState, target: DefaultProxy | None) -> Change:
        path, place = self._desired.back_end, Place(whole(self._desired.back_end))
        lines = proxy_bypass.write_lines(path, present.default_proxy, target)
        acting, where = present.acting_proxy, present.inherited_proxy
        return Change(
            f"{proxy_bypass.SECTION} of {path}",
            {**acting.shown(), "defined_in": where[1] if where else str(place)} if acting else None,
            {**target.shown(), "defined_in": str(place)} if target else None,
            Write(proxy_bypass.SECTION, place, present.back_end_file, lines),
            link="proxy-bypass",
        )

    def _read_ahead_change(self, present: EwsState, target: int) -> Change:
        path, place = self._desired.front_end, self._read_ahead_place(present)
        commit = "" if place == Place(whole(path)) else place.commit
        line = appcmd.set_config(path, SERVER_RUNTIME, {READ_AHEAD: str(target)}, commit=commit)
        return Change(
            f"{READ_AHEAD} of {path}",
            f"{present.read_ahead} ({_where(present.read_ahead_place)})",
            f"{target} ({_where(place)})",
            Write(SERVER_RUNTIME, place, present.read_ahead_file, (line,)),
            link="read-ahead",
        )

    def _read_ahead_place(self, present: EwsState) -> Place:
        """Where the value stands for this very path, or else the nearest place that wins over where it stands."""
        path, place = self._desired.front_end, present.read_ahead_place
        if place is not None and place_at([place], path):
            return place
        return Place(APPHOST, path) if present.read_ahead_locked else Place(whole(path))

    def apply(self, plan: Plan) -> None:
        writes: list[tuple[str, Write]] = [(change.name, change.action) for change in plan.changes]
        before, after = self._expected()
        with self._way_back.around((write.file for _name, write in writes), before, lambda: after) as progress:
            for name, write in writes:
                for line in write.lines:
                    appcmd.write(self._runner, line, name, self._wait)
                    progress.made.append(name)
            expect_converged(self.plan(self.read()))  # while there is a way back

    def _expected(self) -> tuple[Expected, Expected]:
        """What IIS makes of the gate's requests, as things stand and as they will."""
        present = self._present or self.read()
        sizes = present.read_ahead, self.target(present)[0]
        before, after = (Expected.of(present.ssl_flags, size) for size in sizes)
        return before, after

    def foresee(self) -> None:
        """Whether EWS is in a state in which it may be changed."""
        self._way_back.foresee(self._expected()[0])

    def describe(self, outcome: Outcome[EwsState]) -> dict[str, t.Any]:
        """The module's own return values; ``after`` is what was read again, or would be, in check mode."""
        before, after = outcome.before, outcome.after
        size, proxy = self.target(after)
        writes: dict[str, Write] = {change.action.section: change.action for change in outcome.plan.changes}
        proxy_file = _proxy_file(after)
        if after is before and proxy_bypass.SECTION in writes:
            proxy_file = str(after.back_end_file) if proxy else None
        else:
            proxy = after.acting_proxy
        size_place = writes[SERVER_RUNTIME].place if SERVER_RUNTIME in writes else after.read_ahead_place
        return {
            "upload_read_ahead_size": {"before": before.read_ahead, "after": size},
            "ssl_flags": after.ssl_flags,
            "proxy_bypass": {"before": _bypass(before.acting_proxy), "after": _bypass(proxy)},
            "defined_in": {
                READ_AHEAD: {"before": _shown(before.read_ahead_place), "after": _shown(size_place)},
                SSL_FLAGS: {"before": _shown(before.ssl_flags_place), "after": _shown(after.ssl_flags_place)},
                "defaultProxy": {"before": _proxy_file(before), "after": proxy_file},
            },
            "commit_paths": {section: relative(write.place.commit_path) for section, write in writes.items()},
            "backups": [str(backup.path) for backup in self._way_back.backups],
            "recycled": self._way_back.recycled,
            "warnings": [*warnings(self._desired, after, size), *self._way_back.warnings],
        }


def _where(place: Place | None) -> str:
    return str(place) if place else "the schema's default"


def _shown(place: Place | None) -> dict[str, str] | None:
    return place.shown() if place else None


def _proxy_file(state: EwsState) -> str | None:
    """The file in which .NET finds its section."""
    if state.default_proxy is not None:
        return str(state.back_end_file)
    return str(state.inherited_proxy[1]) if state.inherited_proxy else None


def _bypass(proxy: DefaultProxy | None) -> list[str]:
    return list(proxy.bypass) if proxy else []
