# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator does on the NetScaler by hand."""

from __future__ import annotations

from ..lab import Lab
from .store import Store


def unbind_authorization(lab: Lab, prefix: str) -> int:
    """Unbind every authorization policy whose name begins so from its groups, and save; returns how many."""
    store = Store(lab)
    with store.running_file.edit() as running:
        bound = running["bindings"]["aaagroup_authorizationpolicy_binding"]
        kept = [each for each in bound if not each["policy"].startswith(prefix)]
        running["bindings"]["aaagroup_authorizationpolicy_binding"] = kept
    store.save()
    return len(bound) - len(kept)


def reboot(lab: Lab) -> None:
    """Start anew from the saved configuration."""
    Store(lab).reboot()
