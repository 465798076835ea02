# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is there to what comes next: the steps up to "in service" or up to the gate that waits for a person.

Pure. Every prefix of the steps leaves a state from which the rest of the same steps follows.
"""

from __future__ import annotations

from ..core.errors import UnexpectedState
from ..core.reconcile import Change, Plan
from . import handoff, ledger
from .answers import accept_certificate, check_customer, form_is_for, parse_portal_form
from .assessment import Assessment
from .certificates import Certificate
from .course import AWAITING_SIGNATURE, AWAITING_UPLOAD, IN_SERVICE, Course, Gate, Step, Wish
from .gates import PORTAL, SIGNING
from .keys import Bundle
from .proof import insist
from .renewal_policy import Subject
from .retiring import changes_after_the_switch
from .state import State
from .versions import version_name

LINK = "apns-certificate"


def chart(state: State, wish: Wish) -> Course:
    """Derive the course from a state.

    :raises Refused: an answer at a gate is not what was asked for.
    :raises UnexpectedState: something that no step may touch.
    """
    return _Chart(state, wish).course()


class _Chart:
    def __init__(self, state: State, wish: Wish) -> None:
        self._state = state
        self._wish = wish
        assessment = Assessment(state, wish)
        self._target, self._decision = assessment.target, assessment.decision
        self._held_back = assessment.held_back
        self._answers = assessment.answers
        self._link = "" if self._decision.serves else LINK
        self._changes: list[Change] = []

    def course(self) -> Course:
        for path, mode, tight in self._state.lax:
            self._add(f"permissions of {path}", f"{mode:04o}", f"{tight:04o}", Step("tighten", value=(path, tight)), "")
        for note in ledger.notes(self._state):
            named = f"journal of {version_name(note.version)}"
            self._add(named, None, note.shown, Step("note", note.version, note), "")
        if self._held_back:
            return self._end(IN_SERVICE, None)
        gate = self._sign()
        if gate:
            return self._end(AWAITING_SIGNATURE, gate)
        gate = self._upload()
        if gate:
            return self._end(AWAITING_UPLOAD, gate)
        if self._state.current != self._target.number:
            before = version_name(self._state.current) if self._state.current else None
            self._add("version in service", before, self._target.name, Step("put_in_service", self._target.number))
        if self._handed_out.keys() & {handoff.BUNDLE, handoff.PORTAL_ANSWER}:
            folder = str(self._wish.handoff(self._target.number))
            self._add(folder, "PKCS#12 and form of the portal gate", None, Step("clear", self._target.number), "")
        for ended in changes_after_the_switch(self._state, self._wish, self._target):
            self._changes.append(ended)
        return self._end(IN_SERVICE, None)

    def _end(self, stage: str, gate: Gate | None) -> Course:
        return Course(Plan(tuple(self._changes)), stage, self._target, self._decision, gate)

    def _add(self, name: str, before: object, after: object, step: Step, link: str | None = None) -> None:
        self._changes.append(Change(name, before, after, step, self._link if link is None else link))

    @property
    def _handed_out(self) -> dict[str, bytes]:
        return self._state.handed_out.files if self._target is self._state.newest else {}

    def _needed_by(self) -> str:
        serving = self._state.serving
        return serving.not_after.isoformat() if serving and self._decision.serves else ""

    def _sign(self) -> Gate | None:
        """Up to an accepted certificate."""
        target, wish, name = self._target, self._wish, self._target.name
        if not target.key_sha256:
            step = Step("make_key", target.number, self._decision.reason)
            self._add(f"{name}/key.pem", None, "new RSA-2048 key, encrypted", step)
        if target.request is None:
            self._add(f"{name}/request.csr", None, "request for the key", Step("make_request", target.number))
        if target.certificate is not None:
            return None
        step, shown = Step("sign", target.number), "what the signing command makes of the request"
        if self._answers:
            signed = accept_certificate(self._answers, self._subject)
            step = Step("take_certificate", target.number, signed)
            shown = f"SHA-256 {signed.sha256}, valid until {signed.not_after.isoformat()}"
        elif not wish.signed_by_command:
            return self._hand_out_request()
        self._add(f"{name}/certificate.pem", None, shown, step)
        return None

    def _subject(self, certificate: Certificate) -> Subject:
        wish = self._wish
        return Subject(
            certificate, wish.bundle_id, wish.now, wish.renew_before, self._target.key_sha256 or "no key yet"
        )

    def _hand_out_request(self) -> Gate:
        target, wish = self._target, self._wish
        folder = wish.handoff(target.number)
        answer = str(folder / handoff.CERTIFICATE)
        text = handoff.signing_text(wish.bundle_id, target.name, self._needed_by() or "now", answer)
        expected = {handoff.REQUEST: target.request, handoff.SIGNING_TEXT: text}
        if None in expected.values() or any(
            self._handed_out.get(name) != content for name, content in expected.items()
        ):
            step = Step("hand_out_request", target.number, {handoff.SIGNING_TEXT: text})
            self._add(str(folder), None, "request and instructions for the signing gate", step)
        return Gate(
            SIGNING,
            target.name,
            f"the certificate that Apple issues for {folder / handoff.REQUEST}",
            answer,
            str(folder / handoff.SIGNING_TEXT),
            self._needed_by(),
        )

    def _upload(self) -> Gate | None:
        """Up to a recorded upload."""
        target, wish, name = self._target, self._wish, self._target.name
        insist(self._state.proofs.get(target.number), name, wish.proof_required)
        bundle = f"PKCS#12, {wish.encryption} encryption"
        if not self._bundle_fits():
            before = "another one" if target.bundle_bytes is not None else None
            self._add(f"{name}/bundle.p12", before, bundle, Step("make_bundle", target.number))
        if self._recorded():
            return None
        before = f"uploaded for {target.record.region}" if target.record else None
        form = self._filled_in_form()
        if form:
            check_customer(form[0], wish.customer_id)
            step, by = Step("record", target.number, form[1]), "by hand"
        elif wish.uploaded_by_command:
            step, by = Step("upload", target.number), "by the portal command"
        else:
            return self._hand_out_bundle()
        self._add(f"{name}/portal.json", before, f"uploaded for {wish.region} {by}", step)
        return None

    def _bundle_fits(self) -> bool:
        target = self._target
        if target.certificate is None:
            return False
        return target.bundle == Bundle(target.certificate.sha256, target.key_sha256, self._wish.encryption)

    def _recorded(self) -> bool:
        record, certificate = self._target.record, self._target.certificate
        if record is None or certificate is None or record.sha256 != certificate.sha256:
            return False
        if record.region != self._wish.region:
            return False
        if record.customer_id != self._wish.customer_id:
            raise UnexpectedState(
                f"Version {self._target.name} was uploaded under the customer ID {record.customer_id!r}, declared is "
                f"{self._wish.customer_id!r}",
                "Declare the one that the portal returned, or remove the version's portal.json to upload it again",
            )
        return True

    def _filled_in_form(self) -> tuple[str, str] | None:
        target = self._target
        if target is not self._state.newest or target.certificate is None:
            return None
        return parse_portal_form(self._state.handed_out.portal, target.certificate.sha256, self._wish.region)

    def _hand_out_bundle(self) -> Gate:
        target, wish = self._target, self._wish
        folder = wish.handoff(target.number)
        certificate = target.certificate
        due = self._needed_by() or "now"
        fits = self._bundle_fits() and certificate is not None
        laid_out = False
        if certificate and fits:
            text = handoff.portal_text(
                wish.bundle_id, target.name, wish.region, wish.customer_id, certificate.sha256, due
            )
            here, form = self._handed_out, self._state.handed_out.portal
            laid_out = (
                here.get(handoff.BUNDLE) == target.bundle_bytes
                and here.get(handoff.PORTAL_TEXT) == text
                and form is not None
                and form_is_for(form, certificate.sha256, wish.region)
            )
        if not laid_out:
            self._add(
                str(folder),
                None,
                "PKCS#12 and checklist for the portal gate",
                Step("hand_out_bundle", target.number, due),
            )
        return Gate(
            PORTAL,
            target.name,
            f"the customer ID that the push portal shows for {folder / handoff.BUNDLE}",
            str(folder / handoff.PORTAL_ANSWER),
            str(folder / handoff.PORTAL_TEXT),
            self._needed_by(),
        )
