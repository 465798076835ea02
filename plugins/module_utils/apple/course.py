# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a rotation: what is asked for, one step, a gate that waits, and where the steps lead."""

from __future__ import annotations

import datetime
import pathlib
import typing as t
from dataclasses import dataclass

from ..core.reconcile import Plan
from .renewal_policy import Decision
from .versions import Version

AWAITING_SIGNATURE, AWAITING_UPLOAD, IN_SERVICE = "awaiting-signature", "awaiting-upload", "in-service"


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    :param signed_by_command: the signing gate has a site command; without one, a person acts.
    :param handoff: where the hand-off folder of a version is.
    :param revoked: serial numbers of certificates that are revoked at Apple, lower-case hex.
    :param observed: a site command says which certificate the consumer uses.
    :param proof_required: where a proof is asked for, a version that APNs says nothing about goes no further.
    """

    bundle_id: str
    region: str
    customer_id: str
    now: datetime.datetime
    renew_before: datetime.timedelta
    encryption: str
    signed_by_command: bool
    uploaded_by_command: bool
    handoff: t.Callable[[int], pathlib.Path]
    proof_required: bool
    revoked: frozenset[str] = frozenset()
    observed: bool = False


@dataclass(frozen=True)
class Step:
    """One thing to do, and the version to do it for.

    :param what: name of the method of ``Rotation`` that does it.
    :param value: what the step was planned with.
    """

    what: str
    number: int = 0
    value: t.Any = None


@dataclass(frozen=True)
class Gate:
    """A gate that waits for a person.

    :param needed_by: ISO 8601; when the certificate in service ends, empty where none serves now.
    """

    name: str
    version: str
    waiting_for: str
    put_answer: str
    instructions: str
    needed_by: str


@dataclass(frozen=True)
class Course:
    """Where the steps lead.

    :param target: the version that is in service in the end.
    :param decision: about the certificate that is in service now.
    """

    plan: Plan
    stage: str
    target: Version
    decision: Decision
    gate: Gate | None = None
