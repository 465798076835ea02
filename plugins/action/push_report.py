# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the report on the controller, where Jinja2 and the templates are."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.plugin_utils.report.making import ARGUMENTS, Report


class ActionModule(ActionBase):
    """Reads evidence and writes pages; connects to no host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(ARGUMENTS)
        try:
            report = Report(params)
            made = report.make(bool(self._task.check_mode))
        except PushOpsError as problem:
            return {**result, "failed": True, **problem.result()}
        for warning in report.warnings:
            self._display.warning(warning)
        return result | made
