# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple before the first request: an authority, no certificate, no known device."""

from __future__ import annotations

from ..lab import Lab
from . import authority


def seed(lab: Lab) -> None:
    """Make the authority that signs push certificates, unless there is one."""
    authority.create(lab)
