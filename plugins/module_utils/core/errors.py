# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed errors. Each says what was wrong and what to do; none carries a secret."""

from __future__ import annotations

import typing as t


class PushOpsError(Exception):
    """An error that an operator can act on.

    :param what: one sentence: what was expected, what was asked, what came back.
    :param remedy: one sentence: what to do now.
    :param link: the link of the push path that is broken for certain while this stands (an id of ``core.path.LINKS``).
    """

    def __init__(self, what: str, remedy: str, link: str = "") -> None:
        super().__init__(f"{what.rstrip('.')}. {remedy.rstrip('.')}.")
        self.what = what
        self.remedy = remedy
        self.link = link

    def result(self) -> dict[str, t.Any]:
        """The error as it stands in a module's result."""
        return {"msg": str(self), "remedy": self.remedy, **({"link": self.link} if self.link else {})}


class InvalidInput(PushOpsError):
    """A declared value that cannot be right; found before anything connects."""

    def __init__(self, field: str, value: object, expected: str, remedy: str) -> None:
        super().__init__(f"{field} is {value!r}, expected {expected}", remedy)
        self.field = field
        self.value = value


class Unreachable(PushOpsError):
    """A system that did not answer, or answered as another kind of system would."""


class Refused(PushOpsError):
    """A system that answered and said no."""


class Stale(PushOpsError):
    """A state that somebody else changed between the read and the write; nothing was written."""


class UnexpectedState(PushOpsError):
    """A present state that must not be changed automatically: unreadable, ambiguous or foreign."""


class NotConverged(PushOpsError):
    """A re-read after a write that still differs from what was asked."""
