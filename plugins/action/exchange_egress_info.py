# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of exchange_egress_info."""

from __future__ import annotations

import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.egress import (
    ARGUMENT_SPEC,
    parse_asked,
    read_egress,
)
from ansible_collections.pushops.securemail.plugins.plugin_utils.tls_chain import chain
from ansible_collections.pushops.securemail.plugins.plugin_utils.windows_action import WindowsAction


class ActionModule(WindowsAction):
    """Asks in one shell, in check mode, too."""

    ARGUMENTS = ARGUMENT_SPEC

    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        asked = parse_asked(params)
        found = read_egress(self._runner(host), asked)
        probes = [{**probe, "certificates": chain(probe["certificates"])} for probe in found["probes"]]
        return {"changed": False, **found, "probes": probes}
