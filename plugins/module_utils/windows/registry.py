# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of a Windows host through ``reg query``: key lines, value lines, and nothing that has a language.

``reg query`` prints the full name of a key, then each value as ``    NAME    TYPE    DATA`` (Microsoft's command
reference). A line of another shape is a message of some program; it is kept apart, because its words are localized.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .cmdline import command_line

_VALUE = re.compile(r" {4}(?P<name>.*?) {4}(?P<type>REG_[A-Z_]+)(?: {4}(?P<data>.*))?")
_KEY = re.compile(r"HKEY_[A-Z_]+(\\.*)?")


@dataclass(frozen=True)
class Values:
    """What a query printed.

    :param keys: key in lower case -> value name as it is printed -> data, as text. Values before the first key line, as
        a filter leaves them, stand under the empty key.
    :param noise: lines that are neither key nor value.
    """

    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    noise: tuple[str, ...] = ()

    def key(self, name: str) -> dict[str, str]:
        """The values of a key, which Windows finds in any case; none where it was not printed."""
        return self.keys.get(name.lower(), {})


def query(key: str, *options: str) -> str:
    """The line that prints a key."""
    return command_line("reg", "query", key, *options)


def parse_values(printed: str) -> Values:
    """Take apart what one or more queries printed."""
    keys: dict[str, dict[str, str]] = {}
    noise: list[str] = []
    current = ""
    for line in printed.splitlines():
        if found := _VALUE.fullmatch(line):
            keys.setdefault(current, {})[found["name"]] = found["data"] or ""
        elif _KEY.fullmatch(line):
            current = line.lower()
            keys.setdefault(current, {})
        elif line.strip():
            noise.append(line)
    return Values(keys, tuple(noise))


def text(values: t.Mapping[str, str], name: str) -> str:
    """The data of a value, whose name Windows finds in any case; empty where it is missing."""
    return next((data for present, data in values.items() if present.lower() == name.lower()), "")


def number(values: t.Mapping[str, str], name: str) -> int | None:
    """A REG_DWORD, which is printed in hexadecimal; ``None`` where it is missing or no number."""
    try:
        return int(text(values, name), 16)
    except ValueError:
        return None
