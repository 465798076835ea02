# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_ews_iis: a Windows host holds no Python, so the work is done over its WinRM session."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis import EwsIis
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import (
    ARGUMENT_SPEC,
    parse_desired,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.health import HealthGate
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back_spec import parse_health, parse_keep
from ansible_collections.pushops.securemail.plugins.plugin_utils.https_status import HttpsAsker
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner


class ActionModule(ActionBase):
    """Reads, plans and writes in one shell of the connection that Ansible holds."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _result, params = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        try:
            return result | self._reconcile(params, str((task_vars or {}).get("inventory_hostname", "the host")))
        except Unreachable as problem:
            raise AnsibleConnectionFailure(str(problem)) from None
        except PushOpsError as problem:
            return result | {"failed": True, "msg": str(problem), "remedy": problem.remedy}

    def _reconcile(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        desired, keep, health = parse_desired(params), parse_keep(params), parse_health(params)
        gate = HealthGate(health, HttpsAsker(health)) if health else None
        runner = WinrsRunner(self._connection, host, log=lambda line: self._display.vvv(f"WINRS {line}", host=host))
        resource = EwsIis(runner, desired, host, Backups(runner, keep), gate, params["require_healthy"])
        with contextlib.closing(resource):
            outcome = reconcile(resource, self._task.check_mode)
            if self._task.check_mode:
                resource.foresee(outcome)
            return outcome.result() | resource.describe(outcome)
