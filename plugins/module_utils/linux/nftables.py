# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows through a Linux host's packet filter: one listing to read, one transaction to write."""

from __future__ import annotations

import json
import typing as t

from ..core.errors import Refused, UnexpectedState
from ..core.reconcile import Plan, Resource
from . import nft_plan
from .nft_model import Json, Ruleset, parse
from .nft_plan import Opening


class Host(t.Protocol):
    """What the runner needs of an ``AnsibleModule``."""

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None: ...

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]: ...


class NftRunner:
    """The one place that starts ``nft``."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def list_ruleset(self) -> t.Any:
        """The document of ``nft -j list ruleset``.

        :raises Refused: nft is missing, not permitted, or without JSON.
        :raises UnexpectedState: what it printed is not JSON.
        """
        status, output, errors = self._nft("list", "ruleset")
        if status != 0:
            raise Refused(f"nft -j list ruleset ended with status {status}: {_line(errors)}", _remedy(errors))
        try:
            return json.loads(output)
        except ValueError as problem:
            raise UnexpectedState(
                f"nft -j list ruleset printed no JSON ({problem})",
                "Run it by hand on the host; nftables 1.0.6 or later prints JSON",
            ) from None

    def transact(self, commands: list[Json]) -> None:
        """Run commands as one transaction: all of them or none.

        :raises Refused: nft's own message; nothing was changed.
        """
        status, _output, errors = self._nft("-f", "-", data=json.dumps({"nftables": commands}))
        if status != 0:
            raise Refused(f"nft refused the transaction and changed nothing: {_line(errors)}", _remedy(errors))

    def _nft(self, *words: str, data: str | None = None) -> tuple[int, str, str]:
        program = self._host.get_bin_path("nft", opt_dirs=["/usr/sbin", "/sbin"])
        if program is None:
            raise Refused("The host has no nft", "Install the package nftables on the host")
        return self._host.run_command([program, "-j", *words], data=data, environ_update={"LC_ALL": "C"})


def _line(errors: str) -> str:
    return " ".join(errors.split()) or "no message"


def _remedy(errors: str) -> str:
    if "Operation not permitted" in errors or "must be root" in errors:
        return "Run the task as root (become: true)"
    if "Message too long" in errors:
        return "Raise net.core.wmem_max: inside a user namespace it bounds what one transaction may hold"
    if "JSON support not compiled" in errors:
        return "Install a package of nftables that is built with JSON support"
    return "Correct what it names; if the rule set changed between reading and writing, run this again"


class Flows(Resource[Ruleset]):
    """The flows of one :class:`Opening` on one host."""

    def __init__(self, runner: NftRunner, opening: Opening) -> None:
        self._runner = runner
        self._opening = opening
        self.header = f"nftables, hook {opening.hook}"

    def read(self) -> Ruleset:
        return parse(self._runner.list_ruleset())

    def plan(self, present: Ruleset) -> Plan:
        return nft_plan.plan(present, self._opening)

    def apply(self, plan: Plan) -> None:
        self._runner.transact(nft_plan.transaction(plan))

    def opened(self, present: Ruleset) -> list[str]:
        """The base chains in which the flows are opened; none where nothing drops them or nothing is asked."""
        return [str(chain) for chain in nft_plan.targets(present, self._opening)] if self._opening.present else []
