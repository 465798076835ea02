# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_ews_iis."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis import EwsIis
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_iis_spec import (
    ARGUMENT_SPEC,
    parse_desired,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back_spec import parse_health, parse_keep
from ansible_collections.pushops.securemail.plugins.plugin_utils.https_status import health_gate
from ansible_collections.pushops.securemail.plugins.plugin_utils.windows_action import WindowsAction


class ActionModule(WindowsAction):
    """Reads, plans and writes in one shell; asks EWS itself before and after a change."""

    ARGUMENTS = ARGUMENT_SPEC

    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        desired, keep, gate = parse_desired(params), parse_keep(params), health_gate(parse_health(params))
        runner = self._runner(host)
        resource = EwsIis(runner, desired, host, Backups(runner, keep), gate, params["require_healthy"])
        return self._reconcile(resource, resource.describe)
