# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_ews_rollback: like exchange_ews_iis, over the host's own WinRM session."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback import EwsRollback
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback_spec import (
    ARGUMENT_SPEC,
    parse_choice,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.health import HealthGate
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back_spec import parse_health, parse_keep
from ansible_collections.pushops.securemail.plugins.plugin_utils.https_status import HttpsAsker
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner


class ActionModule(ActionBase):
    """Lists copies, or puts one back, in one shell of the connection that Ansible holds."""

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
        choice, keep, health = parse_choice(params), parse_keep(params), parse_health(params)
        gate = HealthGate(health, HttpsAsker(health)) if health else None
        runner = WinrsRunner(self._connection, host, log=lambda line: self._display.vvv(f"WINRS {line}", host=host))
        with contextlib.closing(EwsRollback(runner, *choice, host, Backups(runner, keep), gate)) as resource:
            outcome = reconcile(resource, self._task.check_mode)
            if self._task.check_mode:
                resource.foresee(outcome)
            return outcome.result() | resource.describe(outcome)
