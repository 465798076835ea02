# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a NetScaler holds about tunneled traffic, read in one session into plain values."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.https import Json
from .acls import Acl
from .nitro import NitroClient, NoSuchResource

SPLIT_TUNNEL, DEFAULT_AUTHORIZATION = "splittunnel", "defaultauthorizationaction"
_SETTINGS = (SPLIT_TUNNEL, DEFAULT_AUTHORIZATION)


@dataclass(frozen=True)
class Policy:
    """An authorization policy; ``action`` is ``ALLOW`` or ``DENY``."""

    name: str
    rule: str
    action: str


@dataclass(frozen=True)
class Binding:
    """A policy at its place in a group. ``goto`` other than empty or ``END`` lets evaluation go on after a match."""

    policy: str
    priority: int
    goto: str = ""


@dataclass(frozen=True)
class SessionPolicy:
    """A session policy where it is bound, with what its action sets: setting -> value; what it leaves out is absent."""

    rule: str
    priority: int
    settings: dict[str, str]


@dataclass(frozen=True)
class Virtual:
    """A Gateway virtual server: the STAs that count there, and its own and the global session policies."""

    name: str
    stas: tuple[str, ...]
    sessions: tuple[SessionPolicy, ...]


@dataclass(frozen=True)
class Group:
    """An AAA group: its authorization policies in order, and its session policies."""

    name: str
    bindings: tuple[Binding, ...]
    sessions: tuple[SessionPolicy, ...]


@dataclass(frozen=True)
class Gateway:
    """One NetScaler.

    :param known_groups: names of all AAA groups; ``groups`` are those that were asked for.
    :param own_groups: groups to which the policy of our name is bound.
    :param defaults: the global settings, setting -> value.
    :param unsaved: the running configuration differs from the saved one.
    :param own_unsaved: it differs in what bears our name.
    :param own_acls_gone: the saved configuration has ACLs of our name that the running one lacks. A run that ended
        between their removal and its save may have left the packet engine with them: none is listed any more.
    """

    version: str
    virtuals: tuple[Virtual, ...]
    defaults: dict[str, str]
    known_groups: tuple[str, ...]
    groups: tuple[Group, ...]
    own_groups: tuple[str, ...]
    policies: dict[str, Policy]
    acls: tuple[Acl, ...]
    unsaved: bool
    own_unsaved: bool
    own_acls_gone: bool = False

    def group(self, name: str) -> Group:
        return next(group for group in self.groups if group.name == name)


def read(client: NitroClient, policy: str, groups: t.Sequence[str] | None, compare_saved: bool = True) -> Gateway:
    """Read everything that decides about a tunneled flow. Changes nothing.

    :param policy: name of our policy, which also begins the names of our ACLs.
    :param groups: AAA groups to look at; ``None`` for all.
    :param compare_saved: whether to find out what of ours is not saved, which takes the right to read configurations.
    :raises UnexpectedState: a group that is not there.
    """
    known = tuple(str(found["groupname"]) for found in client.get("aaagroup"))
    missing = sorted(set(groups or ()) - set(known))
    if missing:
        raise UnexpectedState(
            f"The NetScaler has no AAA group {', '.join(missing)}; it has {', '.join(known) or 'none'}",
            "Correct the names, upper and lower case included, or add the groups there first (add aaa group)",
        )
    own = tuple(
        sorted(str(found["boundto"]) for found in _under(client, "authorizationpolicy_aaagroup_binding", policy))
    )
    sessions = _Sessions(client)
    asked = known if groups is None else (*groups, *(name for name in own if name not in groups))
    unsaved = _flag(_first(client.get("nsconfig")).get("configchanged"))
    lines = _own_lines_of_both(client, policy) if unsaved and compare_saved else ([], [])
    return Gateway(
        str(_first(client.get("nsversion")).get("version", "")),
        _virtuals(client, sessions),
        _settings(_first(client.get("vpnparameter"))),
        known,
        tuple(_group(client, name, sessions) for name in asked),
        own,
        {
            str(found["name"]): Policy(str(found["name"]), str(found.get("rule", "")), str(found.get("action", "")))
            for found in client.get("authorizationpolicy")
        },
        tuple(Acl.of(found) for found in client.get("nsacl")),
        unsaved,
        lines[0] != lines[1],
        bool(_acl_names(lines[1], policy) - _acl_names(lines[0], policy)),
    )


class _Sessions:
    """Session policies with their actions, read once."""

    def __init__(self, client: NitroClient) -> None:
        self._policies = {str(found["name"]): found for found in client.get("vpnsessionpolicy")}
        self._actions = {str(found["name"]): found for found in client.get("vpnsessionaction")}

    def bound(self, bindings: t.Iterable[Json]) -> tuple[SessionPolicy, ...]:
        """The session policies of these bindings, in order."""
        found = []
        for binding in bindings:
            policy = self._policies.get(str(binding.get("policy") or binding.get("policyname")), {})
            action = self._actions.get(str(policy.get("action")), {})
            found.append(SessionPolicy(str(policy.get("rule", "")), _priority(binding), _settings(action)))
        return tuple(sorted(found, key=lambda session: session.priority))


def _virtuals(client: NitroClient, sessions: _Sessions) -> tuple[Virtual, ...]:
    """Every Gateway virtual server; what is bound globally counts on each of them."""
    shared = _stas(client.get("vpnglobal_staserver_binding"))
    everywhere = client.get("vpnglobal_vpnsessionpolicy_binding")
    return tuple(
        Virtual(
            name,
            tuple(dict.fromkeys((*_stas(_under(client, "vpnvserver_staserver_binding", name)), *shared))),
            sessions.bound([*_under(client, "vpnvserver_vpnsessionpolicy_binding", name), *everywhere]),
        )
        for name in (str(found["name"]) for found in client.get("vpnvserver"))
    )


def _group(client: NitroClient, name: str, sessions: _Sessions) -> Group:
    bindings = [
        Binding(str(found["policy"]), _priority(found), str(found.get("gotopriorityexpression") or ""))
        for found in _under(client, "aaagroup_authorizationpolicy_binding", name)
    ]
    bound = sessions.bound(_under(client, "aaagroup_vpnsessionpolicy_binding", name))
    return Group(name, tuple(sorted(bindings, key=lambda binding: binding.priority)), bound)


def _own_lines_of_both(client: NitroClient, policy: str) -> tuple[list[str], list[str]]:
    """Of the running configuration, and of the saved one."""
    return _own_lines(client, "nsrunningconfig", policy), _own_lines(client, "nssavedconfig", policy)


def _acl_names(lines: t.Iterable[str], policy: str) -> set[str]:
    return {found[0] for line in lines for found in re.finditer(rf"\b{re.escape(policy)}_[0-9.]+(-[0-9.]+)?", line)}


def _own_lines(client: NitroClient, resource: str, policy: str) -> list[str]:
    """The lines of a configuration that bear our name; the rest, which holds secrets, is dropped at once."""
    text = "\n".join(str(part.get("response") or part.get("textblob") or "") for part in client.get(resource))
    return sorted(line.strip() for line in text.splitlines() if policy in line)


def _under(client: NitroClient, resource: str, name: str) -> list[Json]:
    """The bindings under a name; none where nobody knows the name."""
    try:
        return client.get(resource, name)
    except NoSuchResource:
        return []


def _first(found: list[Json]) -> Json:
    return found[0] if found else {}


def _flag(value: t.Any) -> bool:
    """A boolean as NITRO shows it; one that it does not show may as well be true."""
    return value is None or str(value).lower() in ("true", "yes")


def _priority(binding: Json) -> int:
    return int(binding.get("priority") or 0)


def _settings(found: Json) -> dict[str, str]:
    return {name: str(found[name]).upper() for name in _SETTINGS if found.get(name)}


def _stas(found: t.Iterable[Json]) -> list[str]:
    return [str(binding["staserver"]) for binding in found]
