# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy and its bindings: what must change so that it is there, and evaluated before what may deny the flow."""

from __future__ import annotations

import itertools
import typing as t

from ..core.errors import UnexpectedState
from ..core.reconcile import Change
from . import authorization, expressions
from .desired import LINK, Desired, Step, change
from .gateway import Gateway, Group

#: Where our policy goes in a group that has room there.
PREFERRED_PRIORITY = 90
_HIGHEST = 2**31 - 1
_BINDING = "aaagroup_authorizationpolicy_binding"


def opened(present: Gateway, desired: Desired) -> list[Change]:
    """What brings the policy and its bindings to the declared groups, and takes it off all others.

    :raises UnexpectedState: no place before what denies the flow.
    """
    stale = [name for name in present.own_groups if name not in desired.groups]
    bound = (one for name in desired.groups for one in _bound(present, desired, present.group(name)))
    return [*_policy(present, desired), *_unbound(present, desired, stale), *bound]


def closed(present: Gateway, desired: Desired) -> list[Change]:
    """What takes the policy away; a policy that is bound cannot be removed."""
    found = present.policies.get(desired.policy)
    changes = [*_unbound(present, desired, present.own_groups)]
    if found is not None:
        shown = f"{found.action}: {found.rule}"
        changes.append(change(_name(desired), shown, None, lambda c: c.delete("authorizationpolicy", desired.policy)))
    return changes


def _name(desired: Desired) -> str:
    return f"authorization policy {desired.policy}"


def _policy(present: Gateway, desired: Desired) -> t.Iterator[Change]:
    found = present.policies.get(desired.policy)
    after = f"ALLOW: {desired.rule}"
    fields = {"name": desired.policy, "rule": desired.rule, "action": "ALLOW"}
    if found is None:
        yield change(_name(desired), None, after, lambda c: c.add("authorizationpolicy", **fields), link=LINK)
    elif not expressions.same(found.rule, desired.rule) or found.action.upper() != "ALLOW":
        before = f"{found.action}: {found.rule}"
        yield change(_name(desired), before, after, lambda c: c.put("authorizationpolicy", **fields), link=LINK)


def _bound(present: Gateway, desired: Desired, group: Group) -> t.Iterator[Change]:
    own = [binding for binding in group.bindings if binding.policy == desired.policy]
    priority = _priority(present, desired, group)
    if [binding.priority for binding in own] == [priority] and own[0].goto.upper() in ("", "END"):
        return
    yield change(
        f"binding in AAA group {group.name}",
        f"priority {own[0].priority}" if own else None,
        f"priority {priority}",
        *([_unbinding(group.name, desired.policy)] if own else []),
        _binding(group.name, desired.policy, priority),
        link=LINK,
    )


def _priority(present: Gateway, desired: Desired, group: Group) -> int:
    """Ours as it is where it does its work; else a free number before everything that may deny the flow."""
    foreign = [binding for binding in group.bindings if binding.policy != desired.policy]
    own = [binding.priority for binding in group.bindings if binding.policy == desired.policy]
    taken = {binding.priority for binding in foreign}
    denying = [
        binding
        for binding in foreign
        if authorization.may_deny(present, binding.policy, desired.networks, desired.port)
    ]
    limit = min((binding.priority for binding in denying), default=_HIGHEST)
    for candidate in itertools.chain(own, [PREFERRED_PRIORITY], range(limit - 1, 0, -1)):
        if 0 < candidate < limit and candidate not in taken:
            return candidate
    raise UnexpectedState(
        f"No priority is free in AAA group {group.name} before {denying[0].policy} ({limit}), which may deny the flow",
        "Give the policies of the group higher priority numbers, which leaves room before them",
    )


def _binding(group: str, policy: str, priority: int) -> Step:
    return lambda c: c.put(_BINDING, groupname=group, policy=policy, priority=priority, gotopriorityexpression="END")


def _unbinding(group: str, policy: str) -> Step:
    return lambda c: c.delete(_BINDING, group, policy=policy)


def _unbound(present: Gateway, desired: Desired, groups: t.Iterable[str]) -> t.Iterator[Change]:
    for name in groups:
        own = [one.priority for one in present.group(name).bindings if one.policy == desired.policy]
        before = f"priority {own[0]}" if own else "bound"
        yield change(f"binding in AAA group {name}", before, None, _unbinding(name, desired.policy))
