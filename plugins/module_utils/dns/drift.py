# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what resolvers say to what became of the pinned addresses. Pure; it follows no answer, it only compares."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.addresses import is_within, of_version, special_purpose, without_overlaps
from ..core.flows import Flow
from .answers import FAMILIES, NOERROR, NXDOMAIN, Answer

AS_PINNED, DRIFTED, UNKNOWN = "as pinned", "drifted", "unknown"


@dataclass(frozen=True)
class Reason:
    """Why a name is in its state: a stable code, and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class NameReport:
    """One pinned name beside what resolvers say.

    :param state: ``as pinned``, ``drifted``, or ``unknown`` where no resolver gave an answer that can be trusted.
    :param added: addresses that resolve and are not pinned.
    :param removed: pinned addresses and CIDRs that no resolver names any more.
    :param unchanged: pinned addresses and CIDRs that resolve.
    """

    flow: Flow
    state: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    reasons: tuple[Reason, ...]
    answers: tuple[Answer, ...]

    def as_vars(self) -> dict[str, t.Any]:
        return {
            "name": self.flow.name,
            "fqdn": self.flow.fqdn,
            "state": self.state,
            "added": list(self.added),
            "removed": list(self.removed),
            "unchanged": list(self.unchanged),
            "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in self.reasons],
            "answers": [answer.as_vars() for answer in self.answers],
        }


def judge(flow: Flow, answers: t.Sequence[Answer], allowed: t.Sequence[str]) -> NameReport:
    """Compare the destinations of a flow with what its name resolves to.

    :param allowed: networks that are none of the internet's and yet meant; the pinned addresses are meant anyway.
    """
    meant = (*allowed, *flow.destinations)
    reasons = [] if answers else [Reason("no-resolver", "no resolver is named and the system has none")]
    reasons += _failures(answers)
    liars = set()
    for answer in answers:
        strange = [
            address for address in answer.addresses if special_purpose(address) and not is_within(address, meant)
        ]
        if strange:
            liars.add(answer.resolver)
            sentence = f"{answer.resolver} answers {', '.join(strange)}, which is not on the internet"
            reasons.append(Reason("special-purpose-answer", sentence))
    trusted = [answer for answer in answers if answer.answered and answer.resolver not in liars]
    reasons += _disagreements(trusted)
    added, removed, unchanged = _compared(flow.destinations, trusted)
    drifted = [
        *_silence(trusted),
        *([Reason("address-added", f"resolves to {', '.join(added)}, not pinned")] if added else []),
        *([Reason("address-removed", f"no longer resolves to {', '.join(removed)}, pinned")] if removed else []),
    ]
    state = DRIFTED if drifted else (AS_PINNED if trusted else UNKNOWN)
    if state == AS_PINNED:
        reasons.append(Reason("as-pinned", "resolves as pinned"))
    return NameReport(flow, state, added, removed, unchanged, (*drifted, *reasons), tuple(answers))


def _failures(answers: t.Iterable[Answer]) -> list[Reason]:
    failed: dict[str, list[str]] = {}
    for answer in answers:
        if not answer.answered:
            failed.setdefault(answer.status, []).append(f"{answer.resolver} ({answer.family})")
    return [Reason(status.lower(), f"{status} from {', '.join(where)}") for status, where in failed.items()]


def _disagreements(trusted: t.Sequence[Answer]) -> list[Reason]:
    reasons = []
    for family in FAMILIES:
        said: dict[tuple[str, ...], list[str]] = {}
        for answer in trusted:
            if answer.family == family:
                said.setdefault(answer.addresses or (answer.status,), []).append(str(answer.resolver))
        if len(said) > 1:
            shown = "; ".join(f"{', '.join(who)}: {', '.join(what)}" for what, who in said.items())
            reasons.append(Reason("resolvers-disagree", f"resolvers disagree on {family}: {shown}"))
    return reasons


def _silence(trusted: t.Sequence[Answer]) -> list[Reason]:
    """Where every resolver that answered says that there is nothing."""
    if not trusted or any(answer.addresses for answer in trusted):
        return []
    if all(answer.status == NXDOMAIN for answer in trusted):
        return [Reason("nxdomain", "does not exist any more")]
    if {answer.family for answer in trusted} == set(FAMILIES):
        return [Reason("no-address", "has no address any more")]
    return []


def _compared(
    pinned: t.Sequence[str], trusted: t.Sequence[Answer]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Added, removed, unchanged; of each family only where somebody answered for it."""
    found = without_overlaps(address for answer in trusted for address in answer.addresses)
    added = tuple(address for address in found if not is_within(address, pinned))
    removed: list[str] = []
    unchanged: list[str] = []
    for family, version in FAMILIES.items():
        if any(answer.family == family and answer.status in (NOERROR, NXDOMAIN) for answer in trusted):
            for entry in of_version(pinned, version):
                resolves = any(is_within(address, [entry]) for address in found)
                (unchanged if resolves else removed).append(entry)
    return added, tuple(removed), tuple(unchanged)


def concerns(reports: t.Iterable[NameReport]) -> list[str]:
    """What a person should look at, a sentence for each reason but that all is well."""
    return [
        f"{report.flow.name}: {report.flow.fqdn} {reason.sentence}"
        if report.state == DRIFTED and reason.code in ("address-added", "address-removed", "nxdomain", "no-address")
        else f"{report.flow.name}: {report.flow.fqdn}: {reason.sentence}"
        for report in reports
        for reason in report.reasons
        if reason.code != "as-pinned"
    ]


def summary(reports: t.Sequence[NameReport]) -> str:
    """One line for a report of the whole path."""
    good = sum(report.state == AS_PINNED for report in reports)
    if good == len(reports):
        return f"Names: {', '.join(report.flow.fqdn for report in reports)} resolve as pinned."
    return f"Names: {good} of {len(reports)} resolve as pinned."
