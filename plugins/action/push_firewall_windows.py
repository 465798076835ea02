# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of push_firewall_windows."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall import Firewall
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_spec import (
    ARGUMENT_SPEC,
    parse_desired,
)
from ansible_collections.pushops.securemail.plugins.plugin_utils.windows_action import WindowsAction


class ActionModule(WindowsAction):
    """Reads, plans and writes in one shell."""

    ARGUMENTS = ARGUMENT_SPEC

    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        desired = parse_desired(params)
        resource = Firewall(self._runner(host), desired, host)
        return self._reconcile(resource, resource.describe)
