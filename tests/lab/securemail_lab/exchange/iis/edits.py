# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that a section can undergo, as values."""

from __future__ import annotations

import dataclasses

from .errors import INVALID_PARAMETER, IisError
from .schema import ElementSchema, Value


@dataclasses.dataclass(frozen=True)
class SetAttribute:
    """``dotted`` as ``SectionValue.attribute`` takes it; the value is text, checked against the schema."""

    dotted: str
    value: str


@dataclasses.dataclass(frozen=True)
class ClearAttribute:
    dotted: str


@dataclasses.dataclass(frozen=True)
class AddItem:
    """Append an item to a child collection."""

    collection: str
    attributes: dict[str, str]


@dataclasses.dataclass(frozen=True)
class RemoveItem:
    """Take the first item with these attributes out of a child collection, by ``<remove>`` where it is inherited."""

    collection: str
    attributes: dict[str, str]


@dataclasses.dataclass(frozen=True)
class ClearSection:
    """Take the section out of the file."""


Edit = SetAttribute | ClearAttribute | AddItem | RemoveItem | ClearSection


def unknown_attribute(name: str) -> IisError:
    """What appcmd says of a name that the schema does not have."""
    return IisError(INVALID_PARAMETER, f'Unknown attribute "{name}".  Replace with -? for help.')


def parsed(collection: ElementSchema, attributes: dict[str, str]) -> dict[str, Value]:
    """The typed attributes of a collection's item; fewer than all are allowed.

    :raises IisError: unknown name, or a value that does not fit.
    """
    known = {one.name.lower(): one for one in collection.item}
    values: dict[str, Value] = {}
    for name, text in attributes.items():
        if name.lower() not in known:
            raise unknown_attribute(name)
        schema = known[name.lower()]
        values[schema.name] = schema.parse(text)
    return values
