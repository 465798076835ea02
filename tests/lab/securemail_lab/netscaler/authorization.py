# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Gateway decides about a user's tunneled connection, from the running configuration alone.

docs.citrix.com, "Configuring Authorization Policies" and "Configure split tunneling": the lowest number first, over all
groups of the user; where none matches, the default authorization action of the session decides.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .acls import denying
from .expressions import Connection, compiled
from .store import VIRTUAL, Json, Store

_TRUE = ("true", "ns_true")


class Sessions:
    """Tunnel sessions of users, judged anew for every question."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def settings(self, user: str) -> dict[str, t.Any]:
        """What the app is told when it comes in: whether its traffic to the internet goes through the tunnel."""
        running = self._store.running
        bindings = running["bindings"]
        stas = [
            *bindings.get("vpnglobal_staserver_binding", []),
            *_of_virtual(bindings, "vpnvserver_staserver_binding"),
        ]
        split = _setting(running, user, "splittunnel")
        return {"split_tunnel": split, "tunneled": bool(stas) and split != "ON"}

    def refusal(self, user: str, source: str, address: str, port: int) -> str:
        """Why a connection is not let through; empty where it is."""
        dropped = denying(self._store.kernel_acls, source, address, port)
        if dropped:
            return f"ACL {dropped} drops {address}:{port}"
        running = self._store.running
        connection = Connection(ipaddress.ip_address(address), port)
        policies = running["objects"].get("authorizationpolicy", {})
        for binding in _of_groups(running, "aaagroup_authorizationpolicy_binding", user):
            policy = policies[binding["policy"]]
            if compiled(policy["rule"])(connection):
                if policy["action"].upper() == "ALLOW":
                    return ""
                return f"authorization policy {policy['name']} denies {address}:{port}"
        if _setting(running, user, "defaultauthorizationaction") == "ALLOW":
            return ""
        return f"no authorization policy allows {address}:{port}"


def groups(running: Json, user: str) -> set[str]:
    """The AAA groups of a user, as the directory would name them."""
    members = running["bindings"].get("aaagroup_aaauser_binding", [])
    return {each["groupname"] for each in members if each["username"] == user}


def _of_groups(running: Json, resource: str, user: str) -> list[Json]:
    mine = groups(running, user)
    bound = [each for each in running["bindings"].get(resource, []) if each["groupname"] in mine]
    return sorted(bound, key=lambda each: int(each["priority"]))


def _of_virtual(bindings: Json, resource: str) -> list[Json]:
    return [each for each in bindings.get(resource, []) if each["name"] == VIRTUAL]


def _setting(running: Json, user: str, name: str) -> str:
    """The first session policy that sets it, by number; else the global parameter."""
    bindings, objects = running["bindings"], running["objects"]
    bound = [
        *_of_groups(running, "aaagroup_vpnsessionpolicy_binding", user),
        *_of_virtual(bindings, "vpnvserver_vpnsessionpolicy_binding"),
        *bindings.get("vpnglobal_vpnsessionpolicy_binding", []),
    ]
    for binding in sorted(bound, key=lambda each: int(each["priority"])):
        policy = objects["vpnsessionpolicy"][binding.get("policy") or binding["policyname"]]
        action = objects["vpnsessionaction"].get(policy["action"], {})
        if policy["rule"].lower() in _TRUE and action.get(name):
            return str(action[name])
    return str(running["settings"].get("vpnparameter", {}).get(name, ""))
