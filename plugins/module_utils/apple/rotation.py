# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of one bundle id as a resource: read, planned, and taken through both gates step by step."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from dataclasses import dataclass

from ..core import files
from ..core.errors import Refused, UnexpectedState
from ..core.reconcile import Plan, Resource
from . import gates, handoff, key_store, keys
from .answers import accept_certificate, check_customer, form_is_for, parse_portal_output
from .certificates import Certificate
from .chart import chart
from .course import Course, Step, Wish
from .handoff import HandOff
from .key_store import KeyStore
from .lock import account
from .proof import NO_VERDICT, Proof, insist
from .prover import Prover
from .renewal_policy import Subject, assess
from .state import Answer, HandedOut, Record, State, Version


@dataclass(frozen=True)
class Means:
    """What the steps are done with.

    :param secrets: taken out of whatever a site command says.
    :param timeout: seconds that a site command may take.
    """

    email: str
    common_name: str
    signing_command: tuple[str, ...]
    portal_command: tuple[str, ...]
    pkcs12_passphrase: str
    secrets: tuple[str, ...]
    timeout: int

    def __repr__(self) -> str:
        return "Means(...)"


class Rotation(Resource[State]):
    """One bundle id's certificate, its versions and its hand-off."""

    def __init__(self, store: KeyStore, hand_off: HandOff, wish: Wish, means: Means, prover: Prover) -> None:
        self.store = store
        self._hand_off = hand_off
        self.wish = wish
        self._means = means
        self._prover = prover
        self.header = f"APNs certificate of {wish.bundle_id}"

    def close(self) -> None:
        self.store.close()

    def read(self) -> State:
        numbers, current = self.store.numbers(), self.store.current()
        newest = self.store.version(numbers[-1]) if numbers else None
        serving = self.store.certificate(current) if current is not None else None
        if current is not None and serving is None:
            raise UnexpectedState(
                f"{self.store.folder(current)} is in service but holds no {key_store.CERTIFICATE}",
                "Restore it from a backup",
            )
        handed_out = self._hand_off.read(newest.number) if newest else HandedOut()
        record = self.store.record(current) if current is not None else None
        proofs = self._proofs(newest, current, serving)
        return State(newest, current, serving, record.region if record else "", handed_out, proofs, self.store.lax())

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
        return assess(self._subject(certificate, key_sha256)).serves

    def _insist(self, number: int, again: bool = False) -> None:
        insist(self._prover.prove(number, again), self.store.folder(number).name, self.wish.proof_required)

    def plan(self, present: State) -> Plan:
        return self.course(present).plan

    def course(self, present: State) -> Course:
        """The plan together with where it leads; as pure as the plan."""
        return chart(present, self.wish)

    def apply(self, plan: Plan) -> None:
        """Do the steps under the lock, which stays until ``close``.

        :raises Refused: another run holds the lock, or a gate's command did not do its part.
        """
        self.store.open()
        if self.plan(self.read()) != plan:
            raise Refused("Another run changed these certificates meanwhile", "Run again")
        for change in plan.changes:
            step: Step = change.action
            deed: t.Callable[[Step], None] = getattr(self, step.what)
            deed(step)

    def tighten(self, step: Step) -> None:
        path, mode = step.value
        files.set_mode(path, mode)

    def make_key(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        files.write_new(folder / key_store.KEY, self.store.encrypted_key())

    def make_request(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        request = keys.new_request(self.store.key(step.number), self._means.email, self._means.common_name)
        files.write_new(folder / key_store.REQUEST, request)

    def sign(self, step: Step) -> None:
        """Let the site's command sign. Its answer is kept before it is judged, so that no request is answered twice."""
        folder = self.store.begin(step.number)
        part, signed = folder / key_store.SIGNED_PART, folder / key_store.SIGNED
        if not self._is_acceptable(step.number, files.read(part)):
            files.remove(part)
            values = {
                "csr": str(folder / key_store.REQUEST),
                "certificate": str(part),
                "bundle_id": self.wish.bundle_id,
            }
            argv = gates.words(self._means.signing_command, values)
            gates.run(gates.SIGNING, argv, self._means.timeout, self._means.secrets)
        content = files.read(part)
        if not content:
            raise Refused(
                "The signing command ended well but wrote no certificate",
                "Let it write the certificate to the path that {certificate} stands for",
            )
        files.replace(signed, content)
        files.remove(part)
        self._take(step.number, accept_certificate((Answer(str(signed), content),), self._judged_by(step.number)))

    def _judged_by(self, number: int) -> t.Callable[[Certificate], Subject]:
        key_sha256 = self.store.key_sha256(number)
        return lambda signed: self._subject(signed, key_sha256)

    def _subject(self, certificate: Certificate, key_sha256: str = "") -> Subject:
        wish = self.wish
        return Subject(certificate, wish.bundle_id, wish.now, wish.renew_before, key_sha256)

    def _is_acceptable(self, number: int, content: bytes | None) -> bool:
        """Whether a run that was cut short had its answer already."""
        if content is None:
            return False
        try:
            accept_certificate((Answer("", content),), self._judged_by(number))
        except Refused:
            return False
        return True

    def take_certificate(self, step: Step) -> None:
        self.store.begin(step.number)
        self._take(step.number, step.value)

    def _take(self, number: int, certificate: Certificate) -> None:
        folder = self.store.folder(number)
        files.write_new(folder / key_store.CERTIFICATE, certificate.pem)

    def make_bundle(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        content = keys.new_bundle(
            self.store.key(step.number),
            self._certificate(step.number),
            self.wish.bundle_id,
            self.wish.encryption,
            self._means.pkcs12_passphrase,
        )
        files.replace(folder / key_store.BUNDLE, content)

    def _certificate(self, number: int) -> Certificate:
        certificate = self.store.certificate(number)
        if certificate is None:
            raise UnexpectedState(f"{self.store.folder(number)} lost its certificate during the run", "Run again")
        return certificate

    def upload(self, step: Step) -> None:
        """Let the site's command upload what APNs accepts. The password goes to its standard input."""
        self._insist(step.number)
        values = {
            "pkcs12": str(self.store.folder(step.number) / key_store.BUNDLE),
            "bundle_id": self.wish.bundle_id,
            "region": self.wish.region,
        }
        means = self._means
        argv = gates.words(means.portal_command, values)
        output = gates.run(gates.PORTAL, argv, means.timeout, means.secrets, means.pkcs12_passphrase)
        check_customer(parse_portal_output(output), self.wish.customer_id)
        self._record(step.number, f"portal command, run by {account()}")

    def record(self, step: Step) -> None:
        self._record(step.number, step.value or f"not named, taken in by {account()}")

    def _record(self, number: int, uploaded_by: str) -> None:
        wish = self.wish
        sha256 = self._certificate(number).sha256
        record = Record(wish.customer_id, wish.region, sha256, wish.now.isoformat(), uploaded_by)
        content = json.dumps(dataclasses.asdict(record), indent=2) + "\n"
        files.replace(self.store.begin(number) / key_store.RECORD, content.encode())
        self._insist(number, again=True)

    def put_in_service(self, step: Step) -> None:
        self.store.put_in_service(step.number)

    def hand_out_request(self, step: Step) -> None:
        request = files.read(self.store.folder(step.number) / key_store.REQUEST) or b""
        self._hand_off.put(step.number, {handoff.REQUEST: request, **step.value})

    def hand_out_bundle(self, step: Step) -> None:
        self._insist(step.number)
        wish, sha256 = self.wish, self._certificate(step.number).sha256
        bundle = files.read(self.store.folder(step.number) / key_store.BUNDLE) or b""
        version = self.store.folder(step.number).name
        text = handoff.portal_text(wish.bundle_id, version, wish.region, wish.customer_id, sha256, step.value)
        contents = {handoff.BUNDLE: bundle, handoff.PORTAL_TEXT: text}
        form = self._hand_off.read(step.number).portal
        if form is None or not form_is_for(form, sha256, wish.region):
            contents[handoff.PORTAL_ANSWER] = handoff.portal_form(sha256, wish.region)
        self._hand_off.put(step.number, contents)

    def clear(self, step: Step) -> None:
        self._hand_off.clear(step.number)
