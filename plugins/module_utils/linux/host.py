# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs programs on a Linux host."""

from __future__ import annotations

import typing as t


class Host(t.Protocol):
    """What is needed of an ``AnsibleModule``."""

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None: ...

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]: ...
