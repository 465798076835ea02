# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free text of people, and dates, that end up in reports, tables and other people's files."""

from __future__ import annotations

import datetime

from .errors import InvalidInput

_LONGEST = 500


def check_line(field: str, value: object, expected: str) -> str:
    """One printable line that is not empty, without the blanks around it.

    :param expected: what the text says, for the error.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(field, value, expected, "Write it in words")
    line = value.strip()
    if not line.isprintable() or len(line) > _LONGEST:
        raise InvalidInput(
            field, value, f"one printable line of at most {_LONGEST} characters", "Shorten or respell it"
        )
    return line


def check_date(field: str, value: object, remedy: str) -> datetime.date:
    """A calendar date, as YAML reads it or as text."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        if isinstance(value, str) and len(value) == len("YYYY-MM-DD"):
            return datetime.date.fromisoformat(value)
    except ValueError:
        pass
    raise InvalidInput(field, value, "a date as YYYY-MM-DD", remedy)
