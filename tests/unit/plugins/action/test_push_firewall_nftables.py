# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin: when it asks again, over which connection, and what it makes of the answers."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pushops.securemail.plugins.action import push_firewall_nftables as action

ARMED = {"changed": True, "changes": [1], "confirm": {"token": "t0", "seconds": 10, "confirmed": False}}
KEPT = {"changed": True, "changes": [2], "confirm": None}
LOST = {"failed": True, "msg": "the host took it back"}
Answer = dict[str, t.Any] | Exception


class Site:
    """A host that gives one answer after the other, a connection that counts, and a clock that sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> None:
        self.asked: list[dict[str, t.Any]] = []
        self.resets = 0
        self.now = 0.0
        self._answers = list(answers)
        monkeypatch.setattr(action.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(action.time, "sleep", self._sleep)
        monkeypatch.setattr(ActionBase, "_execute_module", lambda _self, **given: self._answer(**given))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _reset(self) -> None:
        self.resets += 1

    def _answer(self, *, module_args: dict[str, t.Any], **_given: t.Any) -> dict[str, t.Any]:
        self.asked.append(module_args)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def run(self, **arguments: t.Any) -> dict[str, t.Any]:
        task = types.SimpleNamespace(args=arguments, check_mode=False, async_val=0, action="x", diff=False, _uuid="u")
        shell = types.SimpleNamespace(tmpdir=None)
        connection = types.SimpleNamespace(transport="ssh", _shell=shell, reset=self._reset)
        return action.ActionModule(task, connection, types.SimpleNamespace(), None, None, None).run(task_vars={})


def test_an_armed_change_is_confirmed_over_a_fresh_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, ARMED, KEPT)
    result = site.run(hook="input")
    assert site.asked == [{"hook": "input"}, {"hook": "input", "confirm_token": "t0"}] and site.resets == 1
    assert result["changes"] == [1] and result["confirm"] == {"token": "t0", "seconds": 10, "confirmed": True}


@pytest.mark.parametrize("answer", [{"changed": False, "confirm": None}, {"failed": True, "msg": "no nft"}])
def test_what_was_not_armed_is_asked_once(monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any]) -> None:
    site = Site(monkeypatch, answer)
    assert site.run(confirm_token="somebody's") == answer
    assert site.asked == [{}] and site.resets == 0


def test_each_attempt_takes_a_fresh_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, ARMED, AnsibleConnectionFailure("timed out"), AnsibleConnectionFailure("refused"), KEPT)
    assert site.run()["confirm"]["confirmed"] is True
    assert site.resets == 3


def test_a_change_that_was_taken_back_is_a_failure_that_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result = Site(monkeypatch, ARMED, AnsibleConnectionFailure("timed out"), LOST).run()
    assert result["failed"] and not result["changed"] and result["msg"] == "the host took it back"
    assert result["confirm"]["confirmed"] is False


def test_a_host_that_never_answers_again_is_unreachable_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, ARMED, AnsibleConnectionFailure("timed out"))
    with pytest.raises(AnsibleConnectionFailure, match=r"not even 30 s after .*: timed out"):
        site.run()
    assert 40 < site.now < 45
