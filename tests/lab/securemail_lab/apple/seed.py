# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple before the first request: an authority, two teams with a key each, no push certificate, no known device."""

from __future__ import annotations

from ..lab import Lab
from . import authority
from .developer_api.team import APIS, Team


def seed(lab: Lab) -> None:
    """Make the authority that signs certificates, and what a new team has, unless they are there."""
    authority.create(lab)
    for api in APIS:
        Team(lab, api).seed()
