# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that ``CGAppCLPrepTool Wrap`` takes, as its own help (21.x) names them."""

from __future__ import annotations

import typing as t

REQUIRED = ("Cert", "Profile", "in", "out")
WITH_VALUE = (
    *REQUIRED,
    *("outBundle", "appName", "bundleID", "appDesc", "minPlatform", "maxPlatform", "excludedDevices", "logFile"),
    *("logWriteLevel", "logDisplayLevel", "storeURL", "policyXML", "adalClientID", "adalNSGResource"),
)
SWITCHES = ("upgrade", "noStripExtensions", "useNetworkOnlyLib", "atsOn")


class Refused(Exception):
    """What the tool says instead of doing it."""


def parse(words: t.Sequence[str]) -> dict[str, str]:
    """Argument -> value, ``""`` for a switch; each may come once."""
    if not words or words[0] != "Wrap":
        raise Refused(f"Unknown command {words[0] if words else ''!r}: the first argument must be the command")
    given: dict[str, str] = {}
    rest = iter(words[1:])
    for word in rest:
        name = word.removeprefix("-")
        if not word.startswith("-") or name not in (*WITH_VALUE, *SWITCHES):
            raise Refused(f"Unknown argument {word}")
        if name in given:
            raise Refused(f"Argument {word} may appear only once")
        value = next(rest, None) if name in WITH_VALUE else ""
        if value is None:
            raise Refused(f"Argument {word} needs a value")
        given[name] = value
    for name in REQUIRED:
        if not given.get(name):
            raise Refused(f"Missing required argument -{name}")
    return given
