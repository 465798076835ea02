# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the running configuration, each checked as a whole before anything is written."""

from __future__ import annotations

import typing as t

from . import envelope
from .acls import check_acl
from .expressions import Malformed, compiled
from .resources import BONDS, KINDS
from .store import Json, Store


class Configuration:
    """The commands that change it; all raise :class:`.envelope.Refusal` and have then changed nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, resource: str, fields: Json) -> None:
        kind = KINDS[resource]
        for name in kind.required:
            if fields.get(name) in (None, ""):
                raise envelope.missing(name)
        _check(resource, fields)
        with self._store.running_file.edit() as running:
            objects = running["objects"].setdefault(resource, {})
            name = str(fields[kind.key])
            if name in objects:
                raise envelope.exists(f"{kind.key}, {name}")
            if resource == "nsacl" and "priority" not in fields:
                fields = {
                    **fields,
                    "priority": max((int(each["priority"]) for each in objects.values()), default=0) + 10,
                }
            objects[name] = fields

    def change(self, resource: str, fields: Json) -> None:
        kind = KINDS[resource]
        if fields.get(kind.key) in (None, ""):
            raise envelope.missing(kind.key)
        _check(resource, fields)
        with self._store.running_file.edit() as running:
            name = str(fields[kind.key])
            if name not in running["objects"].get(resource, {}):
                raise envelope.no_such(f"{kind.key}, {name}")
            running["objects"][resource][name].update(fields)

    def remove(self, resource: str, name: str) -> None:
        kind = KINDS[resource]
        with self._store.running_file.edit() as running:
            if name not in running["objects"].get(resource, {}):
                raise envelope.no_such(f"{kind.key}, {name}")
            for bond_name, bond in BONDS.items():
                bindings = running["bindings"].get(bond_name, [])
                if bond.child == resource and any(each[bond.child_field] == name for each in bindings):
                    raise envelope.in_use(f"{kind.key}, {name}")
            del running["objects"][resource][name]

    def bind(self, resource: str, fields: Json) -> None:
        bond = BONDS[resource]
        for name in (bond.parent_field, bond.child_field):
            if fields.get(name) in (None, ""):
                raise envelope.missing(name)
        unknown = set(fields) - {bond.parent_field, bond.child_field, *bond.optional}
        if unknown:
            raise envelope.unknown_argument(min(unknown))
        priority = _number(fields.get("priority", 0), "priority", 0, 2**31 - 1)
        with self._store.running_file.edit() as running:
            for name, kind in ((bond.parent_field, bond.parent), (bond.child_field, bond.child)):
                if fields[name] not in running["objects"].get(kind, {}):
                    raise envelope.no_such(f"{name}, {fields[name]}")
            bindings = running["bindings"].setdefault(resource, [])
            for each in bindings:
                if each[bond.parent_field] != fields[bond.parent_field]:
                    continue
                if each[bond.child_field] == fields[bond.child_field]:
                    raise envelope.exists(f"{bond.child_field}, {fields[bond.child_field]}")
                if int(each["priority"]) == priority:
                    raise envelope.exists(f"priority, {priority}")
            bindings.append({**fields, "priority": priority})

    def unbind(self, resource: str, parent: str, child: str) -> None:
        bond = BONDS[resource]
        if not child:
            raise envelope.missing(bond.child_field)
        with self._store.running_file.edit() as running:
            bindings = running["bindings"].get(resource, [])
            kept = [each for each in bindings if (each[bond.parent_field], each[bond.child_field]) != (parent, child)]
            if kept == bindings:
                raise envelope.no_such(f"{bond.child_field}, {child}")
            running["bindings"][resource] = kept


def _check(resource: str, fields: Json) -> None:
    kind = KINDS[resource]
    unknown = set(fields) - {*kind.required, *kind.optional}
    if unknown:
        raise envelope.unknown_argument(min(unknown))
    if resource == "nsacl":
        check_acl(fields)
    if resource == "authorizationpolicy":
        if str(fields.get("action", "ALLOW")).upper() not in ("ALLOW", "DENY"):
            raise envelope.bad_value("action")
        if "rule" in fields:
            try:
                compiled(str(fields["rule"]))
            except Malformed:
                raise envelope.bad_value("rule") from None


def _number(value: t.Any, name: str, lowest: int, highest: int) -> int:
    text = str(value)
    if not text.isdigit() or not lowest <= int(text) <= highest:
        raise envelope.bad_value(name)
    return int(text)
