# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a resource to a module's exit: the one place where an operator's error becomes ``fail_json``."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .errors import PushOpsError
from .reconcile import Outcome, Resource, reconcile

StateT = t.TypeVar("StateT")


def run(
    module: AnsibleModule,
    make_resource: t.Callable[[], Resource[StateT]],
    describe: t.Callable[[Outcome[StateT]], dict[str, t.Any]],
) -> None:
    """Reconcile a resource and leave the module.

    :param make_resource: builds the resource from ``module.params``; it may raise, too.
    :param describe: turns the outcome into the module's own return values.
    """
    try:
        resource = make_resource()
        with contextlib.closing(resource):
            outcome = reconcile(resource, module.check_mode)
        result = {**outcome.result(), **describe(outcome)}
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(**result)
