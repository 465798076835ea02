# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .mdx file says of its policies: the ids behind the labels of enumerations."""

from __future__ import annotations

from ..core.mdx.package import read_labels


def enum_labels(path: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration of the file.

    :raises UnexpectedState: not an .mdx, or metadata that cannot be read safely or gives a label two ids.
    """
    return read_labels(path)
