# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACLs that let the flow pass before what others deny: none where nobody denies it."""

from __future__ import annotations

import dataclasses
import ipaddress
import re

from ..core.errors import UnexpectedState
from ..core.reconcile import Change
from .acls import Acl, in_order, stopping
from .desired import LINK, Desired, Step, change
from .gateway import Gateway


def opened(present: Gateway, desired: Desired) -> list[Change]:
    """:raises UnexpectedState: no place before what denies the flow, or ACLs of others would be applied with ours."""
    return _changes(present, desired, {acl.name: acl for acl in _openings(present, desired)})


def closed(present: Gateway, desired: Desired) -> list[Change]:
    """:raises UnexpectedState: ACLs of others would be applied with ours."""
    return _changes(present, desired, {})


def _is_own(acl: Acl, desired: Desired) -> bool:
    """Whether an ACL bears our name: the policy's, and an address."""
    return bool(re.fullmatch(re.escape(desired.policy) + r"_[0-9.]+(-[0-9.]+)?", acl.name))


def _openings(present: Gateway, desired: Desired) -> list[Acl]:
    foreign = [acl for acl in present.acls if not _is_own(acl, desired)]
    own = {acl.name: acl for acl in present.acls if _is_own(acl, desired)}
    taken = {acl.priority for acl in present.acls}
    openings = []
    for network in desired.networks:
        stopped = stopping(foreign, network, desired.port)
        if stopped is None or not isinstance(network, ipaddress.IPv4Network):
            continue
        denying, _certain = stopped
        opening = Acl.opening(desired.policy, network, desired.port, 0)
        found = own.get(opening.name)
        if found is not None and 0 < found.priority < denying.priority:
            priority = found.priority
        else:
            priority = next((number for number in range(denying.priority - 1, 0, -1) if number not in taken), 0)
        if not priority:
            raise UnexpectedState(
                f"No priority is free before the ACL {denying.name} ({denying.priority}), which may deny {network}",
                "Give the ACLs wider numbers (renumber ns acls), which leaves room before each",
            )
        taken.add(priority)
        openings.append(dataclasses.replace(opening, priority=priority))
    return in_order(openings)


def _changes(present: Gateway, desired: Desired, wanted: dict[str, Acl]) -> list[Change]:
    own = {acl.name: acl for acl in present.acls if _is_own(acl, desired)}
    changes = [
        change(f"ACL {name}", _shown(acl), None, _removing(name)) for name, acl in own.items() if name not in wanted
    ]
    pending = []
    for name, acl in wanted.items():
        found = own.get(name)
        if found is None:
            changes.append(change(f"ACL {name}", None, _shown(acl), _adding(acl), link=LINK))
        elif dataclasses.replace(found, applied=True) != acl:
            steps = (_removing(name), _adding(acl))
            changes.append(change(f"ACL {name}", _shown(found), _shown(acl), *steps, link=LINK))
        elif not found.applied:
            pending.append(name)
    if not changes and not pending and not present.own_acls_gone:
        return []
    waiting = [acl.name for acl in present.acls if acl.enabled and not acl.applied and acl.name not in own]
    if waiting:
        raise UnexpectedState(
            f"Applying our ACLs would apply those of others, too, which nobody has applied yet: {', '.join(waiting)}",
            "Apply them on the NetScaler (apply ns acls) or remove them, then run again",
        )
    before = f"not applied: {', '.join(pending)}" if pending else "applied" if changes else "removals not applied"
    changes.append(
        change("applied ACLs", before, "applied anew", lambda c: c.act("nsacls", "apply"), link=LINK if wanted else "")
    )
    return changes


def _shown(acl: Acl) -> str:
    where = ""
    if acl.destination and acl.ports:
        fields = acl.fields()
        where = f" to {fields['destipval']}:{fields['destportval']}"
    more = (" and more conditions" if acl.narrowed or any(acl.inverted) else "") + ("" if acl.enabled else ", disabled")
    return f"{acl.action}{where}{more}, priority {acl.priority}"


def _adding(acl: Acl) -> Step:
    return lambda c: c.add("nsacl", **acl.fields())


def _removing(name: str) -> Step:
    return lambda c: c.delete("nsacl", name)
