# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: push_path
type: stdout
short_description: The push path and its state per environment, while a playbook runs
version_added: "0.1.0"
description:
  - Draws the links of the push path for each environment of the inventory, in the order in which a badge travels them,
    and changes the sign of a link when a task says something new of it.
  - On a terminal, the paths stand at the bottom and change in place. What is broken, warns or could not be tested, and
    each task that fails, is printed above them for good.
  - Without a terminal, each change of a link is a plain line of its own.
  - A playbook that applies says C(set now) where it changed something; one in check mode says C(fail).
  - Of a task's result it prints the findings about the path, C(msg) where the task failed, and what C(--diff) asks
    for. It prints no arguments, no registered values and nothing of a task with C(no_log), at any verbosity. Where that
    is too little, as for a module that crashes, run again with C(ansible.builtin.default).
requirements:
  - set as stdout in configuration
author:
  - pushops.securemail contributors (@pushops)
"""

EXAMPLES = r"""
ansible.cfg: |
  # once: ANSIBLE_STDOUT_CALLBACK=pushops.securemail.push_path ansible-playbook playbooks/verify.yml
  [defaults]
  stdout_callback = pushops.securemail.push_path
"""

import pathlib
import sys
import typing as t

from ansible import constants as C
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import stringc

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence import (
    FAIL,
    NOT_TESTED,
    PASS,
    WARNING,
)
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch import drawing
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch.screen import Screen
from ansible_collections.pushops.securemail.plugins.plugin_utils.watch.standing import ASKING, PRESSING, Standing

_COLLECTION = "pushops.securemail."
_COLORS = {
    PASS: C.COLOR_OK,
    FAIL: C.COLOR_ERROR,
    WARNING: C.COLOR_WARN,
    NOT_TESTED: C.COLOR_UNREACHABLE,
    ASKING: C.COLOR_HIGHLIGHT,
}
_HOSTS_NAMED = 3
_UNBOUNDED = 1_000_000  # columns of a file or a pipe


class CallbackModule(CallbackBase):
    """Prints what a run finds out about the push path."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "pushops.securemail.push_path"

    def __init__(self) -> None:
        super().__init__()
        self._screen = Screen(sys.stdout)
        self._signs = drawing.signs_for(sys.stdout.encoding)
        self._standings: dict[str, Standing] = {}
        self._environments: dict[str, str] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._variables: t.Any = None
        self._task = ""
        self._at: list[str] = []

    # What a run begins with

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        if self._screen.live:
            self._legend()

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._variables = play.get_variable_manager()

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._task, self._at = task.get_name().strip(), []
        self._draw()

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._at.append(host.get_name())
        if self._standing(host).asks(_module(task), host.get_name()):
            self._draw()

    def v2_playbook_on_vars_prompt(self, *_arguments: t.Any, **_words: t.Any) -> None:
        self._screen.clear()

    # What a task came to

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        self._hear(result)

    def v2_runner_on_skipped(self, result: CallbackTaskResult) -> None:
        self._hear(result, skipped=True)

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        if not self._hear(result, failed=True) and not ignore_errors:
            self._say(f"FAILED {result.task.get_name()} on {_host(result)}: {_reason(result)}", C.COLOR_ERROR)

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        if not self._hear(result, unreachable=True):
            line = f"UNREACHABLE {_host(result)}, in {result.task.get_name()}: {_reason(result)}"
            self._say(line, C.COLOR_UNREACHABLE)

    def v2_on_file_diff(self, result: CallbackTaskResult) -> None:
        for part in [result.result, *result.result.get("results", [])]:
            if isinstance(part, dict) and part.get("diff"):
                text = self._get_diff(part["diff"])
                if text:
                    self._say(text.rstrip("\n"))

    # What a run ends with

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._screen.clear()
        self._display.display("")
        if not self._screen.live:
            self._legend()
        width = self._screen.size[0] if self._screen.live else _UNBOUNDED
        names = max((len(name) for name in self._standings), default=0)
        for standing in self._standings.values():
            self._display.display(drawing.line(standing, self._signs, _paint, names, width))
        for host in sorted(stats.processed):
            count = stats.summarize(host)
            if count["failures"] or count["unreachable"]:
                said = f"{host}: {count['failures']} failed, {count['unreachable']} unreachable"
                self._display.display(said, color=C.COLOR_ERROR)

    def _legend(self) -> None:
        for text in drawing.legend(self._signs):
            self._display.display(text)

    def _hear(self, result: CallbackTaskResult, **status: bool) -> bool:
        """Print what a result says of the path that is new. Whether there was anything."""
        standing = self._standing(result.host)
        heard = {**result.result, **status}
        applied = not result.task.check_mode
        findings = standing.hears(_module(result.task), _host(result), heard, changed_now=applied)
        if result.result.get("warnings") or result.result.get("deprecations"):
            self._screen.clear()
            self._handle_warnings(result.result)
        for finding in findings:
            now, said = standing.state(finding.link), self._said.get((standing.name, finding.link))
            news = not self._screen.live and finding.state == now != said
            if news or finding.state in PRESSING:
                self._say(drawing.sentence(standing.name, finding), _COLORS.get(finding.state))
                self._said[(standing.name, finding.link)] = now
        self._draw()
        return bool(findings)

    def _standing(self, host: t.Any) -> Standing:
        name = host.get_name()
        if name not in self._environments:
            self._environments[name] = self._environment(host)
        environment = self._environments[name]
        return self._standings.setdefault(environment, Standing(environment))

    def _environment(self, host: t.Any) -> str:
        """As push_verify names it: what is declared, else the folder of the inventory."""
        values = self._variables.get_vars(host=host, include_hostvars=False)
        declared = str(values.get("push_environment_name", ""))
        folder = pathlib.Path(str(values.get("inventory_dir"))).name
        known = folder and folder != "None"  # a list of hosts is no folder
        return declared if declared and "{{" not in declared else folder if known else "environment"

    def _say(self, text: str, color: str | None = None) -> None:
        self._screen.clear()
        self._display.display(text, color=color)
        self._draw()

    def _draw(self) -> None:
        if self._screen.live:
            hosts = ", ".join(self._at[:_HOSTS_NAMED]) + (", ..." if len(self._at) > _HOSTS_NAMED else "")
            at = f"{self._task} ({hosts})" if hosts else self._task
            standings = list(self._standings.values())
            self._screen.draw(drawing.block(standings, at, self._signs, _paint, self._screen.size))


def _module(task: t.Any) -> str:
    """The collection's module that a task runs, if any. A loop has many answers of one host, and none is the link's."""
    if task.loop:
        return ""
    name = str(task.resolved_action or task.action)
    return name.removeprefix(_COLLECTION) if name.startswith(_COLLECTION) else ""


def _host(result: CallbackTaskResult) -> str:
    return str(result.host.get_name())


def _reason(result: CallbackTaskResult) -> str:
    if "censored" in result.result:
        return "its result is hidden by no_log"
    return str(result.result.get("msg") or "no reason given")


def _paint(text: str, state: str) -> str:
    color = _COLORS.get(state)
    return stringc(text, color) if color else text
