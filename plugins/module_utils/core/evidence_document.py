# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of one verify run of one environment as a document that outlives it: written here, and read here again.

``docs/evidence.schema.json`` is its shape. A reader takes documents of its own and of older schemas.
"""

from __future__ import annotations

import datetime
import json
import typing as t
from dataclasses import dataclass

from .errors import UnexpectedState
from .evidence import Verdict, worst
from .path import LINKS

#: Goes up when a key changes its meaning or goes away; a new key alone leaves it.
SCHEMA = 1

_NEEDED = {
    "environment": dict,
    "began": str,
    "ended": str,
    "sound": bool,
    "badge": str,
    "links": list,
    "checks": list,
    "certificates": list,
    "waiting": list,
    "warnings": list,
    "notes": list,
    "report": list,
}

#: What each entry of a list must say, all of it text.
_ENTRIES = {
    "links": ("id", "title", "state"),
    "checks": ("id", "link", "title", "host", "state", "evidence", "remedy"),
    "certificates": ("bundle_id", "version", "state", "sha256", "not_before", "not_after", "renewal_starts"),
    "waiting": ("subject", "must_act", "since", "needed_by", "sentence"),
}
_TIMES = {"began", "ended", "not_before", "not_after", "renewal_starts", "needed_by"}

Document = dict[str, t.Any]


@dataclass(frozen=True)
class Run:
    """What one run was about.

    :param environment: ``name``, ``region``, ``bundle_id`` and ``customer_id``.
    :param began: ISO 8601, as is ``ended``.
    :param bundles: what ``apns_certificate_info`` returned for the key store.
    """

    environment: t.Mapping[str, str]
    began: str
    ended: str
    bundles: t.Sequence[t.Mapping[str, t.Any]] = ()


def compose(verdict: Verdict, run: Run) -> Document:
    """The document of one run."""
    checks = [finding.as_record() for finding in verdict.findings]
    return {
        "schema": SCHEMA,
        "environment": dict(run.environment),
        "began": run.began,
        "ended": run.ended,
        "sound": verdict.sound,
        "broken": list(verdict.broken),
        "not_tested": list(verdict.not_tested),
        "badge": verdict.badge,
        "links": [
            {"id": link.id, "title": link.title, "systems": list(link.systems), "state": _state_of(link.id, checks)}
            for link in LINKS.values()
        ],
        "checks": checks,
        "certificates": [certificate for bundle in run.bundles for certificate in _certificates(bundle)],
        "waiting": [_waiting(bundle) for bundle in run.bundles if bundle["must_act"] != "nobody"],
        "warnings": list(verdict.warnings),
        "notes": list(verdict.notes),
        "report": verdict.sentences(),
        "probe": verdict.probe,
        "exchange": dict(verdict.exchange),
    }


def _state_of(link: str, checks: t.Sequence[Document]) -> str:
    return worst({check["state"] for check in checks if check["link"] == link})


def _certificates(bundle: t.Mapping[str, t.Any]) -> t.Iterator[Document]:
    for version in bundle["versions"]:
        certificate = version["certificate"]
        if certificate:
            yield {
                "bundle_id": bundle["bundle_id"],
                "version": version["version"],
                "state": version["state"],
                "sha256": certificate["sha256"],
                "not_before": certificate["not_before"],
                "not_after": certificate["not_after"],
                "renewal_starts": bundle["next_due"] if version["version"] == bundle["in_service"] else "",
            }


def _waiting(bundle: t.Mapping[str, t.Any]) -> Document:
    return {
        "subject": bundle["bundle_id"],
        "must_act": bundle["must_act"],
        "since": bundle["waiting_since"],
        "needed_by": bundle["needed_by"],
        "sentence": bundle["decision"]["sentence"],
    }


def parse(source: str, content: bytes) -> Document:
    """A document out of a file; see ``check``."""
    try:
        document = json.loads(content)
    except ValueError as problem:
        raise UnexpectedState(f"{source} is not JSON: {problem}", _remedy(source)) from None
    return check(source, document)


def check(source: str, document: t.Any) -> Document:
    """A document that a run wrote, complete enough to be shown.

    :param source: where it comes from, for the error.
    :raises UnexpectedState: it is no such document, or one of a newer schema.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise UnexpectedState(f"{source} is no evidence of verify: it has no number under 'schema'", _remedy(source))
    if schema > SCHEMA:
        raise UnexpectedState(
            f"{source} has evidence schema {schema}, and this version of the collection reads up to {SCHEMA}",
            "Update pushops.securemail where the report is made, or leave this file out",
        )
    for key, kind in _NEEDED.items():
        if not isinstance(document.get(key), kind):
            raise _incomplete(source, key, kind.__name__, document.get(key))
    _check_texts(source, "environment", document["environment"], ("name", "region", "bundle_id", "customer_id"))
    _check_texts(source, "", document, ("began", "ended"))
    for key, names in _ENTRIES.items():
        for number, entry in enumerate(document[key]):
            if not isinstance(entry, dict):
                raise _incomplete(source, f"{key}[{number}]", "dict", entry)
            _check_texts(source, f"{key}[{number}]", entry, names)
    return t.cast("Document", document)


def _check_texts(source: str, where: str, entry: t.Mapping[str, t.Any], names: t.Iterable[str]) -> None:
    for name in names:
        value = entry.get(name)
        field = f"{where}.{name}".lstrip(".")
        if not isinstance(value, str):
            raise _incomplete(source, field, "str", value)
        if name in _TIMES and value:
            try:
                datetime.datetime.fromisoformat(value)
            except ValueError:
                raise _incomplete(source, field, "a time in ISO 8601", value) from None


def _incomplete(source: str, field: str, expected: str, found: t.Any) -> UnexpectedState:
    return UnexpectedState(
        f"{source} is no complete evidence of verify: expected {field} as {expected}, found {found!r:.100}",
        _remedy(source),
    )


def _remedy(source: str) -> str:
    return f"Name a file that verify wrote as its push_verify_evidence_path, or move {source} away"
