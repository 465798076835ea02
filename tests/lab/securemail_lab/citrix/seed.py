# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push service before the first upload: one account, no certificate, no device."""

from __future__ import annotations

from ..lab import Lab
from .accounts import Accounts

CUSTOMER_ID = "contoso-7Q2M4"


def seed(lab: Lab) -> None:
    """Make the company's account, unless there is one."""
    Accounts(lab).create(CUSTOMER_ID)
