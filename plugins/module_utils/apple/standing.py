# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a bundle id stands: which version serves, which gate waits since when, and whose turn it is. Pure."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import asdict, dataclass, field

from . import renewal_policy
from .certificates import UNREADABLE, Certificate
from .consumer import Use
from .course import AWAITING_SIGNATURE, AWAITING_UPLOAD, IN_SERVICE
from .gates import PORTAL, SIGNING
from .journal import Entry, Journal
from .proof import Proof
from .renewal_policy import Decision, renewal_starts
from .versions import Record, version_name

UPLOADED, SUPERSEDED, RETIRED = "uploaded", "superseded", "retired"
NOBODY, ROTATION, OPERATOR = "nobody", "rotation", "operator"


@dataclass(frozen=True)
class Kept:
    """A version of the store, its key left closed.

    :param key_sha256: of the key that the request names; empty where there is no request yet.
    :param waiting_since: when the last part was written that a gate waits for an answer to, ISO 8601.
    :param retired: what the journal says of its end; ``None`` while it is not retired.
    """

    number: int
    key_sha256: str
    certificate: Certificate | None
    record: Record | None
    waiting_since: str
    retired: Entry | None = None

    @property
    def name(self) -> str:
        return version_name(self.number)

    @property
    def uploaded(self) -> bool:
        record, certificate = self.record, self.certificate
        return record is not None and certificate is not None and record.sha256 == certificate.sha256


@dataclass(frozen=True)
class Standing:
    """Where one bundle id stands.

    :param decision: about the certificate in service.
    :param must_act: ``nobody``, ``rotation`` (run it), ``signing`` or ``portal`` (answer that gate), or ``operator``.
    :param gate: the gate that waits; empty for none.
    :param waiting_since: ISO 8601; empty where no gate waits.
    :param next_due: when the renewal starts, ISO 8601; empty where nothing serves.
    :param needed_by: when the certificate in service ends, ISO 8601; empty where none serves.
    :param use: whether the certificate in service is in use; ``None`` where none is in service.
    :param contradictions: what the journal says otherwise than the artifacts, a sentence each.
    """

    bundle_id: str
    decision: Decision
    must_act: str
    versions: tuple[tuple[Kept, str, Decision], ...] = ()
    serving: Kept | None = None
    gate: str = ""
    waiting_since: str = ""
    next_due: str = ""
    needed_by: str = ""
    proof: Proof | None = None
    use: Use | None = None
    journal: Journal = field(default_factory=Journal)
    contradictions: tuple[str, ...] = ()

    def shown(self, now: datetime.datetime) -> dict[str, t.Any]:
        """The standing as a module returns it."""
        serving = self.serving.certificate if self.serving else None
        return {
            "bundle_id": self.bundle_id,
            "decision": shown_decision(self.decision),
            "must_act": self.must_act,
            "gate": self.gate,
            "waiting_since": self.waiting_since,
            "next_due": self.next_due,
            "needed_by": self.needed_by,
            "days_left": serving.shown(now)["days_left"] if serving else None,
            "in_service": self.serving.name if self.serving else "",
            "proof": {"reason": self.proof.reason, "sentence": self.proof.sentence} if self.proof else None,
            "consumer": asdict(self.use) if self.use else None,
            "contradictions": list(self.contradictions),
            "history": [entry.shown() for entry in self.journal.entries],
            "unreadable_lines": list(self.journal.unreadable),
            "versions": [_shown_version(*version, now) for version in self.versions],
        }


def shown_decision(decision: Decision) -> dict[str, str]:
    return {"reason": decision.reason, "sentence": decision.sentence}


def _shown_version(version: Kept, state: str, decision: Decision, now: datetime.datetime) -> dict[str, t.Any]:
    record = version.record
    return {
        "version": version.name,
        "state": state,
        "decision": shown_decision(decision),
        "certificate": version.certificate.shown(now) if version.certificate else None,
        "uploaded": None
        if record is None
        else {
            "at": record.recorded_at,
            "by": record.uploaded_by,
            "region": record.region,
            "customer_id": record.customer_id,
            "sha256": record.sha256,
        },
        "retired": {"at": version.retired.at, "reason": version.retired.facts.get("reason", "")}
        if version.retired
        else None,
    }


def unreadable(bundle_id: str, why: str) -> Standing:
    return Standing(bundle_id, Decision(UNREADABLE, why), OPERATOR)


def stand(
    bundle_id: str,
    judged: t.Sequence[tuple[Kept, Decision]],
    current: int | None,
    working: Kept | None,
    proof: Proof | None,
    renew_before: datetime.timedelta,
) -> Standing:
    """From what is kept to where it stands.

    :param judged: the versions in rising order, each with what the policies say of it.
    :param working: the version that a run goes on with.
    """
    serving, decision = _in_service(judged, current, proof)
    must_act, gate, since = _turn([one for one in judged if one[0] is working], current, decision)
    certificate = serving.certificate if serving else None
    serves = certificate is not None and decision.serves
    return Standing(
        bundle_id=bundle_id,
        decision=decision,
        must_act=must_act,
        versions=tuple((version, _state(version, current), found) for version, found in judged),
        serving=serving,
        gate=gate,
        waiting_since=since,
        next_due=renewal_starts(certificate, renew_before).isoformat() if certificate and serves else "",
        needed_by=certificate.not_after.isoformat() if certificate and serves else "",
        proof=proof,
    )


def _in_service(
    judged: t.Sequence[tuple[Kept, Decision]], current: int | None, proof: Proof | None
) -> tuple[Kept | None, Decision]:
    found = [(version, decision) for version, decision in judged if version.number == current]
    if not found:
        return None, Decision(renewal_policy.MISSING, "No certificate is in service")
    serving, decision = found[0]
    if decision.serves and proof is not None and proof.refused:
        return serving, Decision(proof.reason, proof.sentence)
    if decision.serves and not serving.uploaded:
        return serving, Decision(renewal_policy.NOT_UPLOADED, "No upload of it is recorded")
    return serving, decision


def _turn(working: t.Sequence[tuple[Kept, Decision]], current: int | None, decision: Decision) -> tuple[str, str, str]:
    """Whose turn it is, the gate that waits, and since when."""
    for version, found in working:
        if version.number == current or (version.certificate is None and decision.reason == renewal_policy.VALID):
            break
        if version.certificate is None and version.key_sha256:
            return SIGNING, SIGNING, version.waiting_since
        if found.reason == renewal_policy.VALID and not version.uploaded:
            return PORTAL, PORTAL, version.waiting_since
        return ROTATION, "", ""
    return (NOBODY if decision.reason == renewal_policy.VALID else ROTATION), "", ""


def _state(version: Kept, current: int | None) -> str:
    if version.number == current:
        return IN_SERVICE
    if current is not None and version.number < current:
        return RETIRED if version.retired else SUPERSEDED
    if version.certificate is None:
        return AWAITING_SIGNATURE
    return UPLOADED if version.uploaded else AWAITING_UPLOAD
