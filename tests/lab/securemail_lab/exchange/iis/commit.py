# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a section: edits change the fewest bytes of one file, which is replaced whole or not at all."""

from __future__ import annotations

import errno
import stat
import typing as t

from ...state import write_atomically
from . import errors
from .document import Document, Element, escape
from .edits import AddItem, ClearAttribute, ClearSection, Edit, SetAttribute, parsed, unknown_attribute
from .effective import SectionValue, containers, definitions, effective, is_locked
from .hierarchy import Configuration, Level
from .schema import SECTIONS, Attribute, ElementSchema, Value

_EMPTY_FILE = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration>\r\n</configuration>\r\n'


class Commit:
    """One change, prepared in memory by the constructor and written by ``write``.

    :raises IisError: from the constructor, where an edit does not fit the schema or the present configuration.
    """

    def __init__(
        self, configuration: Configuration, levels: list[Level], section: str, edits: t.Sequence[Edit], commit: Level
    ) -> None:
        self._configuration = configuration
        self._levels = levels
        self._section = section
        self._level = commit
        self._target = levels[-1]
        before = configuration.document(commit.file)
        self._before = before.data if before else None
        self._document = before or Document(_EMPTY_FILE)
        current = effective(configuration, levels, section, SECTIONS[section])
        for edit in edits:
            self._apply(edit, current)
        self.changed = self._document.data != (self._before if self._before is not None else _EMPTY_FILE)

    def write(self) -> None:
        """Replace the file; without a change nothing is touched.

        :raises CommitFault: the section is locked there, or the file cannot be written.
        """
        if not self.changed:
            return
        known = definitions(self._configuration, self._levels, self._section)
        if is_locked(self._configuration, known, self._section, self._level, self._target.path):
            raise errors.CommitFault(errors.LOCK_VIOLATION, errors.LOCKED)
        path = self._configuration.machine.path(self._level.file)
        if not path.parent.is_dir():
            raise errors.CommitFault(errors.PATH_NOT_FOUND, "The system cannot find the path specified.")
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        if path.with_name(f"{path.name}.held").exists() or not mode & stat.S_IWUSR:
            text = "The process cannot access the file because it is being used by another process."
            raise errors.CommitFault(errors.FILE_IN_USE, text)
        try:
            self._configuration.machine.take_space(path, len(self._document.data))
            write_atomically(path, self._document.data, mode)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise errors.CommitFault(errors.DISK_FULL, "There is not enough space on the disk.") from None

    def _apply(self, edit: Edit, current: SectionValue) -> None:
        if isinstance(edit, SetAttribute):
            attribute, names = self._attribute(edit.dotted)
            text = attribute.format(attribute.parse(edit.value))
            element = self._ensured(names)
            if attribute.name not in element.attributes or _differs(
                attribute, element.attributes[attribute.name], text
            ):
                self._document = self._document.with_attribute(element, attribute.name, text)
        elif isinstance(edit, ClearAttribute):
            attribute, names = self._attribute(edit.dotted)
            found = self._found(names)
            if found is not None:
                self._document = self._document.without_attribute(found, attribute.name)
        elif isinstance(edit, ClearSection):
            found = self._found([])
            if found is not None:
                self._remove_with_empty_groups(found)
        else:
            collection = self._collection(edit.collection)
            values = parsed(collection, edit.attributes)
            if isinstance(edit, AddItem):
                if collection.item[0].name not in values:
                    raise errors.IisError(errors.INVALID_PARAMETER, "New add object missing required attributes.")
                self._add(collection, "add", values)
            else:
                self._remove(collection, values, current)

    def _remove(self, collection: ElementSchema, values: dict[str, Value], current: SectionValue) -> None:
        parent = self._found([collection.name])
        for child in parent.children if parent else ():
            if child.name == "add" and values.items() <= parsed(collection, child.attributes).items():
                self._document = self._document.without(child)
                return
        for item in current.items(collection.name):
            if values.items() <= item.attributes.items() and item.origin.file != self._level.file:
                key = collection.item[0].name
                self._add(collection, "remove", {key: item.attributes[key]})
                return
        raise errors.IisError(errors.OBJECT_NOT_FOUND, "Cannot find requested collection element.")

    def _add(self, collection: ElementSchema, tag: str, values: dict[str, Value]) -> None:
        attributes = "".join(
            f' {one.name}="{escape(one.format(values[one.name]))}"' for one in collection.item if one.name in values
        )
        parent = self._ensured([collection.name])
        self._document = self._document.with_child(parent, f"<{tag}{attributes} />")

    def _attribute(self, dotted: str) -> tuple[Attribute, list[str]]:
        """The attribute and the names of the child elements on the way to it, in the case of the schema."""
        *names, last = dotted.split(".")
        schema: ElementSchema | None = SECTIONS[self._section]
        way: list[str] = []
        for name in names:
            schema = schema.element(name) if schema else None
            way.append(schema.name if schema else name)
        attribute = schema.attribute(last) if schema else None
        if attribute is None:
            raise unknown_attribute(dotted)
        return attribute, way

    def _collection(self, name: str) -> ElementSchema:
        collection = SECTIONS[self._section].element(name)
        if collection is None or not collection.item:
            raise unknown_attribute(name)
        return collection

    # --- the place in the file

    def _containers(self) -> list[Element]:
        """Root or location tags of the file that are for the target, those that hold the section first."""
        matching = [
            container
            for container, _rest, target in containers(self._document, self._level)
            if target.lower() == self._target.path.lower()
        ]
        return sorted(matching, key=lambda one: one.descendant(self._section.split("/")) is None)

    def _found(self, names: list[str]) -> Element | None:
        for container in self._containers():
            return container.descendant([*self._section.split("/"), *names])
        return None

    def _ensured(self, names: list[str]) -> Element:
        """The element in the file, made with its groups and location tag where it is missing."""
        if not self._containers():
            location = self._target.path[len(self._level.path) + 1 :]
            self._document = self._document.with_child(self._document.root, f'<location path="{escape(location)}" />')
        element = self._containers()[0]
        for name in [*self._section.split("/"), *names]:
            if element.child(name) is None:
                place = element.index_path()
                self._document = self._document.with_child(element, f"<{name} />")
                element = self._document.at(place)
            element = t.cast(Element, element.child(name))
        return element

    def _remove_with_empty_groups(self, section: Element) -> None:
        element = section
        while element.parent is not None and element.parent.parent is not None and len(element.parent.children) == 1:
            between = self._document.data[element.parent.content : element.start]
            if between.strip() or self._document.data[element.end : element.parent.close].strip():
                break
            element = element.parent
        self._document = self._document.without(element)


def _differs(attribute: Attribute, present: str, wanted: str) -> bool:
    try:
        return attribute.format(attribute.parse(present)) != wanted
    except errors.DataFault:
        return True
