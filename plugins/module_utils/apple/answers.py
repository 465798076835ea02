# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes back through the gates, accepted or refused. Pure: a refusal changes nothing, and the answer stays."""

from __future__ import annotations

import json
import typing as t

from ..core.errors import Refused
from .certificates import Certificate, NotACertificate, parse_certificate
from .renewal_policy import NOT_YET_VALID, VALID, Subject, assess
from .versions import Answer

_LONGEST = 128


def accept_certificate(answers: t.Sequence[Answer], judged_by: t.Callable[[Certificate], Subject]) -> Certificate:
    """The one signed certificate among the answers.

    :param judged_by: puts a certificate beside the request that it must answer.
    :raises Refused: no certificate, the wrong one, or several different ones; names file and reason code.
    """
    accepted: dict[str, tuple[Answer, Certificate]] = {}
    for answer in answers:
        try:
            certificate = parse_certificate(answer.content)
        except NotACertificate as problem:
            raise _refusal(answer, problem.reason, problem.sentence) from None
        decision = assess(judged_by(certificate))
        if decision.reason != VALID:
            raise _refusal(answer, decision.reason, decision.sentence)
        accepted[certificate.sha256] = answer, certificate
    if len(accepted) != 1:
        paths = ", ".join(answer.path for answer, _certificate in accepted.values())
        raise Refused(
            f"The request was answered {len(accepted)} times with different certificates: {paths}",
            "Leave the one that is to be used, and take the others away",
        )
    return next(iter(accepted.values()))[1]


def _refusal(answer: Answer, reason: str, sentence: str) -> Refused:
    remedy = (
        "Take the file away and put the certificate there that Apple issued for this version's request.csr; "
        "a signing command asks again at the next run"
    )
    if reason == NOT_YET_VALID:
        remedy = "Correct the clock of this machine, or run again once the certificate is valid"
    return Refused(
        f"The signed certificate {answer.path} is refused ({reason}): {sentence[:1].lower()}{sentence[1:]}", remedy
    )


def parse_portal_form(answer: Answer | None, sha256: str, region: str) -> tuple[str, str] | None:
    """Customer ID and name from the form that a person filled in; ``None`` while it is not filled in.

    :param sha256: of the certificate that was handed out.
    :param region: the one that it was handed out for.
    :raises Refused: no JSON, or filled in for another certificate or region.
    """
    if answer is None:
        return None
    document = _form(answer)
    customer_id = str(document.get("customer_id") or "").strip()
    if not customer_id:
        return None
    if not form_is_for(answer, sha256, region):
        raise Refused(
            f"{answer.path} was filled in for the certificate {document.get('sha256')!r} in region "
            f"{document.get('region')!r}, asked was {sha256!r} in {region!r}",
            "Remove it to get a new form, then upload bundle.p12 from the same folder",
        )
    return customer_id, str(document.get("uploaded_by") or "").strip()[:_LONGEST]


def form_is_for(answer: Answer, sha256: str, region: str) -> bool:
    """Whether a form, filled in or not, is the one for a certificate and a region."""
    document = _form(answer)
    return document.get("sha256") == sha256 and document.get("region") == region


def _form(answer: Answer) -> dict[str, t.Any]:
    return _mapping(answer.content, f"the answer {answer.path}", "Correct the file, or remove it to get a new form")


def parse_portal_output(output: str) -> str:
    """Customer ID from what the portal command printed. The output is not quoted: it may hold secrets.

    :raises Refused: no JSON with a customer ID.
    """
    remedy = 'Let the command print {"customer_id": "..."} and nothing else on its standard output'
    document = _mapping(output.encode(), "the output of the portal command", remedy)
    customer_id = document.get("customer_id")
    if not isinstance(customer_id, str) or not customer_id.strip():
        raise Refused("The portal command ended well but printed no customer_id", remedy)
    return customer_id.strip()


def check_customer(returned: str, expected: str) -> None:
    """
    :raises Refused: the portal knows the certificate under another customer ID than the environment declares.
    """
    if returned != expected:
        raise Refused(
            f"The push portal returned the customer ID {returned[:_LONGEST]!r}, declared is {expected!r}",
            "Declare the one that the portal shows, or upload with the account that has the declared one",
        )


def _mapping(content: bytes, what: str, remedy: str) -> dict[str, t.Any]:
    try:
        document = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused(f"Expected a JSON object in {what}, but it is none", remedy)
    return document
