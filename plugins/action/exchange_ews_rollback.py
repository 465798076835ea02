# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_ews_rollback."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback import EwsRollback
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback_spec import (
    ARGUMENT_SPEC,
    parse_choice,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back_spec import parse_health, parse_keep
from ansible_collections.pushops.securemail.plugins.plugin_utils.https_status import health_gate
from ansible_collections.pushops.securemail.plugins.plugin_utils.windows_action import WindowsAction


class ActionModule(WindowsAction):
    """Lists copies, or puts one back, in one shell."""

    ARGUMENTS = ARGUMENT_SPEC

    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        choice, keep, gate = parse_choice(params), parse_keep(params), health_gate(parse_health(params))
        runner = self._runner(host)
        resource = EwsRollback(runner, *choice, host, Backups(runner, keep), gate)
        return self._reconcile(resource, resource.describe)
