# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed in an environment between two runs of verify."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

_Place = tuple[str, str]  # id of the check, host


def drift(before: Document, after: Document) -> list[str]:
    """A sentence for each difference that somebody should know of; none where nothing changed.

    The wording of evidence alone is no difference: days that are left count down in it.
    """
    return [
        *_badge(before["badge"], after["badge"]),
        *_checks(_by_place(before), _by_place(after)),
        *_in_service(_serving(before), _serving(after)),
    ]


def _badge(before: str, after: str) -> t.Iterator[str]:
    if before != after:
        yield f"Badge: {before}, now {after}"


def _checks(before: t.Mapping[_Place, Document], after: t.Mapping[_Place, Document]) -> t.Iterator[str]:
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place), after.get(place)
        check, host = place
        if old is None and new is not None:
            yield f"{check} on {host}: {new['state']}, not asked before"
        elif new is None:
            yield f"{check} on {host}: no longer asked"
        elif old is not None and old["state"] != new["state"]:
            yield f"{check} on {host}: {old['state']}, now {new['state']}"


def _by_place(document: Document) -> dict[_Place, Document]:
    return {(check["id"], check["host"]): check for check in document["checks"]}


def _serving(document: Document) -> dict[str, str]:
    """Bundle id -> version and fingerprint in service."""
    return {
        certificate["bundle_id"]: f"{certificate['version']} ({certificate['sha256'][:12]})"
        for certificate in document["certificates"]
        if certificate["state"] == "in-service"
    }


def _in_service(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> t.Iterator[str]:
    for bundle_id in sorted(before.keys() | after.keys()):
        old, new = before.get(bundle_id, "none"), after.get(bundle_id, "none")
        if old != new:
            yield f"Certificate of {bundle_id} in service: {old}, now {new}"
