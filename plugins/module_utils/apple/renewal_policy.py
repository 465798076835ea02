# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate may serve, and why not: a chain of pure checks over an injected clock.

The first check that speaks decides. Reason codes are stable; sentences are for people.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from .certificates import PRODUCTION_PUSH, Certificate

MISSING = "missing"
MDM_CERTIFICATE = "mdm-certificate"
WRONG_BUNDLE_ID = "wrong-bundle-id"
KEY_MISMATCH = "key-mismatch"
SANDBOX_ONLY = "sandbox-only"
NOT_YET_VALID = "not-yet-valid"
EXPIRED = "expired"
SUPERSEDED = "superseded"
DUE = "due"
VALID = "valid"
NOT_UPLOADED = "not-uploaded"

# X.520 ends a common name at 64 characters; a long bundle id may be cut off there.
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True)
class Subject:
    """A certificate and what it is judged by.

    :param key_sha256: fingerprint of the public key that it must carry; empty: not judged.
    :param successor: name of the version that is to follow it; empty where there is none.
    """

    certificate: Certificate | None
    bundle_id: str
    now: datetime.datetime
    renew_before: datetime.timedelta
    key_sha256: str = ""
    successor: str = ""


@dataclass(frozen=True)
class Decision:
    """What became of the chain: a stable reason code and a sentence."""

    reason: str
    sentence: str

    @property
    def serves(self) -> bool:
        """Whether the listener can sign in to APNs with it now."""
        return self.reason in (VALID, DUE, SUPERSEDED)


Check = t.Callable[[Certificate, Subject], str]


def renewal_starts(certificate: Certificate, renew_before: datetime.timedelta) -> datetime.datetime:
    """From when on a certificate is due; never in the first half of its life, or each new one would be due at once."""
    lifetime = certificate.not_after - certificate.not_before
    return certificate.not_after - min(renew_before, lifetime / 2)


def _mdm(certificate: Certificate, subject: Subject) -> str:
    names = (certificate.user_id, certificate.common_name.removeprefix("APSP:"), *certificate.topics)
    if certificate.common_name.startswith("APSP:") or any(name.startswith("com.apple.mgmt.") for name in names):
        return "It is a certificate for device management (MDM), which cannot sign in for an app"
    return ""


def _bundle_id(certificate: Certificate, subject: Subject) -> str:
    wanted = subject.bundle_id
    if certificate.user_id != wanted:
        return f"Its UID is {certificate.user_id or 'absent'}, expected {wanted}"
    _kind, colon, named = certificate.common_name.partition(": ")
    cut_off = len(certificate.common_name) >= _LONGEST_COMMON_NAME and wanted.startswith(named)
    if not colon or (named != wanted and not cut_off):
        return f"Its common name is {certificate.common_name!r}, expected one that ends with {wanted}"
    if certificate.topics and wanted not in certificate.topics:
        return f"Its topics are {', '.join(certificate.topics)}, expected {wanted} among them"
    return ""


def _key(certificate: Certificate, subject: Subject) -> str:
    if subject.key_sha256 and certificate.key_sha256 != subject.key_sha256:
        return (
            f"It carries another key ({certificate.key_type}, SHA-256 {certificate.key_sha256}) than the request "
            f"({subject.key_sha256})"
        )
    return ""


def _environment(certificate: Certificate, subject: Subject) -> str:
    if certificate.production:
        return ""
    present = "only the one for the sandbox" if certificate.sandbox else "none"
    return f"It lacks the mark for production push ({PRODUCTION_PUSH}); it has {present}"


def _not_yet_valid(certificate: Certificate, subject: Subject) -> str:
    if subject.now < certificate.not_before:
        return f"It is valid from {certificate.not_before.isoformat()}, and now is {subject.now.isoformat()}"
    return ""


def _expired(certificate: Certificate, subject: Subject) -> str:
    return f"It expired on {certificate.not_after.isoformat()}" if subject.now > certificate.not_after else ""


def _superseded(certificate: Certificate, subject: Subject) -> str:
    return f"Version {subject.successor} is issued and follows it" if subject.successor else ""


def _due(certificate: Certificate, subject: Subject) -> str:
    if subject.now < renewal_starts(certificate, subject.renew_before):
        return ""
    left = (certificate.not_after - subject.now).days
    return f"It expires on {certificate.not_after.isoformat()}, in {left} days, so its renewal is due"


CHAIN: tuple[tuple[str, Check], ...] = (
    (MDM_CERTIFICATE, _mdm),
    (WRONG_BUNDLE_ID, _bundle_id),
    (KEY_MISMATCH, _key),
    (SANDBOX_ONLY, _environment),
    (NOT_YET_VALID, _not_yet_valid),
    (EXPIRED, _expired),
    (SUPERSEDED, _superseded),
    (DUE, _due),
)


def assess(subject: Subject) -> Decision:
    """Judge one certificate."""
    certificate = subject.certificate
    if certificate is None:
        return Decision(MISSING, "There is no certificate")
    for reason, check in CHAIN:
        sentence = check(certificate, subject)
        if sentence:
            return Decision(reason, sentence)
    starts = renewal_starts(certificate, subject.renew_before)
    return Decision(VALID, f"It is valid until {certificate.not_after.isoformat()}; renewal starts {starts.date()}")
