# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a tunneled session of group G reach B:443? Answered purely, from what was read.

``True`` and ``False`` are certain; ``None`` is an answer, too: it hangs on something that only a real session has.
Source: Citrix, "Configuring Authorization" and "Configure split tunneling": policies of user and group are evaluated by
number, the lowest first; where none matches, the session's default authorization action decides.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .acls import stopping
from .expressions import Answer, Network, matches
from .gateway import DEFAULT_AUTHORIZATION, SPLIT_TUNNEL, Gateway, Group, Virtual

#: What a fresh NetScaler does: no split tunnel, and nobody may reach anything ("Configuring Authorization").
_SHIPPED = {SPLIT_TUNNEL: "OFF", DEFAULT_AUTHORIZATION: "DENY"}


@dataclass(frozen=True)
class Reach:
    """Whether a flow passes, and the sentence that says why."""

    passes: Answer
    because: str


def possible(gateway: Gateway, virtual: Virtual, group: Group, setting: str) -> set[str]:
    """The values that a setting can have in a session of a group: one, unless session policies' rules decide.

    Numbers rank before the level at which a policy is bound; the level breaks a tie.
    """
    values = set()
    for session in sorted((*group.sessions, *virtual.sessions), key=lambda one: one.priority):
        if setting not in session.settings or (certain := _always(session.rule)) is False:
            continue
        values.add(session.settings[setting])
        if certain:
            return values
    return values | {gateway.defaults.get(setting, _SHIPPED[setting])}


def _always(rule: str) -> Answer:
    return {"true": True, "ns_true": True, "false": False, "ns_false": False}.get(rule.strip().lower())


def settings(gateway: Gateway, group: Group, setting: str) -> tuple[str, ...]:
    """The values that a setting can have in a session of a group, through any virtual server."""
    values = (possible(gateway, virtual, group, setting) for virtual in gateway.virtuals)
    return tuple(sorted(set[str]().union(*values)))


def tunneled(gateway: Gateway, group: Group) -> bool:
    """Whether traffic of a group to the internet may come through a tunnel for which an STA is bound.

    With ``REVERSE``, intranet applications go past the tunnel and all else through it: the registration service, too.
    """
    return any(
        virtual.stas and possible(gateway, virtual, group, SPLIT_TUNNEL) - {"ON"} for virtual in gateway.virtuals
    )


def needed(gateway: Gateway, groups: t.Iterable[str]) -> Reach:
    """Whether the NetScaler has a say in the flow at all for one of these groups."""
    if not any(virtual.stas for virtual in gateway.virtuals):
        return Reach(False, "No STA is bound, so Secure Mail's traffic does not come through a tunnel here")
    through = [name for name in groups if tunneled(gateway, gateway.group(name))]
    if not through:
        return Reach(False, "Split tunneling is on, so traffic to the registration service goes past the tunnel")
    return Reach(True, f"An STA is bound and split tunneling is off (or reverse) for {', '.join(through)}")


def may_deny(gateway: Gateway, binding_policy: str, networks: t.Iterable[Network], port: int) -> bool:
    """Whether a policy denies TCP to some of these networks, or may do so."""
    policy = gateway.policies.get(binding_policy)
    if policy is None or policy.action.upper() == "ALLOW":
        return False
    return any(matches(policy.rule, network, port) is not False for network in networks)


def may_reach(gateway: Gateway, group: Group, network: Network, port: int) -> Reach:
    """Whether a tunneled session of a group may open TCP connections to a network on a port."""
    stopped = stopping((acl for acl in gateway.acls if acl.applied), network, port)
    if stopped is not None:
        acl, certain = stopped
        return Reach(False if certain else None, f"ACL {acl.name} {'denies' if certain else 'may deny'} it")
    outcomes: dict[str, str] = {}
    for binding in group.bindings:
        policy = gateway.policies.get(binding.policy)
        answer = matches(policy.rule, network, port) if policy else None
        if policy is None or answer is False:
            continue
        outcomes.setdefault(policy.action.upper(), f"authorization policy {policy.name}")
        if answer and binding.goto.upper() in ("", "END"):
            break
    else:
        for action in settings(gateway, group, DEFAULT_AUTHORIZATION):
            outcomes.setdefault(action, "the default authorization action")
    if len(outcomes) == 1:
        action, decider = next(iter(outcomes.items()))
        return Reach(action == "ALLOW", f"{decider} says {action}")
    said = "; ".join(f"{decider} may say {action}" for action, decider in outcomes.items())
    return Reach(None, said or "no Gateway virtual server is there")
