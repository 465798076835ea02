# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the tests: every task's result on every host, and the recap, as lines of JSON."""

from __future__ import annotations

import json
import pathlib
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_record
type: aggregate
short_description: Record results for tests
description: Appends one JSON document a line, C(task) for a result and C(recap) at the end.
options:
  path:
    description: File to append to.
    type: path
    required: true
    env:
      - name: TASK_RECORD_PATH
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_record"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, document: dict[str, t.Any]) -> None:
        with pathlib.Path(self.get_option("path")).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(document, default=str) + "\n")

    def _task(self, status: str, result: t.Any) -> None:
        task = {"task": result.task.get_name(), "host": result.host.get_name(), "status": status}
        self._record({"task": {**task, "value": result.result}})

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._task("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._task("failed", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._task("unreachable", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._task("skipped", result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._record({"recap": {host: stats.summarize(host) for host in stats.processed}})
