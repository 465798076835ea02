# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a section amounts to at a config path: all definitions above it, merged, each value with its origin."""

from __future__ import annotations

import dataclasses
import typing as t

from .document import Document, Element
from .errors import ALREADY_EXISTS, INVALID_DATA, LOCK_VIOLATION, LOCKED, DataFault, FileFault
from .hierarchy import APPHOST, Configuration, Level
from .schema import Attribute, ElementSchema, Value

#: Attributes that any element may carry; the lab honors section locks only.
_LOCKS = frozenset(
    (
        "lockItem",
        "lockAttributes",
        "lockAllAttributesExcept",
        "lockElements",
        "lockAllElementsExcept",
    )
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a value is written: config path of the file, the file, and the path of its location tag (none: no tag)."""

    config_path: str
    location: str | None
    file: str


@dataclasses.dataclass(frozen=True)
class AttributeValue:
    """A typed value; no origin means the default of the schema."""

    schema: Attribute
    value: Value
    origin: Origin | None = None

    @property
    def text(self) -> str:
        return self.schema.format(self.value)


@dataclasses.dataclass(frozen=True)
class Item:
    """One ``<add>`` of a collection."""

    attributes: dict[str, Value]
    origin: Origin


@dataclasses.dataclass
class ElementValue:
    """An element's effective attributes (by their name in the schema), child elements and collection items."""

    schema: ElementSchema
    attributes: dict[str, AttributeValue]
    elements: dict[str, ElementValue]
    items: list[Item] = dataclasses.field(default_factory=list)

    @property
    def explicit(self) -> bool:
        """Something in it is written in some file."""
        return bool(self.items) or any(
            (*(one.origin for one in self.attributes.values()), *(one.explicit for one in self.elements.values()))
        )


@dataclasses.dataclass(frozen=True)
class SectionValue:
    """A section at a config path.

    ``override_mode`` is what a location tag for exactly this path says (``Inherit`` where none does); ``locked`` says
    that the path's own web.config may not hold the section.
    """

    name: str
    config_path: str
    root: ElementValue
    override_mode: str
    locked: bool

    def attribute(self, dotted: str) -> AttributeValue | None:
        """An attribute by name in any case: ``uploadReadAheadSize``, ``proxy.usesystemdefault``."""
        *names, last = dotted.split(".")
        found = self.root
        for name in names:
            schema = found.schema.element(name)
            if schema is None:
                return None
            found = found.elements[schema.name]
        attribute = found.schema.attribute(last)
        return found.attributes[attribute.name] if attribute else None

    def items(self, collection: str) -> list[Item]:
        """The items of a child collection."""
        return self.root.elements[collection].items


@dataclasses.dataclass(frozen=True)
class Definition:
    """The section's element in one file, for one config path (``target``)."""

    level: Level
    target: str
    origin: Origin
    element: Element
    mode: str
    inherited_by_applications: bool

    def holds(self, dotted: str, value: str | None) -> bool:
        """Whether an attribute, by its name in any case, is written here (with this text)."""
        *names, last = dotted.split(".")
        element = self.element.descendant(names)
        found = {name.lower(): text for name, text in element.attributes.items()} if element else {}
        return last.lower() in found if value is None else found.get(last.lower(), "").lower() == value.lower()


def is_below(path: str, ancestor: str) -> bool:
    """Same path, or deeper."""
    return path.lower() == ancestor.lower() or path.lower().startswith(f"{ancestor.lower()}/")


def containers(document: Document, level: Level) -> t.Iterator[tuple[Element, str | None, str]]:
    """Where sections may stand: the root and each location tag, with the tag's path and the config path it is for."""
    yield document.root, None, level.path
    for child in document.root.children:
        if child.name == "location":
            location = child.attributes.get("path", "").strip("/")
            yield child, location, level.path if location in ("", ".") else f"{level.path}/{location}"


def definitions(configuration: Configuration, levels: list[Level], section: str) -> list[Definition]:
    """Every definition in the files of these levels for the last one or a level above it, outermost first.

    A path's definitions in the files above it come before the one in its own file.

    :raises FileFault: a section is written twice in one place, or where it is locked.
    """
    order = {level.path.lower(): index for index, level in enumerate(levels)}
    found: list[Definition] = []
    for level in levels:
        document = configuration.document(level.file)
        here: list[Definition] = []
        for container, location, target in containers(document, level) if document else ():
            element = container.descendant(section.split("/"))
            if element is None or target.lower() not in order:
                continue
            inherited = container.attributes.get("inheritInChildApplications", "true").lower() != "false"
            origin = Origin(level.path, location, level.file)
            here.append(Definition(level, target, origin, element, _mode(container), inherited))
            if any(one.origin.location == location for one in here[:-1]):
                text = f"Config section '{section}' already defined. Sections must only appear once per config file."
                raise FileFault(ALREADY_EXISTS, text, level.file, element.line)
            if is_locked(configuration, found, section, level, target):
                raise FileFault(LOCK_VIOLATION, LOCKED, level.file, element.line)
        found += here
    return sorted(found, key=lambda one: (order[one.target.lower()], order[one.level.path.lower()]))


def is_locked(configuration: Configuration, known: list[Definition], section: str, level: Level, target: str) -> bool:
    """Whether the file of a level may not hold the section for a config path, by what stands in the files above it."""
    if level.path.count("/") < APPHOST.count("/") + 1:
        return False
    mode = configuration.section_modes().get(section, "Allow")
    above = [one for one in known if one.level.path != level.path and is_below(level.path, one.level.path)]
    for definition in sorted(above, key=lambda one: one.target.count("/")):
        if definition.mode != "Inherit" and is_below(target, definition.target):
            mode = definition.mode
    return mode == "Deny"


def effective(configuration: Configuration, levels: list[Level], name: str, schema: ElementSchema) -> SectionValue:
    """Merge a section's definitions for the last of these levels; the deepest wins."""
    level = levels[-1]
    found = definitions(configuration, levels, name)
    applications = {each.path.lower(): each.application for each in levels}
    acting = [
        one for one in found if one.inherited_by_applications or applications[one.target.lower()] == level.application
    ]
    modes = [one.mode for one in found if one.target.lower() == level.path.lower() and one.mode != "Inherit"]
    locked = is_locked(configuration, found, name, level, level.path)
    return SectionValue(name, level.path, merged(schema, acting), modes[-1] if modes else "Inherit", locked)


def merged(schema: ElementSchema, found: list[Definition]) -> ElementValue:
    """The schema's defaults with these definitions over them, in their order."""
    root = _defaults(schema)
    for definition in found:
        _merge(root, definition.element, definition.origin)
    return root


def _mode(container: Element) -> str:
    legacy = {"true": "Allow", "false": "Deny"}.get(container.attributes.get("allowOverride", "").lower(), "Inherit")
    return container.attributes.get("overrideMode", legacy)


def _defaults(schema: ElementSchema) -> ElementValue:
    return ElementValue(
        schema,
        {one.name: AttributeValue(one, one.default) for one in schema.attributes},
        {one.name: _defaults(one) for one in schema.elements},
    )


def _merge(value: ElementValue, element: Element, origin: Origin) -> None:
    for name, typed in _attributes(value.schema.attributes, element, origin).items():
        value.attributes[name] = AttributeValue(value.attributes[name].schema, typed, origin)
    for child in element.children:
        if child.name in value.elements:
            _merge(value.elements[child.name], child, origin)
        elif value.schema.item and child.name == "clear":
            value.items.clear()
        elif value.schema.item and child.name in ("add", "remove"):
            attributes = _attributes(value.schema.item, child, origin)
            key = value.schema.item[0].name
            if key not in attributes:
                raise FileFault(INVALID_DATA, f"Required attribute '{key}' not found", origin.file, child.line)
            if child.name == "add":
                value.items.append(Item(attributes, origin))
            else:
                value.items[:] = [item for item in value.items if item.attributes[key] != attributes[key]]
        else:
            raise FileFault(INVALID_DATA, f"Unrecognized element '{child.name}'", origin.file, child.line)


def _attributes(schemas: tuple[Attribute, ...], element: Element, origin: Origin) -> dict[str, Value]:
    known = {schema.name: schema for schema in schemas}
    typed: dict[str, Value] = {}
    for name, text in element.attributes.items():
        if name in _LOCKS:
            continue
        if name not in known:
            raise FileFault(INVALID_DATA, f"Unrecognized attribute '{name}'", origin.file, element.line)
        try:
            typed[name] = known[name].parse(text)
        except DataFault:
            text = f"The '{name}' attribute is invalid"
            raise FileFault(INVALID_DATA, text, origin.file, element.line) from None
    return typed
