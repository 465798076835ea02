# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four steps of every module: read, plan, apply, read again and compare.

A plan is a value. ``changed``, the diff and check mode all come from it, and a resource is
converged when planning over what was read after the write yields no change.
"""

from __future__ import annotations

import typing as t
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from .errors import NotConverged, Stale

StateT = t.TypeVar("StateT")


@dataclass(frozen=True)
class Change:
    """One difference between what is and what is asked.

    :param name: what differs, in the product's own words.
    :param before: the present value, fit to be shown (never a secret); ``None`` where there is none.
    :param after: the desired value, fit to be shown; ``None`` where it goes away.
    :param action: what ``apply`` needs to make the change; never shown.
    :param link: the link of the push path that is broken while this change is outstanding (an id of
        ``core.path.LINKS``); empty where the change mends none.
    """

    name: str
    before: t.Any
    after: t.Any
    action: t.Any = field(default=None, compare=False, repr=False)
    link: str = ""

    def shown(self) -> dict[str, t.Any]:
        """The change as it stands in a module's result."""
        return {"name": self.name, "before": self.before, "after": self.after, "link": self.link}


@dataclass(frozen=True)
class Plan:
    """All changes of one resource, in the order in which they are applied."""

    changes: tuple[Change, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    def diff(self, header: str = "") -> dict[str, t.Any]:
        """The plan in the shape that ``ansible-playbook --diff`` prints."""
        shown: dict[str, t.Any] = {
            "before": {change.name: change.before for change in self.changes},
            "after": {change.name: change.after for change in self.changes},
        }
        if header:
            shown["before_header"] = shown["after_header"] = header
        return shown


class Resource(ABC, t.Generic[StateT]):
    """One thing on one system that can be read, planned and written."""

    #: What the diff is headed with, e.g. ``exch01: Default Web Site/EWS``.
    header: str = ""

    @abstractmethod
    def read(self) -> StateT:
        """Return the present state. Changes nothing."""

    @abstractmethod
    def plan(self, present: StateT) -> Plan:
        """Return what must change. Pure: no I/O, no clock, no randomness."""

    @abstractmethod
    def apply(self, plan: Plan) -> None:
        """Make the changes of a non-empty plan.

        :raises Stale: the state is no longer the one that was read, and nothing was written.
        """

    def foresee(self) -> None:
        """In check mode, in place of applying: ask what applying would ask, and keep it as a warning."""

    def close(self) -> None:
        """End what ``read`` began, a session for example. Called in every case, and raises nothing."""


@dataclass(frozen=True)
class Outcome(t.Generic[StateT]):
    """What one reconciliation did.

    ``after`` equals ``before`` in check mode: nothing was written, so nothing new was read.
    """

    before: StateT
    after: StateT
    plan: Plan
    header: str = ""

    @property
    def changed(self) -> bool:
        return self.plan.changed

    def result(self) -> dict[str, t.Any]:
        """``changed``, ``changes`` and ``diff`` as every module returns them."""
        return {
            "changed": self.changed,
            "changes": [change.shown() for change in self.plan.changes],
            "diff": self.plan.diff(self.header),
        }


def reconcile(resource: Resource[StateT], check_mode: bool) -> Outcome[StateT]:
    """Bring a resource to its desired state, or only say what that would take.

    :raises Stale: somebody else changed the state between the read and the write, twice in a row.
    :raises NotConverged: when the re-read still differs from what was asked; names both values.
    """
    before = resource.read()
    plan = resource.plan(before)
    if check_mode and plan.changed:
        resource.foresee()
    if check_mode or not plan.changed:
        return Outcome(before, before, plan, resource.header)
    try:
        resource.apply(plan)
    except Stale:
        before = resource.read()
        plan = resource.plan(before)
        if plan.changed:
            resource.apply(plan)
    after = resource.read()
    expect_converged(resource.plan(after))
    return Outcome(before, after, plan, resource.header)


def expect_converged(remaining: Plan) -> None:
    """Judge a plan that was made over what was read after the write.

    :raises NotConverged: something still differs; names both values.
    """
    if remaining.changed:
        differences = "; ".join(
            f"{change.name} reads {change.before!r}, asked was {change.after!r}" for change in remaining.changes
        )
        raise NotConverged(
            f"The write was accepted but did not take effect: {differences}",
            "Look for a place that wins over the one written to, or for something that writes it back",
        )
