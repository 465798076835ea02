# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows through a Linux host's packet filter: running, and loaded again at boot."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import Refused, Stale
from ..core.reconcile import Plan, Resource
from . import boot_plan, nft_plan
from .boot import Boot, BootState, Step
from .commit_confirm import CommitConfirm, snapshot
from .nft_commands import joined
from .nft_model import Json, Ruleset, parse
from .nft_plan import Opening
from .nft_rules import set_owner
from .nft_runner import NftRunner


@dataclass(frozen=True)
class Filter:
    """A host's packet filter as it runs, and what of ours is loaded at boot."""

    ruleset: Ruleset
    boot: BootState


class Flows(Resource[Filter]):
    """The flows of one :class:`Opening` on one host.

    :param persist: whether they are loaded at boot, too; otherwise what was loaded there is removed.
    :param guard: where a revert is armed before a change that is not confirmed within ``seconds``; 0 arms nothing.
    """

    def __init__(
        self,
        runner: NftRunner,
        boot: Boot,
        guard: CommitConfirm,
        opening: Opening,
        *,
        persist: bool = True,
        seconds: int = 0,
    ) -> None:
        self._runner, self._boot, self._guard = runner, boot, guard
        self._opening, self._persist, self._seconds = opening, persist, seconds
        self._read: Filter | None = None
        self.token = ""
        self.header = f"nftables, hook {opening.hook}"

    def read(self) -> Filter:
        ruleset = parse(self._runner.list_ruleset(lambda name: set_owner(name) is not None))
        self._read = Filter(ruleset, self._boot.read())
        return self._read

    def plan(self, present: Filter) -> Plan:
        """While a change waits to be confirmed, what is loaded at boot stays as it was."""
        changes = nft_plan.plan(present.ruleset, self._opening).changes
        if self.token:
            return Plan(changes)
        wanted = boot_plan.wanted(present.ruleset, self._opening) if self._persist else []
        return Plan((*changes, *boot_plan.changes(self._opening.hook, present.boot, wanted)))

    def apply(self, plan: Plan) -> None:
        commands = joined(
            command for change in plan.changes if not isinstance(change.action, Step) for command in change.action
        )
        if commands:
            self._transact(commands)
        if not self.token:
            self._boot.apply([change.action for change in plan.changes if isinstance(change.action, Step)])

    def _transact(self, commands: list[Json]) -> None:
        if self._seconds and self._read:
            record = snapshot(self._read.ruleset, self._opening.hook, self._runner.program)
            self.token = self._guard.arm(record, self._seconds)
        try:
            self._runner.transact(commands)
        except (Stale, Refused):  # nothing was changed, so there is nothing to take back
            if self.token:
                self._guard.confirm(self.token)
                self.token = ""
            raise

    def opened(self, present: Filter) -> list[str]:
        """The base chains in which the flows are opened; none where nothing drops them or nothing is asked."""
        if not self._opening.present:
            return []
        return [str(chain) for chain in nft_plan.targets(present.ruleset, self._opening)]

    def undone(self, before: Filter) -> bool:
        """Whether rules that are loaded at boot were gone: somebody loaded the rule set anew without them."""
        ours = (set_owner(name[2]) for name in before.ruleset.sets)
        return bool(before.boot.commands) and not any(found and found[0] == self._opening.hook for found in ours)
