# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Kerberos realm: MIT's key distribution center in the part of a domain controller."""

from .realm import Realm

__all__ = ["Realm"]
