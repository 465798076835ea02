# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins for Windows hosts share: arguments in, one shell, an operator's error out.

A Windows host holds no Python, so their work is done on the controller, over the host's WinRM session.
"""

from __future__ import annotations

import contextlib
import typing as t
from abc import abstractmethod

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome, Resource, reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.core.redact import without_userinfo_in
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner

StateT = t.TypeVar("StateT")


class WindowsAction(ActionBase):
    """An action that runs native commands in one shell of the connection that Ansible holds."""

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False
    #: What the module takes, as in its documentation.
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]]

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _result, params = self.validate_argument_spec(argument_spec=self.ARGUMENTS)
        host = str((task_vars or {}).get("inventory_hostname", "the host"))
        try:
            return result | self._work(params, host)
        except Unreachable as problem:
            raise AnsibleConnectionFailure(str(problem)) from None
        except PushOpsError as problem:
            return result | {"failed": True, **problem.result()}

    @abstractmethod
    def _work(self, params: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        """The module's result, for validated arguments.

        :param host: how messages name the host.
        """

    def _runner(self, host: str) -> WinrsRunner:
        def log(line: str) -> None:
            self._display.vvv(f"WINRS {without_userinfo_in(line)}", host=host)

        return WinrsRunner(self._connection, host, log=log)

    def _reconcile(
        self, resource: Resource[StateT], describe: t.Callable[[Outcome[StateT]], dict[str, t.Any]]
    ) -> dict[str, t.Any]:
        """Bring a resource to its desired state, or foresee it in check mode; the module's own values come with it."""
        with contextlib.closing(resource):
            outcome = reconcile(resource, self._task.check_mode)
            return outcome.result() | describe(outcome)
