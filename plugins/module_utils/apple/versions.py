# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One numbered version of the store, and what came back through the gates for it, as plain values."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .certificates import Certificate
from .keys import Bundle


def version_name(number: int) -> str:
    """``0001`` for 1: how folders and people name a version."""
    return f"{number:04d}"


@dataclass(frozen=True)
class Answer:
    """A file that came back through a gate."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Record:
    """The evidence of one upload.

    :param sha256: of the certificate that was uploaded.
    :param recorded_at: ISO 8601.
    :param uploaded_by: who did it: a name, or the site command.
    """

    customer_id: str
    region: str
    sha256: str
    recorded_at: str
    uploaded_by: str


@dataclass(frozen=True)
class Version:
    """One numbered version of the store; parts that are not made yet are empty.

    :param signed: what the signing command made and nobody has taken in yet.
    """

    number: int
    key_sha256: str = ""
    request: bytes | None = field(default=None, repr=False)
    certificate: Certificate | None = None
    bundle: Bundle | None = None
    bundle_bytes: bytes | None = field(default=None, repr=False)
    record: Record | None = None
    signed: Answer | None = None

    @property
    def name(self) -> str:
        return version_name(self.number)


def worked_on(numbers: t.Sequence[int], current: int | None, is_valid: t.Callable[[int], bool]) -> int | None:
    """The version that a run goes on with: the newest, unless an older one that follows is issued and valid.

    A clock that was wrong for a while may have begun a version that nobody needs.

    :param numbers: of the versions that exist, in rising order.
    :param is_valid: whether a version has a certificate that is to serve.
    """
    following = [number for number in reversed(numbers) if number > (current or 0)]
    return next((number for number in following if is_valid(number)), numbers[-1] if numbers else None)
