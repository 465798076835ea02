# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What APNs thinks of a certificate, read from how it answers a notification to a device that does not exist.

Pure. Source of statuses and reasons: Apple, "Handling notification responses from APNs"; of the TLS alerts: RFC 5246,
section 7.2.2. Reason codes are stable; sentences are for people.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import Refused, Unreachable

ACCEPTED = "accepted"
WRONG_APP = "wrong-app"
WRONG_ENVIRONMENT = "wrong-environment"
BAD_CERTIFICATE = "bad-certificate"
REVOKED = "revoked"
EXPIRED = "expired"
NOT_REACHABLE = "not-reachable"
NO_VERDICT = "no-verdict"

#: APNs judged the certificate, and it cannot push for the app.
REFUSALS = (WRONG_APP, WRONG_ENVIRONMENT, BAD_CERTIFICATE, REVOKED, EXPIRED)


@dataclass(frozen=True)
class Proof:
    """What came of asking APNs: a stable reason code and a sentence."""

    reason: str
    sentence: str

    @property
    def refused(self) -> bool:
        """APNs said no. Where it said nothing, this is no refusal."""
        return self.reason in REFUSALS

    @property
    def inconclusive(self) -> bool:
        """APNs was not reached, or said nothing about the certificate."""
        return self.reason in (NOT_REACHABLE, NO_VERDICT)


# Each reason that says something about the certificate. The token is found wanting after certificate and topic.
_ANSWERS = {
    (400, "BadDeviceToken"): (ACCEPTED, "APNs accepts it for {topic}"),
    (400, "TopicDisallowed"): (WRONG_APP, "APNs does not let it push to {topic}"),
    (403, "BadCertificateEnvironment"): (
        WRONG_ENVIRONMENT,
        "{host} takes it for a certificate of the other environment",
    ),
    (403, "BadCertificate"): (BAD_CERTIFICATE, "APNs takes it for no certificate of an app"),
}

# OpenSSL's names of the alerts by which a server refuses a client's certificate.
_ALERTS = {
    "CERTIFICATE_REVOKED": (REVOKED, "APNs refused it during the TLS handshake: it is revoked"),
    "CERTIFICATE_EXPIRED": (EXPIRED, "APNs refused it during the TLS handshake: it has expired"),
    **dict.fromkeys(
        ("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED"),
        (BAD_CERTIFICATE, "APNs refused it during the TLS handshake ({alert})"),
    ),
}


def read_answer(status: int, reason: str, host: str, topic: str) -> Proof:
    """The meaning of an HTTP answer.

    :param reason: the answer's ``reason``; empty where it gave none.
    """
    code, sentence = _ANSWERS.get((status, reason), (NO_VERDICT, ""))
    if not sentence:
        said = f"HTTP {status} {reason}".strip()
        return Proof(code, f"{host} answered {said}, which says nothing about the certificate")
    return Proof(code, sentence.format(host=host, topic=topic))


def read_alert(name: str) -> Proof | None:
    """The meaning of a TLS alert during the handshake; ``None`` where it does not concern the client's certificate.

    :param name: as OpenSSL names it, for example ``SSLV3_ALERT_CERTIFICATE_REVOKED``.
    """
    _version, mark, alert = name.partition("_ALERT_")
    found = _ALERTS.get(alert) if mark else None
    return Proof(found[0], found[1].format(alert=alert.lower().replace("_", " "))) if found else None


def insist(proof: Proof | None, version: str, required: bool) -> None:
    """Let only a version pass that APNs accepts.

    :param proof: ``None`` where no proof was asked for.
    :param required: whether a version that APNs said nothing about is stopped, too.
    :raises Refused: APNs refused the certificate.
    :raises Unreachable: APNs said nothing about it.
    """
    if proof is None:
        return
    if proof.refused:
        raise Refused(
            f"The certificate of version {version} fails the proof ({proof.reason}): {proof.sentence}",
            "Nothing is uploaded or put in service. Look at the certificate at Apple; to have another one issued, move "
            "the version's folder aside",
        )
    if proof.inconclusive and required:
        raise Unreachable(
            f"The certificate of version {version} could not be proved ({proof.reason}): {proof.sentence}",
            "Let this machine reach APNs, directly or through proof.proxy, or let the rotation go on without an answer "
            "with proof_required: false",
        )


def not_reachable(host: str, port: int, why: str) -> Proof:
    return Proof(NOT_REACHABLE, f"{host}:{port} was not reached: {why}")
