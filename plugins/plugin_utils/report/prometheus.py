# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as metrics, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document
from ansible_collections.pushops.securemail.plugins.module_utils.core.textfile import Sample, textfile

from .history import moment

_HELP = {
    "pushops_path_sound": "Whether the last verify found nothing that counts wrong.",
    "pushops_link_broken": "Whether a link of the push path is broken; absent where it was not tested or left out.",
    "pushops_badge_arrived": "Whether the badge arrived; absent where no probe is declared.",
    "pushops_verify_last_run_timestamp_seconds": "When verify last came to a verdict.",
}
_KNOWN = ("fail", "pass", "warning")


def metrics(documents: t.Sequence[Document]) -> bytes:
    """The content of a textfile."""
    return textfile(_HELP, [sample for document in documents for sample in _samples(document)])


def _samples(document: Document) -> t.Iterator[Sample]:
    named = {"environment": document["environment"]["name"]}
    yield "pushops_path_sound", named, float(document["sound"])
    for link in document["links"]:
        if link["state"] in _KNOWN:
            yield "pushops_link_broken", {**named, "link": link["id"]}, float(link["state"] == "fail")
    if document["badge"] != "not tested":
        yield "pushops_badge_arrived", named, float(document["badge"] == "arrived")
    yield "pushops_verify_last_run_timestamp_seconds", named, moment(document["ended"]).timestamp()
