# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two enrolled phones that never had a badge."""

from __future__ import annotations

import secrets
import typing as t

from ..lab import DEVICES, Lab
from ..state import JsonFile


def seed(lab: Lab) -> None:
    """Write the state of each phone, unless it is there."""
    for device in DEVICES:
        state = JsonFile(lab.state("devices") / f"{device}.json")
        if not state.path.exists():
            state.write(_new())


def _new() -> dict[str, t.Any]:
    return {
        "token": secrets.token_hex(32),
        "badge": 0,
        "registration": None,
        "subscription": None,
        "last_error": None,
        "notifications": [],
        "relaunch": 0,
    }
