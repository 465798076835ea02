# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artifacts hold beside what the journal says of them. Pure.

A run that was cut short may have done a step without noting it: that is noted afterwards. Where the two contradict each
other, the artifacts are what counts, and the contradiction is reported and noted, so that it is reported once.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from .certificates import Certificate
from .journal import GONE, IN_SERVICE, KEY, REQUEST, SIGNED, STAGED, UPLOADED, Entry, Facts, Journal
from .keys import Bundle
from .state import State
from .versions import Record, Version, version_name


@dataclass(frozen=True)
class Note:
    """An entry that the journal lacks.

    :param contradiction: a sentence, where the journal says something else; empty where it says nothing.
    """

    version: int
    step: str
    facts: Facts
    contradiction: str = ""

    @property
    def shown(self) -> str:
        return f"{self.step}: {', '.join(f'{name} {value}' for name, value in self.facts.items())}"


def signed_facts(certificate: Certificate) -> Facts:
    return {
        "sha256": certificate.sha256,
        "serial": certificate.serial,
        "not_after": certificate.not_after.isoformat(),
    }


def staged_facts(bundle: Bundle) -> Facts:
    return {"sha256": bundle.certificate_sha256, "encryption": bundle.encryption}


def uploaded_facts(record: Record) -> Facts:
    return {
        "sha256": record.sha256,
        "region": record.region,
        "customer_id": record.customer_id,
        "uploaded_by": record.uploaded_by,
    }


def notes(state: State) -> tuple[Note, ...]:
    """What is to be noted before anything else is done.

    :raises UnexpectedState: a key that the journal knows is gone from a folder that is still there.
    """
    newest, journal = state.newest, state.journal
    found = [*_set_aside(max(state.numbers, default=0), journal)]
    if newest is not None:
        _expect_key(newest, journal)
        found += _of_version(newest, journal)
    if state.current is not None and state.serving is not None and (not newest or state.current != newest.number):
        found += _of_version(Version(state.current, certificate=state.serving, record=state.record), journal)
    return (*found, *_pointer(state))


def _set_aside(newest: int, journal: Journal) -> t.Iterator[Note]:
    for number in sorted({entry.version for entry in journal.entries if entry.version > newest}):
        known = journal.last(number, KEY) or journal.last(number, SIGNED)
        if known:
            what = f"The journal knows version {version_name(number)} since {known.at}, and its folder is gone"
            yield Note(number, GONE, {"what": "all"}, what)


def _expect_key(version: Version, journal: Journal) -> None:
    known = journal.last(version.number, KEY)
    if known and not version.key_sha256:
        raise UnexpectedState(
            f"The journal says that version {version.name} got a key at {known.at} (SHA-256 "
            f"{known.facts.get('key_sha256', 'not noted')}), and the key is gone",
            "Restore it from a backup, or move the version's folder aside to start anew",
        )


def _of_version(version: Version, journal: Journal) -> t.Iterator[Note]:
    held: dict[str, Facts] = {}
    if version.key_sha256:
        held[KEY] = {"key_sha256": version.key_sha256}
    if version.request is not None:
        held[REQUEST] = {"key_sha256": version.key_sha256}
    if version.certificate:
        held[SIGNED] = signed_facts(version.certificate)
    if version.bundle:
        held[STAGED] = staged_facts(version.bundle)
    if version.record:
        held[UPLOADED] = uploaded_facts(version.record)
    for step, facts in held.items():
        known = journal.last(version.number, step)
        if known is None:
            yield Note(version.number, step, facts)
        elif not facts.items() <= known.facts.items():
            # A PKCS#12 is made anew from the others as needed, so another one contradicts nothing.
            yield Note(version.number, step, facts, "" if step == STAGED else _differs(known, facts))
    for step in (SIGNED, UPLOADED):
        known = journal.last(version.number, step)
        if known and step not in held:
            yield Note(version.number, GONE, {"what": step}, f"{_says(known)}, and nothing of it is there")


def _pointer(state: State) -> t.Iterator[Note]:
    known = state.journal.in_service()
    if state.current is None:
        if known:
            yield Note(known.version, GONE, {"what": IN_SERVICE}, f"{_says(known)}, and no version is in service")
    elif known is None or known.version != state.current:
        facts = {"sha256": state.serving.sha256} if state.serving else {}
        what = f"{_says(known)}, and version {version_name(state.current)} is in service" if known else ""
        yield Note(state.current, IN_SERVICE, facts, what)


def _says(entry: Entry) -> str:
    return f"The journal says that version {version_name(entry.version)} was {entry.step} at {entry.at}"


def _differs(known: Entry, facts: Facts) -> str:
    differ = [f"{name} {known.facts.get(name)!r} then, {facts[name]!r} now" for name in facts]
    shown = "; ".join(one for one, name in zip(differ, facts, strict=True) if known.facts.get(name) != facts[name])
    return f"The journal contradicts what is there for version {version_name(known.version)}, {known.step}: {shown}"
