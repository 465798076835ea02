# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GET answers: objects with what only the device knows, numbers as text, and the configuration as commands."""

from __future__ import annotations

import typing as t

from . import envelope
from .acls import kernel_state
from .resources import BONDS, KINDS, SETTINGS
from .store import Json, Store

#: The superuser's password as the configuration holds it.
NSROOT = "1c9e5b7canary0encrypted0nsroot"
_REVERSED = "authorizationpolicy_aaagroup_binding"
NOUNS = {
    **{name: kind.noun for name, kind in KINDS.items()},
    **{name: bond.noun for name, bond in BONDS.items()},
    **SETTINGS,
    _REVERSED: "authorization policy",
    "nsconfig": "ns config",
    "nsrunningconfig": "ns runningConfig",
    "nssavedconfig": "ns savedConfig",
}


def show(store: Store, resource: str, name: str) -> t.Any:
    """The value under the resource's own key; ``None`` where there is nothing, and the key is left out.

    :raises envelope.Refusal: 258 for a resource or a name that is not there.
    """
    running = store.running
    if resource in KINDS:
        return _objects(store, running, resource, name)
    if resource in BONDS or resource == _REVERSED:
        return _bindings(running, resource, name)
    if resource in SETTINGS:
        return running["settings"].get(resource) or None
    if resource == "nsconfig":
        return {"systemtype": "Stand-alone", "timezone": "CoordinatedUniversalTime", "configchanged": store.changed}
    if resource == "nsrunningconfig":
        return {"response": commands(running)}
    if resource == "nssavedconfig":
        return {"textblob": commands(store.saved)}
    raise envelope.no_such(resource)


def _objects(store: Store, running: Json, resource: str, name: str) -> list[Json] | None:
    found: dict[str, Json] = running["objects"].get(resource, {})
    if name and name not in found:
        raise envelope.no_such(f"{KINDS[resource].key}, {name}")
    chosen = [found[name]] if name else list(found.values())
    if resource == "nsacl":
        applied = store.kernel_acls
        chosen = [{**each, "kernelstate": kernel_state(each, applied), "hits": "0"} for each in chosen]
    if resource == "authorizationpolicy":
        chosen = [{**each, "expressiontype": "Advanced Policy", "hits": "0"} for each in chosen]
    return [_as_text(each) for each in chosen] or None


def _bindings(running: Json, resource: str, name: str) -> list[Json] | None:
    if resource == _REVERSED:
        if name not in running["objects"].get("authorizationpolicy", {}):
            raise envelope.no_such(f"name, {name}")
        bound = running["bindings"].get("aaagroup_authorizationpolicy_binding", [])
        return [
            {"name": name, "boundto": each["groupname"], "priority": str(each["priority"])}
            for each in bound
            if each["policy"] == name
        ] or None
    bond = BONDS[resource]
    found: list[Json] = running["bindings"].get(resource, [])
    if bond.parent:
        if name not in running["objects"].get(bond.parent, {}):
            raise envelope.no_such(f"{bond.parent_field}, {name}")
        found = [each for each in found if each[bond.parent_field] == name]
    return [_as_text(each) for each in found] or None


def _as_text(shown: Json) -> Json:
    return {
        name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in shown.items()
    }


def commands(configuration: Json) -> str:
    """The configuration as the commands that make it, as ``ns.conf`` holds it."""
    lines = ["#NS13.1 Build 49.13", "set ns config -IPAddress 192.0.2.21 -netmask 255.255.255.0"]
    # It carries encrypted passwords, too: whoever reads it must keep them to himself.
    lines.append(f"set system user nsroot {NSROOT} -encrypted")
    for resource, objects in sorted(configuration["objects"].items()):
        kind = KINDS[resource]
        lines += [f"add {kind.noun} {name}{_arguments(each, kind.key)}" for name, each in objects.items()]
    for resource, bindings in sorted(configuration["bindings"].items()):
        bond = BONDS[resource]
        lines += [
            f"bind {bond.noun} {each.get(bond.parent_field, '')}{_arguments(each, bond.parent_field)}"
            for each in bindings
        ]
    lines += [f"set {SETTINGS[name]}{_arguments(each, '')}" for name, each in configuration["settings"].items()]
    return "\n".join(lines) + "\n"


def _arguments(fields: Json, key: str) -> str:
    return "".join(f' -{name} "{value}"' for name, value in sorted(fields.items()) if name != key)
