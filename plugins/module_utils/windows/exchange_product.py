# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Exchange a host runs, and in which state the application pool of EWS is.

Setup writes the build of the installed cumulative update to the registry; a security update replaces files and leaves
it (see "Exchange Server build numbers" for the builds).
"""

from __future__ import annotations

from ..core.errors import Refused
from .app_pool import POOL, STATE_LINE
from .appcmd import failure
from .appcmd_reads import Question
from .registry import number, parse_values, query
from .runner import CommandResult

SETUP_KEY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\ExchangeServer\v15\Setup"
_NUMBERS = ("MsiProductMajor", "MsiProductMinor", "MsiBuildMajor", "MsiBuildMinor")
#: First build of each product, the newest first.
_PRODUCTS = (
    ((15, 2, 2562), "Exchange Server Subscription Edition"),
    ((15, 2), "Exchange Server 2019"),
    ((15, 1), "Exchange Server 2016"),
    ((15, 0), "Exchange Server 2013"),
)


def product() -> Question[dict[str, str]]:
    """Name and version, such as ``15.2.986.5``."""
    return Question(query(SETUP_KEY), _product)


def _product(result: CommandResult) -> dict[str, str]:
    values = parse_values(result.stdout).key(SETUP_KEY)
    numbers = [number(values, name) for name in _NUMBERS]
    version: list[int] = [one for one in numbers if one is not None]
    if result.rc != 0 or len(version) != len(_NUMBERS):
        raise Refused(
            f"There is no version of Exchange in {SETUP_KEY}",
            "Name hosts with Exchange 2013 or later, and connect as a member of their Administrators group",
        )
    name = next((name for first, name in _PRODUCTS if tuple(version) >= first), "Exchange Server")
    return {"product": name, "version": ".".join(map(str, version))}


def pool_state() -> Question[str]:
    """State of the pool as IIS names it (``Started``, ``Stopped``); empty where there is no such pool."""

    def understand(result: CommandResult) -> str:
        if result.rc not in (0, 1) or (result.rc == 1 and (result.stdout + result.stderr).strip()):
            raise failure(f"The state of {POOL} cannot be read", result)
        return result.stdout.strip()

    return Question(STATE_LINE, understand)
