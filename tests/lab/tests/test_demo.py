# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's own judgement: what it tells of playbooks that do, and do not do, what they should."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from securemail_lab import demo, faults
from securemail_lab.lab import create


class Stage:
    """A launcher whose estate is three variables, and playbooks that act on them as the real ones do."""

    def __init__(self, directory: pathlib.Path, kind: str) -> None:
        self.directory = directory
        self.lab = create(directory, kind)
        self.broken = list(faults.initial_links(self.lab))
        self.badge = "missing"
        self.blind_to = ""
        self.deaf_to = ""
        self.polls_until_subscribed = 0

    def subscribed(self, _lab: object) -> bool:
        self.polls_until_subscribed -= 1
        return self.polls_until_subscribed < 0

    def up(self, _kind: str | None) -> None:
        """The programs are none of this test's business."""

    def entering(self, _host: str | None = None) -> list[str]:
        return []

    def playbook(self, name: str) -> tuple[int, int]:
        if name != "verify.yml":
            changed = 0 if name == self.deaf_to else len(self.broken)
            self.broken = self.broken[: len(self.broken) - changed]
            return 0, changed
        seen = [link for link in self.broken if link != self.blind_to]
        verdict = {"broken": seen, "badge": self.badge if self.broken else "arrived", "report": ["one line"]}
        (self.directory / "verdict.json").write_text(json.dumps(verdict), encoding="ascii")
        return (2 if self.broken else 0), 0


@pytest.fixture
def stage(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path / "lab", "namespaces")
    _wire(made, monkeypatch)
    return made


def _wire(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(fault: faults.Fault) -> t.Callable[..., None]:
        def inflict(_lab: object, _entering: object) -> None:
            assert stage.polls_until_subscribed < 0, "a link is broken before the phones work again"
            stage.broken.append(fault.link)
            stage.badge = fault.badge

        return inflict

    for name, fault in faults.FAULTS.items():
        mend = (lambda _lab: stage.broken.pop()) if fault.mend else None
        replaced = dataclasses.replace(fault, inflict=breaking(fault), mend=mend)
        monkeypatch.setitem(faults.FAULTS, name, replaced)
    monkeypatch.setattr(demo, "all_subscribed", stage.subscribed)
    monkeypatch.setattr(demo.Demo, "_playbook", lambda _self, name: stage.playbook(name))


def tell(stage: Stage, broken: t.Iterable[str] = faults.STORY) -> tuple[bool, dict[str, t.Any]]:
    good = demo.Demo(t.cast("t.Any", stage), pathlib.Path.cwd(), None, broken).run()
    evidence: dict[str, t.Any] = json.loads((stage.directory / "evidence.json").read_bytes())
    return good, evidence


def unexpected(evidence: dict[str, t.Any]) -> list[str]:
    return [step["seen"] for step in evidence["steps"] if not step["as_expected"]]


def test_a_link_is_broken_once_the_phones_work_again(stage: Stage) -> None:
    stage.polls_until_subscribed = 3
    assert tell(stage)[0]


def test_phones_that_never_work_again_do_not_hold_the_story_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "all_subscribed", lambda _lab: False)
    monkeypatch.setattr(demo, "_SETTLED_SECONDS", 0.2)
    stage.polls_until_subscribed = -1
    assert tell(stage)[0]


def test_a_good_story_is_told_with_every_fault(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    good, evidence = tell(stage, faults.FAULTS)
    said = capsys.readouterr().out
    assert good and evidence["as_expected"] and unexpected(evidence) == []
    assert [name for name in faults.FAULTS if f"--- Break by hand: {name}\n" not in said] == []
    number = len(evidence["steps"])
    assert f"{number} of {number} steps as expected" in said and "Left out" not in said


def test_a_link_that_verify_does_not_name_fails_the_demo(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.blind_to = "proxy-bypass"
    good, evidence = tell(stage)
    assert not good and not evidence["as_expected"]
    assert "all links pass; badge missing" in unexpected(evidence)
    assert "EXPECTED broken: proxy-bypass; badge missing, SAW  all links pass" in capsys.readouterr().out


def test_a_repair_that_changes_nothing_fails_the_demo(stage: Stage) -> None:
    stage.deaf_to = "rotate.yml"
    good, evidence = tell(stage)
    assert not good
    assert unexpected(evidence) == ["0 changed", "broken: apns-certificate; badge missing"]


def test_a_verify_without_a_verdict_fails_the_demo(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "all_subscribed", stage.subscribed)
    monkeypatch.setattr(demo.Demo, "_playbook", lambda _self, _name: (4, 0))
    good, evidence = tell(stage)
    assert not good and evidence["last_verdict"] is None
    assert f"no verdict, see {stage.directory / 'logs' / 'demo.log'}" in unexpected(evidence)


def test_loopback_leaves_out_the_gateway_and_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(tmp_path / "lab", "loopback")
    _wire(stage, monkeypatch)
    good, evidence = tell(stage)
    said = capsys.readouterr().out
    assert good and evidence["lab"] == "loopback"
    assert "Break firewall-rule: left out" in said and "Left out: the gateway with its rules, and its fault" in said
