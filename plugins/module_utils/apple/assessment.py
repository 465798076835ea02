# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first stage of a rotation: what the certificate in service is, and which version is to serve in the end. Pure."""

from __future__ import annotations

from ..core.errors import UnexpectedState
from . import limit, renewal_policy
from .certificates import Certificate
from .course import Wish
from .renewal_policy import Decision, Subject, assess
from .state import State
from .versions import Answer, Version


class Assessment:
    """What follows from a state.

    :ivar target: the version that is in service in the end.
    :ivar decision: about the certificate that is in service now.
    :ivar answers: what may be the target's signed certificate.
    :ivar held_back: a further certificate was begun and is not needed yet.
    :raises Refused: Apple would refuse a further certificate, and one is needed.
    :raises UnexpectedState: something that no step may touch.
    """

    def __init__(self, state: State, wish: Wish) -> None:
        self._state = state
        self._wish = wish
        self._newest = self._judge(state.newest.certificate, state.newest.key_sha256) if state.newest else None
        self.target = self._choose_target()
        self.decision = self._decide()
        self.answers = self._find_answers()
        self.held_back = self._is_held_back()
        if self.held_back:
            self.target = Version(state.current or 0)

    def _judge(self, certificate: Certificate | None, key_sha256: str = "", successor: str = "") -> Decision:
        wish = self._wish
        return assess(Subject(certificate, wish.bundle_id, wish.now, wish.renew_before, key_sha256, successor))

    def _choose_target(self) -> Version:
        """The newest version while it is unfinished or serves well; else the next one."""
        newest, decision = self._state.newest, self._newest
        following = Version(max((*self._state.numbers, self._state.journal.highest)) + 1)
        if newest is None or decision is None:
            return following
        if decision.reason == renewal_policy.NOT_YET_VALID:
            raise UnexpectedState(
                f"The certificate of version {newest.name} was accepted before and now is not valid yet. "
                f"{decision.sentence}",
                "Correct the clock of this machine",
            )
        in_service = self._state.current == newest.number
        if decision.reason in (renewal_policy.MISSING, renewal_policy.VALID) and not (
            in_service and self._is_refused()
        ):
            return newest
        return following

    def _is_refused(self) -> bool:
        """Whether APNs refuses the certificate in service. One that is not in service yet is stopped, not replaced."""
        proof = self._state.proofs.get(self._state.current or 0)
        return proof is not None and proof.refused

    def _decide(self) -> Decision:
        state, newest = self._state, self._state.newest
        if state.serving is None or newest is None:
            return Decision(renewal_policy.MISSING, "No certificate is in service")
        if state.current == newest.number:
            decision = self._judge(state.serving, newest.key_sha256)
        else:
            successor = newest.name if newest.certificate and self.target is newest else ""
            decision = self._judge(state.serving, successor=successor)
        if decision.serves and self._is_refused():
            proof = state.proofs[state.current or 0]
            return Decision(proof.reason, proof.sentence)
        if decision.serves and (state.record is None or state.record.region != self._wish.region):
            return Decision(renewal_policy.NOT_UPLOADED, f"It is not uploaded for {self._wish.region}")
        return decision

    def _find_answers(self) -> tuple[Answer, ...]:
        if self.target is not self._state.newest or self.target.certificate is not None:
            return ()
        return (*self._state.handed_out.certificates, *((self.target.signed,) if self.target.signed else ()))

    def _is_held_back(self) -> bool:
        if self.target.certificate is not None or self.answers:
            return False
        if self.decision.reason == renewal_policy.VALID:
            return True
        found = limit.live(self._state, self._wish)
        if len(found) >= limit.MOST_LIVE:
            raise limit.refusal(found, self._state)
        return False
