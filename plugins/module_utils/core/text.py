# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write: free text and dates that end up in reports and other people's files, times, and numbers."""

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


def check_now(value: str | None) -> datetime.datetime:
    """The time to judge by, with a zone; whole seconds, as certificates have them."""
    if value is None:
        return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    try:
        now = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInput("now", value, "a time in ISO 8601", "Write it as 2026-01-31T12:00:00Z") from None
    return now if now.tzinfo else now.replace(tzinfo=datetime.UTC)


def check_positive(name: str, value: int) -> int:
    if not 0 < value <= 36500:
        raise InvalidInput(name, value, "a number from 1 to 36500", "Leave it out for the default")
    return value
