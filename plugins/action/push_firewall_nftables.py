# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of push_firewall_nftables: a change is kept only if the host answers on a fresh connection."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

MODULE = "pushops.securemail.push_firewall_nftables"
_PAUSE = 1.0
#: How long the host may take to answer again after it took a change back.
_MARGIN = 30.0


class ActionModule(ActionBase):
    """Runs the module, closes the connection, and runs it again over another one to confirm."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        given = {name: value for name, value in self._task.args.items() if name != "confirm_token"}
        begun = time.monotonic()
        first = self._ask(given, task_vars)
        confirm = first.get("confirm")
        if first.get("failed") or not confirm:
            return result | first
        self._display.vv(f"The change waits {confirm['seconds']} s to be confirmed over a fresh connection")
        again = self._confirm({**given, "confirm_token": confirm["token"]}, begun + confirm["seconds"], task_vars)
        if again.get("failed"):
            return result | {**again, "changed": False, "confirm": confirm}
        return result | {**first, "confirm": {**confirm, "confirmed": True}}

    def _ask(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars, wrap_async=False
        )
        return answer

    def _confirm(
        self, arguments: dict[str, t.Any], deadline: float, task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """Ask over fresh connections until one carries an answer.

        After the deadline the host has taken the change back, so the answer that then comes says that.

        :raises AnsibleConnectionFailure: not even then.
        """
        while True:
            try:
                self._connection.reset()
                return self._ask(arguments, task_vars)
            except AnsibleConnectionFailure as problem:
                if time.monotonic() > deadline + _MARGIN:
                    raise AnsibleConnectionFailure(
                        f"The host answers on no fresh connection, not even {_MARGIN:.0f} s after the time at which it"
                        f" takes an unconfirmed change back by itself: {problem}"
                    ) from None
                time.sleep(_PAUSE)
