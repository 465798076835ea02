# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a rotation, each durable before it is noted in the journal and before the next one begins."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from dataclasses import dataclass

from ..core import files
from ..core.errors import Refused, UnexpectedState
from . import gates, handoff, journal, key_store, keys
from .answers import accept_certificate, check_customer, form_is_for, parse_portal_output
from .certificates import Certificate, NotACertificate, parse_certificate
from .course import Step, Wish
from .handoff import HandOff
from .key_store import KeyStore
from .ledger import Note, signed_facts, staged_facts, uploaded_facts
from .lock import account
from .proof import insist
from .prover import Prover
from .renewal_policy import Subject
from .versions import Answer, Record


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


class Steps:
    """Does steps under the lock, which its caller holds. Each is a method by the name that ``Step.what`` has."""

    def __init__(self, store: KeyStore, hand_off: HandOff, wish: Wish, means: Means, prover: Prover) -> None:
        self.store = store
        self._hand_off = hand_off
        self.wish = wish
        self._means = means
        self._prover = prover
        self._recorder = journal.Recorder(store.journal_path, wish.now.isoformat())

    def note_seen(self, number: int, sha256: str) -> None:
        """Note that the consumer was seen to use a version. This is no step: nothing of the rotation waits for it."""
        self._recorder.note(number, journal.SEEN, {"sha256": sha256})

    def do(self, step: Step) -> None:
        """
        :raises Refused: a gate's command did not do its part, or something could not be written.
        """
        deed: t.Callable[[Step], None] = getattr(self, step.what)
        deed(step)

    def note(self, step: Step) -> None:
        """Note what an earlier run did without noting it, or what contradicts the journal."""
        note: Note = step.value
        self._recorder.note(note.version, note.step, {**note.facts, "found": note.contradiction or "not noted before"})

    def retire(self, step: Step) -> None:
        """Say that a version serves no more. Its key stays."""
        self._recorder.note(step.number, journal.RETIRED, {"reason": step.value})

    def _insist(self, number: int, again: bool = False) -> None:
        proof = self._prover.prove(number, again)
        insist(proof, self.store.folder(number).name, self.wish.proof_required)
        if proof is not None:
            self._recorder.note(
                number, journal.PROVED, {"sha256": self._certificate(number).sha256, "reason": proof.reason}
            )

    def tighten(self, step: Step) -> None:
        path, mode = step.value
        files.set_mode(path, mode)

    def make_key(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        files.write_new(folder / key_store.KEY, self.store.encrypted_key())
        facts = {"key_sha256": self.store.key_sha256(step.number), "reason": step.value}
        self._recorder.note(step.number, journal.KEY, facts)

    def make_request(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        request = keys.new_request(self.store.key(step.number), self._means.email, self._means.common_name)
        files.write_new(folder / key_store.REQUEST, request)
        self._recorder.note(step.number, journal.REQUEST, {"key_sha256": self.store.key_sha256(step.number)})

    def sign(self, step: Step) -> None:
        """Let the site's command sign. Its answer is kept before it is judged, so that no request is answered twice."""
        folder = self.store.begin(step.number)
        part, signed = folder / key_store.SIGNED_PART, folder / key_store.SIGNED
        if not _is_whole(files.read(part)):
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
        certificate = accept_certificate((Answer(str(signed), content),), self._judged_by(step.number))
        self._take(step.number, certificate, f"signing command, run by {account()}")

    def _judged_by(self, number: int) -> t.Callable[[Certificate], Subject]:
        key_sha256 = self.store.key_sha256(number)
        wish = self.wish
        return lambda signed: Subject(signed, wish.bundle_id, wish.now, wish.renew_before, key_sha256)

    def take_certificate(self, step: Step) -> None:
        self.store.begin(step.number)
        self._take(step.number, step.value, f"an answer at the gate, taken in by {account()}")

    def _take(self, number: int, certificate: Certificate, signed_by: str) -> None:
        files.write_new(self.store.folder(number) / key_store.CERTIFICATE, certificate.pem)
        self._recorder.note(number, journal.SIGNED, {**signed_facts(certificate), "signed_by": signed_by})

    def make_bundle(self, step: Step) -> None:
        folder = self.store.begin(step.number)
        certificate = self._certificate(step.number)
        content = keys.new_bundle(
            self.store.key(step.number),
            certificate,
            self.wish.bundle_id,
            self.wish.encryption,
            self._means.pkcs12_passphrase,
        )
        files.replace(folder / key_store.BUNDLE, content)
        made = keys.Bundle(certificate.sha256, certificate.key_sha256, self.wish.encryption)
        self._recorder.note(step.number, journal.STAGED, staged_facts(made))

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
        self._recorder.note(number, journal.UPLOADED, uploaded_facts(record))
        self._insist(number, again=True)

    def put_in_service(self, step: Step) -> None:
        self.store.put_in_service(step.number)
        self._recorder.note(step.number, journal.IN_SERVICE, {"sha256": self._certificate(step.number).sha256})

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


def _is_whole(content: bytes | None) -> bool:
    """Whether a run that was cut short had its answer already. Whether it is a good one is judged later: a wrong clock
    or a wrong setting must not have the same request answered twice."""
    try:
        return content is not None and bool(parse_certificate(content))
    except NotACertificate:
        return False
