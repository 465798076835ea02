# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product version of a host, as Exchange's setup leaves it in the registry."""

from __future__ import annotations

from ..machine import Machine
from ..registry import Registry
from .soap import ServerVersion

SETUP = r"HKLM\SOFTWARE\Microsoft\ExchangeServer\v15\Setup"
NAMES = ("MsiProductMajor", "MsiProductMinor", "MsiBuildMajor", "MsiBuildMinor")


def product_version(machine: Machine) -> ServerVersion:
    """:raises LookupError: Exchange is not installed on this machine."""
    values = [Registry(machine).get(SETUP, name) for name in NAMES]
    numbers = [value[1] for value in values if value is not None and isinstance(value[1], int)]
    if len(numbers) != len(NAMES):
        raise LookupError(f"{machine.name} has no product version in {SETUP}")
    return ServerVersion(*numbers)
