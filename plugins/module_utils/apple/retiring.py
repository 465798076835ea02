# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows once a version is in service: those before it are retired. Pure.

That stands in the journal alone. A retired version keeps its folder and its key.
"""

from __future__ import annotations

import typing as t

from ..core.reconcile import Change
from .course import Step, Wish
from .journal import RETIRED
from .renewal_policy import Decision, Subject, assess
from .state import State
from .versions import Version, version_name


def changes_after_the_switch(state: State, wish: Wish, target: Version) -> t.Iterator[Change]:
    """Which versions are to be retired.

    Where somebody looks at the consumer, a version that could still serve is retired once its successor is seen in use.
    """
    sha256 = target.certificate.sha256 if target.certificate else ""
    in_use = state.current == target.number and state.sighting is not None and state.sighting.sha256 == sha256 != ""
    for number in (number for number in state.numbers if number < target.number):
        if state.journal.last(number, RETIRED) is None:
            decision = _judge(state, wish, number, target.name)
            if in_use or not decision.serves or not wish.observed:
                name, step = f"{version_name(number)} retired", Step("retire", number, decision.reason)
                yield Change(name, None, decision.reason, step)


def _judge(state: State, wish: Wish, number: int, successor: str) -> Decision:
    proof = state.proofs.get(number)
    if proof is not None and proof.refused:
        return Decision(proof.reason, proof.sentence)
    certificate = state.certificates.get(number)
    return assess(Subject(certificate, wish.bundle_id, wish.now, wish.renew_before, successor=successor))
