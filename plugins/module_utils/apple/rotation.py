# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of one bundle id as a resource: read, planned, and taken through both gates step by step."""

from __future__ import annotations

from ..core.errors import Stale, UnexpectedState
from ..core.reconcile import Plan, Resource
from . import key_store, ledger
from .certificates import Certificate
from .chart import chart
from .consumer import IN_USE, Observer, Use, first_seen, judge
from .course import Course, Wish
from .handoff import HandOff
from .key_store import KeyStore
from .proof import NO_VERDICT, Proof
from .prover import Prover
from .renewal_policy import VALID, Decision, Subject, assess
from .state import HandedOut, State
from .steps import Means, Steps
from .versions import Version, worked_on


class Rotation(Resource[State]):
    """One bundle id's certificate, its versions and its hand-off."""

    def __init__(
        self, store: KeyStore, hand_off: HandOff, wish: Wish, means: Means, prover: Prover, observer: Observer
    ) -> None:
        self.store = store
        self._hand_off = hand_off
        self.wish = wish
        self._prover = prover
        self._observer = observer
        self._steps = Steps(store, hand_off, wish, means, prover)
        self.header = f"APNs certificate of {wish.bundle_id}"

    def close(self) -> None:
        self.store.close()

    def read(self) -> State:
        numbers, current = self.store.numbers(), self.store.current()
        certificates = self.store.certificates(numbers)
        number = worked_on(numbers, current, lambda one: self._is_valid(certificates.get(one)))
        newest = self.store.version(number) if number else None
        serving = self.store.certificate(current) if current is not None else None
        if current is not None and serving is None:
            raise UnexpectedState(
                f"{self.store.folder(current)} is in service but holds no {key_store.CERTIFICATE}",
                "Restore it from a backup",
            )
        return State(
            newest=newest,
            current=current,
            serving=serving,
            record=self.store.record(current) if current is not None else None,
            handed_out=self._hand_off.read(newest.number) if newest else HandedOut(),
            proofs=self._proofs(newest, current, serving),
            journal=self.store.journal(),
            certificates=certificates,
            numbers=numbers,
            sighting=self._observer.look(),
            lax=self.store.lax(),
        )

    def _proofs(self, newest: Version | None, current: int | None, serving: Certificate | None) -> dict[int, Proof]:
        """What APNs says of the newest version and of the one in service.

        One that the policy rules out already is not shown to it. An older one that cannot sign in from here holds up
        nobody: its successor is under way.
        """
        asked: dict[int, Proof | None] = {}
        if newest and newest.certificate and self._may_serve(newest.certificate, newest.key_sha256):
            asked[newest.number] = self._prover.prove(newest.number)
        if current and serving and newest and current != newest.number and self._may_serve(serving):
            try:
                asked[current] = self._prover.prove(current)
            except UnexpectedState as problem:
                asked[current] = Proof(NO_VERDICT, str(problem))
        return {number: proof for number, proof in asked.items() if proof is not None}

    def _may_serve(self, certificate: Certificate, key_sha256: str = "") -> bool:
        return self._assess(certificate, key_sha256).serves

    def _is_valid(self, certificate: Certificate | None) -> bool:
        return self._assess(certificate).reason == VALID

    def _assess(self, certificate: Certificate | None, key_sha256: str = "") -> Decision:
        wish = self.wish
        return assess(Subject(certificate, wish.bundle_id, wish.now, wish.renew_before, key_sha256))

    def plan(self, present: State) -> Plan:
        return self.course(present).plan

    def course(self, present: State) -> Course:
        """The plan together with where it leads; as pure as the plan."""
        return chart(present, self.wish)

    def use(self, present: State) -> Use | None:
        """Whether the certificate in service is in use; ``None`` where none is in service."""
        if present.current is None or present.serving is None:
            return None
        known = {certificate.sha256: number for number, certificate in present.certificates.items()}
        now = self.wish.now.isoformat()
        return judge(present.current, present.serving.sha256, present.sighting, present.journal, known, now)

    def note_use(self, present: State) -> None:
        """Note in the journal that the version in service is in use, when it is seen for the first time.

        This counts as no change, as nothing was changed but what is known of the consumer.
        """
        use = self.use(present)
        if use and use.status == IN_USE and not first_seen(present.current or 0, use.sha256, present.journal):
            self._steps.note_seen(present.current or 0, use.sha256)

    def contradictions(self, present: State) -> list[str]:
        """What the journal says otherwise than the artifacts, a sentence each."""
        return [note.contradiction for note in ledger.notes(present) if note.contradiction]

    def apply(self, plan: Plan) -> None:
        """Do the steps under the lock, which stays until ``close``.

        :raises Refused: another run holds the lock, or a gate's command did not do its part.
        :raises Stale: another run changed something between the read and the lock.
        """
        self.store.open()
        if self.plan(self.read()) != plan:
            raise Stale("Another run changed these certificates meanwhile", "Run again")
        for change in plan.changes:
            self._steps.do(change.action)
