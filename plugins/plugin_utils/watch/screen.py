# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few lines that stay at the bottom of a terminal and change, below all that is printed for good."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

_UP, _ERASE_BELOW = "\033[{}A", "\033[J"


class Screen:
    """While the lines stand, the cursor rests on the first of them, an empty one. So what somebody else prints, as a
    warning of Ansible's own, comes before them and is never erased.

    :param stream: a terminal, or anything else, on which nothing is drawn.
    """

    def __init__(self, stream: t.TextIO) -> None:
        self._stream = stream
        self.live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return shutil.get_terminal_size()

    def draw(self, lines: t.Sequence[str]) -> None:
        """Put these lines in the place of those that stand."""
        if self.live:
            back = f"\r{_UP.format(len(lines) - 1)}" if len(lines) > 1 else "\r"
            self._write(_ERASE_BELOW + "\n".join(lines) + back)
            self._drawn = True

    def clear(self) -> None:
        """Leave only what was printed for good."""
        if self._drawn:
            self._write(_ERASE_BELOW)
            self._drawn = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that went away ends no run
            self._stream.write(text)
            self._stream.flush()
