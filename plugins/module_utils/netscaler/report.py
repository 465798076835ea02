# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read, and what follows from it, as plain data for people and playbooks."""

from __future__ import annotations

import typing as t

from . import authorization
from .acls import in_order
from .expressions import Answer, Network
from .gateway import DEFAULT_AUTHORIZATION, SPLIT_TUNNEL, Gateway, Group


def report(gateway: Gateway, networks: t.Sequence[Network], port: int) -> dict[str, t.Any]:
    """The return values of ``netscaler_push_info``; its documentation has their meaning."""
    return {
        "version": gateway.version,
        "unsaved": gateway.unsaved,
        "virtual_servers": [{"name": virtual.name, "stas": list(virtual.stas)} for virtual in gateway.virtuals],
        "deny_acls": [acl.name for acl in in_order(gateway.acls) if acl.action == "DENY"],
        "groups": [_group(gateway, group, networks, port) for group in gateway.groups],
    }


def _group(gateway: Gateway, group: Group, networks: t.Sequence[Network], port: int) -> dict[str, t.Any]:
    reached = {str(network): authorization.may_reach(gateway, group, network, port) for network in networks}
    bound = [(binding, gateway.policies.get(binding.policy)) for binding in group.bindings]
    return {
        "name": group.name,
        "tunneled": authorization.tunneled(gateway, group),
        "split_tunnel": list(authorization.settings(gateway, group, SPLIT_TUNNEL)),
        "default_authorization": list(authorization.settings(gateway, group, DEFAULT_AUTHORIZATION)),
        "policies": [
            {
                "name": binding.policy,
                "priority": binding.priority,
                "action": policy.action if policy else "",
                "rule": policy.rule if policy else "",
            }
            for binding, policy in bound
        ],
        "passes": _all([reach.passes for reach in reached.values()]),
        "because": {network: reach.because for network, reach in reached.items()},
    }


def _all(answers: t.Sequence[Answer]) -> Answer:
    return False if False in answers else (None if None in answers else True)
