# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's registry: keys and typed values in ``registry.json``, found in any case as on Windows."""

from __future__ import annotations

import typing as t

from ..state import JsonFile
from .machine import Machine

#: REG_SZ and REG_EXPAND_SZ hold text, REG_DWORD and REG_QWORD numbers, REG_MULTI_SZ a list, REG_BINARY hex digits.
Data = str | int | list[str]
Values = dict[str, tuple[str, Data]]

HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}

_Document = dict[str, dict[str, list[t.Any]]]


class UnknownHive(ValueError):
    """The key does not begin with a hive."""


def full_name(key: str) -> str:
    """The key with its hive written out: ``HKLM\\X`` becomes ``HKEY_LOCAL_MACHINE\\X``.

    :raises UnknownHive: no hive of that name.
    """
    hive, _separator, rest = key.strip("\\").partition("\\")
    name = HIVES.get(hive.upper(), hive.upper())
    if name not in HIVES.values():
        raise UnknownHive(key)
    return f"{name}\\{rest}" if rest else name


class Registry:
    """Reads the file for every question, so an edit by hand acts at once. The default value's name is ``""``."""

    def __init__(self, machine: Machine) -> None:
        self._file = JsonFile(machine.state / "registry.json")

    def exists(self, key: str) -> bool:
        """Whether the key, or a key below it, is there. A hive always is."""
        return self.written(key) is not None

    def written(self, key: str) -> str | None:
        """The key as it is written in the registry, or nothing where it is not there."""
        wanted = full_name(key)
        if wanted in HIVES.values():
            return wanted
        for name in self._file.read():
            if name.lower() == wanted.lower() or name.lower().startswith(f"{wanted.lower()}\\"):
                return str(name[: len(wanted)])
        return None

    def values(self, key: str) -> Values:
        """The key's own values, sorted by name; empty where the key is not there."""
        document: _Document = self._file.read()
        return {name: (kind, data) for name, (kind, data) in document.get(_found(document, key), {}).items()}

    def get(self, key: str, name: str) -> tuple[str, Data] | None:
        """Type and data of one value."""
        for present, value in self.values(key).items():
            if present.lower() == name.lower():
                return value
        return None

    def set(self, key: str, name: str, data: Data, kind: str = "REG_SZ") -> None:
        """Write one value; the key is made where it is missing."""
        with self._file.edit() as document:
            values = document.setdefault(_found(document, key), {})
            values[_present(values, name)] = [kind, data]

    def create(self, key: str) -> None:
        with self._file.edit() as document:
            document.setdefault(_found(document, key), {})

    def delete(self, key: str, name: str | None = None) -> bool:
        """Delete one value, or without a name the key and all below it. Says whether there was one."""
        with self._file.edit() as document:
            found = _found(document, key)
            if name is not None:
                values = document.get(found, {})
                return values.pop(_present(values, name), None) is not None
            below = [k for k in document if k.lower() == found.lower() or k.lower().startswith(f"{found.lower()}\\")]
            for doomed in below:
                del document[doomed]
            return bool(below)

    def subkeys(self, key: str) -> list[str]:
        """Full names of the keys directly below, each once."""
        prefix = f"{full_name(key)}\\"
        found: dict[str, str] = {}
        for name in self._file.read():
            if name.lower().startswith(prefix.lower()):
                child = name[: len(prefix)] + name[len(prefix) :].partition("\\")[0]
                found.setdefault(child.lower(), child)
        return list(found.values())


def _found(document: _Document, key: str) -> str:
    wanted = full_name(key)
    return next((name for name in document if name.lower() == wanted.lower()), wanted)


def _present(values: dict[str, list[t.Any]], name: str) -> str:
    return next((present for present in values if present.lower() == name.lower()), name)
