# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network's guards as they stand before push: a gateway that drops, and a web proxy that knows no listener."""

from __future__ import annotations

from ..lab import Lab
from . import proxy, rules


def seed(lab: Lab) -> None:
    """Write the gateway's rule set and the proxy's configuration where there are none yet."""
    rules.seed(lab)
    proxy.seed(lab)
