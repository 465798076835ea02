# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody must do now, the most pressing first: out of the evidence alone, without a guess."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

_ORDER = ("fail", "not tested", "warning")
_WHO = {
    "signing": "Answer the signing gate: let Apple sign the request, and put the certificate where its text says",
    "portal": "Answer the portal gate: upload the PKCS#12, and fill in the form beside it",
    "rotation": "Run playbooks/rotate.yml",
    "operator": "Look at what cannot be read in the key store",
}


@dataclass(frozen=True)
class Action:
    """One thing to do.

    :param about: the link or matter in words.
    :param found: what was found, by host; one entry without a host where it concerns none.
    :param by: until when, ISO 8601; empty where nothing ends by itself.
    """

    environment: str
    state: str
    about: str
    found: tuple[tuple[str, str], ...]
    remedy: str
    by: str = ""


def actions(documents: t.Iterable[Document]) -> list[Action]:
    """All environments' actions: what is broken, then what could not be tested, then what only warns."""
    found = [action for document in documents for action in _of(document)]
    return sorted(found, key=lambda action: _ORDER.index(action.state))


def _of(document: Document) -> t.Iterator[Action]:
    name = document["environment"]["name"]
    for state in _ORDER:
        for link in document["links"]:
            matching = [check for check in document["checks"] if (check["link"], check["state"]) == (link["id"], state)]
            if matching:
                said = tuple((check["host"], check["evidence"]) for check in matching)
                remedies = dict.fromkeys(check["remedy"] for check in matching if check["remedy"])
                yield Action(name, state, link["title"], said, "; ".join(remedies) or _without_remedy(state))
    if document["badge"] in ("missing", "carries content") and not document["broken"]:
        sentence = next((line for line in document["report"] if line.startswith("Badge:")), "The badge did not arrive")
        remedy = "Ask the phones and the Exchange hosts: all links that were tested are as declared"
        yield Action(name, "fail", "Badge", (("", sentence),), remedy)
    for waiting in document["waiting"]:
        about = f"Certificate of {waiting['subject']}"
        yield Action(
            name,
            "warning" if waiting["needed_by"] else "fail",
            about,
            (("", waiting["sentence"]),),
            _WHO.get(waiting["must_act"], waiting["must_act"]),
            waiting["needed_by"],
        )
    for warning in document["warnings"]:
        yield Action(name, "warning", "Worth a look", (("", warning),), "It breaks no link today")


def _without_remedy(state: str) -> str:
    return (
        "Mend what kept the host from answering, then run playbooks/verify.yml again" if state == "not tested" else ""
    )
