# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunneled Secure Mail's way to the registration service: one policy, its bindings, ACLs where others deny, one save.

Ours is what bears the name of the policy: the policy itself, its bindings, and ACLs named ``<policy>_<address>``.
Nothing else is changed or removed.
"""

from __future__ import annotations

import contextlib

from ..core.errors import UnexpectedState
from ..core.reconcile import Plan, Resource
from . import acl_plan, authorization, policy_plan
from .desired import Desired, change, check
from .gateway import Gateway, read
from .nitro import AlreadyExists, NitroClient, NoSuchResource


class PushAccess(Resource[Gateway]):
    """The access of the declared groups on one NetScaler.

    :raises InvalidInput: what is asked for cannot be right.
    """

    def __init__(self, client: NitroClient, desired: Desired, header: str = "") -> None:
        self._client = client
        self._desired = check(desired)
        self.header = header

    def close(self) -> None:
        self._client.close()

    def read(self) -> Gateway:
        return read(self._client, self._desired.policy, self._desired.groups if self._desired.present else ())

    def plan(self, present: Gateway) -> Plan:
        return plan(present, self._desired)

    def apply(self, plan: Plan) -> None:
        """Everything in one session, the save last. What is there or gone already is left to the re-read to judge."""
        for one in plan.changes:
            for step in one.action:
                with contextlib.suppress(AlreadyExists, NoSuchResource):
                    step(self._client)


def plan(present: Gateway, desired: Desired) -> Plan:
    """What must change. Pure.

    :raises UnexpectedState: no place before what denies the flow, or a write would make changes of others effective.
    """
    if not desired.present:
        changes = [*policy_plan.closed(present, desired), *acl_plan.closed(present, desired)]
    elif authorization.needed(present, desired.groups).passes:
        changes = [*policy_plan.opened(present, desired), *acl_plan.opened(present, desired)]
    else:
        return Plan()
    if changes or present.own_unsaved:
        if present.unsaved and not desired.save_others:
            raise UnexpectedState(
                "The running configuration holds changes that nobody has saved, and saving ours would save them, too",
                "Save or undo them on the NetScaler, or allow it with unsaved_changes=save",
            )
        before, after = ("unsaved changes", "saved") if present.unsaved else ("saved", "saved anew")
        changes.append(change("saved configuration", before, after, lambda c: c.act("nsconfig", "save")))
    return Plan(tuple(changes))
