# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Squid configuration as Squid reads it: one line after the other, through every include, in its order."""

from __future__ import annotations

import fnmatch
import functools
import glob
import os.path
import shlex
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState

_DEEPEST = 16  # Squid's own limit on includes within includes


@dataclass(frozen=True)
class Line:
    """One directive (continued lines joined), and where it stands.

    :param words: the directive and its arguments; empty for a blank line or a comment.
    """

    path: str
    number: int
    text: str

    @functools.cached_property
    def words(self) -> list[str]:
        stripped = self.text.strip()
        return [] if stripped.startswith("#") else _split(stripped)

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


@dataclass(frozen=True)
class Configuration:
    """All lines in the order in which Squid meets them.

    :param place: where the lines of our file stand or would stand; ``None`` where nothing includes it.
    """

    lines: tuple[Line, ...]
    place: int | None

    def staged(self, content: str) -> str:
        """The whole configuration as one file that needs no include, with ``content`` in the place of our file."""
        at = len(self.lines) if self.place is None else self.place
        texts = [line.text for line in self.lines]
        return "\n".join([*texts[:at], content.rstrip("\n"), *texts[at:]]) + "\n"


def read(path: str, ours: str, open_file: t.Callable[[str], str]) -> Configuration:
    """Read a configuration without what stands in our file now.

    :param open_file: the text of a file.
    :raises UnexpectedState: files include each other in circles.
    """
    lines: list[Line] = []
    places: list[int] = []

    def walk(name: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise UnexpectedState(
                f"{name} is included more than {_DEEPEST} levels deep", "Break the circle of includes"
            )
        for line in _lines(name, open_file(name)):
            words = line.words
            if words[:1] != ["include"]:
                lines.append(line)
                continue
            for pattern in words[1:]:
                for included in sorted({*glob.glob(pattern), *([ours] if _names(pattern, ours) else [])}):
                    if os.path.realpath(included) == os.path.realpath(ours):
                        places.append(len(lines))
                    else:
                        walk(included, depth + 1)

    walk(path, 0)
    if len(places) > 1:
        raise UnexpectedState(f"{ours} is included {len(places)} times", f"Leave one include of it in {path}")
    return Configuration(tuple(lines), places[0] if places else None)


def _names(pattern: str, path: str) -> bool:
    """Whether an include would take a file in, also one that is not there yet."""
    return pattern.count("/") == path.count("/") and fnmatch.fnmatchcase(path, pattern)


def _lines(path: str, text: str) -> t.Iterator[Line]:
    begun, number = "", 0
    for at, raw in enumerate(text.splitlines(), 1):
        number = number or at
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            begun += raw[:-1] + " "
            continue
        yield Line(path, number, begun + raw)
        begun, number = "", 0
    if begun:
        yield Line(path, number, begun)


def _split(text: str) -> list[str]:
    """Words, as far as needed here: a quoted file name stays quoted, and a comment ends the line."""
    lexer = shlex.shlex(text, posix=False, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, "#"
    lexer.quotes = '"'
    try:
        return list(lexer)
    except ValueError:  # an open quote, which Squid itself refuses
        return text.split()
