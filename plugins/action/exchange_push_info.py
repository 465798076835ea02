# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_push_info."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.exchange_info import (
    ARGUMENT_SPEC,
    parse_asked,
    read_info,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.way_back_spec import parse_health
from ansible_collections.pushops.securemail.plugins.plugin_utils.https_status import health_gate
from ansible_collections.pushops.securemail.plugins.plugin_utils.windows_action import WindowsAction


class ActionModule(WindowsAction):
    """Reads in one shell, in check mode, too."""

    ARGUMENTS = ARGUMENT_SPEC

    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        asked, gate = parse_asked(params), health_gate(parse_health(params))
        return {"changed": False, **read_info(self._runner(host), asked, gate)}
