# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's limit: at most two live push certificates for an App ID. A third is not asked for. Pure.

Source of the limit: fastlane, ``pem``, which reports the developer portal's refusal of a third.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ..core.errors import Refused
from . import proof
from .course import Wish
from .journal import RETIRED, SIGNED
from .state import State
from .versions import version_name

MOST_LIVE = 2


@dataclass(frozen=True)
class Live:
    """A certificate that Apple still counts."""

    version: int
    serial: str
    ends: datetime.datetime

    @property
    def name(self) -> str:
        return f"version {version_name(self.version)} (serial {self.serial}, until {self.ends.isoformat()})"


def live(state: State, wish: Wish) -> tuple[Live, ...]:
    """The certificates of the store that neither ended nor are known to be revoked, oldest first.

    The journal knows those as well whose folder was moved aside.
    """
    found: dict[str, Live] = {}
    for entry in state.journal.all(SIGNED):
        try:
            ends = datetime.datetime.fromisoformat(entry.facts["not_after"])
            found[entry.facts["serial"]] = Live(entry.version, entry.facts["serial"], ends)
        except (KeyError, ValueError):
            continue
    for number, certificate in state.certificates.items():
        if certificate.production and certificate.user_id == wish.bundle_id:
            found[certificate.serial] = Live(number, certificate.serial, certificate.not_after)
    counted = (one for one in found.values() if one.ends > wish.now and not _is_revoked(one, state, wish))
    return tuple(sorted(counted, key=lambda one: one.version))


def _is_revoked(one: Live, state: State, wish: Wish) -> bool:
    asked, retired = state.proofs.get(one.version), state.journal.last(one.version, RETIRED)
    return (
        one.serial in wish.revoked
        or (asked is not None and asked.reason == proof.REVOKED)
        or (retired is not None and retired.facts.get("reason") == proof.REVOKED)
    )


def refusal(found: tuple[Live, ...], state: State) -> Refused:
    """Why no further certificate is asked for, and which one to revoke."""
    serving = state.serving.serial if state.serving else ""
    spare = next((one for one in found if one.serial != serving), found[0])
    never = f"; never serial {serving}, which is in service" if serving else ""
    return Refused(
        f"Apple keeps at most {MOST_LIVE} live certificates for an App ID, and there are {len(found)}: "
        f"{' and '.join(one.name for one in found)}",
        f"Revoke {spare.name} at developer.apple.com and name its serial in revoked_serials{never}. Or wait until "
        "one ends",
    )
