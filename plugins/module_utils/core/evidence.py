# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the modules found in check mode to a verdict: which link is broken, on which host, and what to do."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .badge import badge_sentence
from .checks import Check, check_of
from .logged import Result, logged_sentences
from .path import LINKS

PASS, FAIL, WARNING, NOT_TESTED, LEFT_OUT = "pass", "fail", "warning", "not tested", "left out"
_WORST_FIRST = (FAIL, NOT_TESTED, WARNING, PASS, LEFT_OUT)
_SHORT = 60


@dataclass(frozen=True)
class Finding:
    """What one host says about one link.

    :param asked: who was asked, a word of the check's id.
    :param state: ``pass``, ``fail``, ``warning`` (it works, and will not for ever), ``not tested`` (asked, but without
        an answer) or ``left out`` (not asked).
    :param evidence: one sentence: what was found, what was expected, or why nothing could be tested.
    :param remedy: what to do about what fails or warns, where the host knows better than the link.
    :param measured: the facts behind it, by name, for machines.
    """

    link: str
    asked: str
    host: str
    state: str
    evidence: str
    remedy: str = ""
    measured: t.Mapping[str, t.Any] = field(default_factory=dict, kw_only=True)

    @property
    def check(self) -> Check:
        return check_of(self.link, self.asked)

    @property
    def id(self) -> str:
        """Stable id of the check; a link can have several, and each can be asked of several hosts."""
        return self.check.id

    @property
    def advice(self) -> str:
        """What to do about what fails or warns."""
        return (self.remedy or self.check.remedy) if self.state in (FAIL, WARNING) else ""

    def as_record(self) -> dict[str, t.Any]:
        return {
            "id": self.id,
            "link": self.link,
            "title": self.check.title,
            "systems": list(self.check.systems),
            "host": self.host,
            "state": self.state,
            "evidence": self.evidence,
            "remedy": self.advice,
            "measured": dict(self.measured),
        }


@dataclass(frozen=True)
class Verdict:
    """All findings of one run, and what the probe saw.

    :param warnings: sentences about what breaks no link today and is worth a look; they leave the verdict as it is.
    :param notes: sentences about what was looked at besides, and found good.
    :param exchange: host -> what exchange_push_info returned, for a report without a badge.
    """

    findings: tuple[Finding, ...]
    probe: dict[str, t.Any] | None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exchange: t.Mapping[str, Result | None] = field(default_factory=dict)

    @property
    def broken(self) -> tuple[str, ...]:
        """Ids of the broken links, in the order of the path, each once."""
        failed = {finding.link for finding in self.findings if finding.state == FAIL}
        return tuple(link for link in LINKS if link in failed)

    @property
    def not_tested(self) -> tuple[str, ...]:
        skipped = {finding.link for finding in self.findings if finding.state == NOT_TESTED}
        return tuple(link for link in LINKS if link in skipped)

    @property
    def badge(self) -> str:
        """``arrived``, ``missing``, ``carries content`` or ``not tested``."""
        if self.probe is None:
            return NOT_TESTED
        if not self.probe.get("content_free", False):
            return "carries content"
        return "arrived" if self.probe.get("arrived", False) else "missing"

    @property
    def sound(self) -> bool:
        return not self.broken and not self.not_tested and self.badge in ("arrived", NOT_TESTED)

    @property
    def concerns(self) -> list[str]:
        """Every warning in a sentence of its own."""
        of_checks = [
            f"{one.check.title} on {one.host}: {one.evidence}" for one in self.findings if one.state == WARNING
        ]
        return [*of_checks, *self.warnings]

    def sentences(self) -> list[str]:
        """What a person reads: broken links with evidence and remedy, warnings, notes, the badge, logs without one."""
        lines = []
        for link in self.broken:
            lines.append(f"BROKEN {link}: {LINKS[link].title}")
            failing = [finding for finding in self.findings if finding.link == link and finding.state == FAIL]
            lines += [f"  {finding.host}: {finding.evidence}" for finding in failing]
            lines += [f"  Remedy: {remedy}." for remedy in dict.fromkeys(finding.advice for finding in failing)]
        said = []
        for finding in self.findings:
            if finding.state == WARNING:
                said.append(f"WARNING {finding.link} on {finding.host}: {finding.evidence}. {finding.advice}".rstrip())
            if finding.state in (NOT_TESTED, LEFT_OUT):
                said.append(f"{finding.state.upper()} {finding.link} on {finding.host}: {finding.evidence}")
        lines += dict.fromkeys(said)  # several checks of one host may lack an answer for one reason
        lines += [f"WARNING {warning}" for warning in self.warnings]
        lines += self.notes
        lines.append(badge_sentence(self.badge, self.probe))
        if self.badge == "missing":
            lines += logged_sentences(self.exchange)
        return lines


def worst(states: t.Collection[str]) -> str:
    """The worst of the states of some checks; without any, nothing was asked."""
    return next((state for state in _WORST_FIRST if state in states), LEFT_OUT)


def judge(
    asked: str, covered: t.Sequence[str], results: t.Mapping[str, t.Mapping[str, t.Any] | None]
) -> tuple[Finding, ...]:
    """Turn one role's check-mode results into findings.

    :param asked: who was asked, for the ids of the checks.
    :param covered: ids of the links that the role keeps.
    :param results: host -> registered result of its module, or ``None`` for a host that was never asked.
    """
    findings = []
    for host, result in results.items():
        for link in covered:
            findings.append(Finding(link, asked, host, *_state(link, result)))
    return tuple(findings)


def unanswered(result: t.Mapping[str, t.Any] | None) -> tuple[str, str] | None:
    """State and reason where a registered result answers nothing; ``None`` where it does."""
    if result is None:
        return LEFT_OUT, "this run did not ask the host"
    if result.get("skipped"):
        return LEFT_OUT, "it is not asked for"
    if result.get("unable"):
        return LEFT_OUT, str(result["unable"])
    if result.get("unreachable"):
        return NOT_TESTED, f"the host cannot be reached: {result.get('msg', 'no reason given')}"
    if result.get("failed"):
        return NOT_TESTED, f"the check itself failed: {result.get('msg', 'no reason given')}"
    return None


def _state(link: str, result: t.Mapping[str, t.Any] | None) -> tuple[str, ...]:
    """State, evidence and, where the result has one of its own, remedy."""
    if result and result.get("failed") and result.get("link") == link:
        return FAIL, str(result["msg"])
    silent = unanswered(result)
    if silent or result is None:
        return silent or (LEFT_OUT, "")
    # The rotation has contradictions, too: of its journal, in plain sentences, and they break nothing.
    contradictions = [each for each in result.get("contradictions", []) if isinstance(each, t.Mapping)]
    if contradictions:
        return _contradicted(contradictions)
    gate = result.get("gate")
    if gate and not gate["needed_by"]:
        return FAIL, f"waits at the {gate['name']} gate for {gate['waiting_for']}"
    outstanding = [change for change in result.get("changes", []) if change["link"] == link]
    obstacles = [obstacle["sentence"] for obstacle in result.get("obstacles", []) if obstacle["link"] == link]
    if outstanding or obstacles:
        return FAIL, _cause(result) or "; ".join([*map(_difference, outstanding), *obstacles])
    if gate:  # the certificate in service still serves
        return PASS, f"renewal waits at the {gate['name']} gate, needed by {gate['needed_by']}"
    return PASS, "as declared"


def _contradicted(contradictions: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[str, str, str]:
    """From what ``mdx_info`` found: what breaks it now, else what will."""
    breaking = [each for each in contradictions if each["breaks"]]
    shown = breaking or contradictions
    remedies = dict.fromkeys(str(each["remedy"]).rstrip(".") for each in shown)
    evidence = "; ".join(str(each["sentence"]).rstrip(".") for each in shown)
    return FAIL if breaking else WARNING, evidence, "; ".join(remedies)


def _cause(result: t.Mapping[str, t.Any]) -> str:
    """Why the changes are due, where a module says so: what is wrong tells more than what will be made."""
    return str((result.get("decision") or {}).get("sentence", "")).rstrip(".")


def _difference(change: t.Mapping[str, t.Any]) -> str:
    found, expected = _show(change["before"]), _show(change["after"])
    if change["before"] is None and len(expected) > _SHORT:
        return f"{change['name']} is absent"  # what it should be, the role's own diff shows
    return f"{change['name']} is {found}, expected {expected}"


def _show(value: t.Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "empty"
    return str(value)
