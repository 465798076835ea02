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

    :param keys: key -> value name -> data, as text; keys and names in lower case, because Windows finds them in any
        case. Values before the first key line, as a filter leaves them, stand under the empty key.
    :param noise: lines that are neither key nor value.
    """

    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    noise: tuple[str, ...] = ()

    def key(self, name: str) -> dict[str, str]:
        """The values of a key; none where it was not printed."""
        return self.keys.get(name.lower(), {})


def query(key: str, *options: str) -> str:
    """The line that prints a key."""
    return command_line("reg", "query", key, *options)


def parse_values(text: str) -> Values:
    """Take apart what one or more queries printed."""
    keys: dict[str, dict[str, str]] = {}
    noise: list[str] = []
    current = ""
    for line in text.splitlines():
        if found := _VALUE.fullmatch(line):
            keys.setdefault(current, {})[found["name"].lower()] = found["data"] or ""
        elif _KEY.fullmatch(line):
            current = line.lower()
            keys.setdefault(current, {})
        elif line.strip():
            noise.append(line)
    return Values(keys, tuple(noise))


def number(values: t.Mapping[str, str], name: str) -> int | None:
    """A REG_DWORD by its name; ``None`` where it is missing or no number."""
    data = values.get(name.lower(), "")
    try:
        return int(data, 16) if data.lower().startswith("0x") else int(data)
    except ValueError:
        return None
