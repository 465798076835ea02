# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""appcmd's CONFIG object: list, set, clear and search a section."""

from __future__ import annotations

from collections.abc import Sequence

from .appcmd_arguments import Arguments
from .appcmd_text import NEWLINE, as_detail, as_text, as_xml
from .iis import (
    SECTIONS,
    AddItem,
    ClearAttribute,
    ClearSection,
    CommitFault,
    Edit,
    Iis,
    IisError,
    RemoveItem,
    SectionValue,
    SetAttribute,
)
from .iis.document import escape
from .iis.edits import unknown_attribute
from .iis.errors import INVALID_PARAMETER

#: Exit code, and what is printed on standard output.
Outcome = tuple[int, str]


def run(iis: Iis, arguments: Arguments) -> Outcome | None:
    """Run a verb; none where CONFIG does not have it."""
    verbs = {"list": _list, "set": _set, "clear": _clear, "search": _search}
    verb = verbs.get(arguments.verb)
    return verb(iis, arguments) if verb else None


def failure(error: IisError) -> str:
    """The line for a change that could not be committed."""
    return (
        f"ERROR ( hresult:{error.hresult:08x}, message:Failed to commit configuration changes.  {NEWLINE}"
        f"{error.text}{NEWLINE} ){NEWLINE}"
    )


def _list(iis: Iis, arguments: Arguments) -> Outcome:
    name, xml, text, config = (
        _section(iis, arguments),
        arguments.take("xml"),
        arguments.take("text"),
        arguments.take("config"),
    )
    names = [name] if name else list(SECTIONS)
    sections = [iis.effective(_path(arguments), each) for each in names]
    if xml is not None:
        return 0, as_xml(sections, config == "*")
    if text and text != "*":
        return 0, "".join(_value(section, text) + NEWLINE for section in sections)
    if text == "*":
        return 0, "".join(as_detail(section) for section in sections)
    return 0, "".join(as_text(section, config == "*") for section in sections)


def _value(section: SectionValue, name: str) -> str:
    metadata = {
        "config.section": section.name,
        "path": section.config_path,
        "overridemode": section.override_mode,
        "locked": "true" if section.locked else "false",
    }
    attribute = section.attribute(name)
    if attribute is None and name.lower() not in metadata:
        raise unknown_attribute(name)
    return attribute.text if attribute else metadata[name.lower()]


def _set(iis: Iis, arguments: Arguments) -> Outcome:
    name, commit = _required(iis, arguments), arguments.take("commit")
    path = _path(arguments)
    edits: list[Edit] = []
    for attribute, value in arguments.parameters:
        if value is None:
            raise unknown_attribute(attribute)
        edits.append(SetAttribute(attribute, value))
    for sign, indexer in arguments.edits:
        collection = _schema_name(name, indexer.collection)
        edits.append((AddItem if sign == "+" else RemoveItem)(collection, indexer.keys))
    if not edits:
        raise IisError(INVALID_PARAMETER, "No parameters were specified for the configuration section.")
    return _commit(iis, path, name, edits, commit)


def _clear(iis: Iis, arguments: Arguments) -> Outcome:
    name, commit = _required(iis, arguments), arguments.take("commit")
    path = _path(arguments)
    if arguments.parameters:
        return _commit(
            iis, path, name, [ClearAttribute(attribute) for attribute, _rest in arguments.parameters], commit
        )
    prepared, level, _rest = iis.prepare(path, name, [ClearSection()], commit)
    printed = f'Cleared section "{name}" at configuration path "{level.path}"{NEWLINE}'
    try:
        prepared.write()
    except CommitFault as error:
        return error.code, printed + failure(error)
    return 0, printed


def _commit(iis: Iis, path: str, name: str, edits: Sequence[Edit], commit: str | None) -> Outcome:
    prepared, level, file = iis.prepare(path, name, edits, commit)
    printed = (
        f'Applied configuration changes to section "{name}" for "{level.path}" at configuration commit path '
        f'"{file.path}"{NEWLINE}'
    )
    try:
        prepared.write()
    except CommitFault as error:
        return error.code, printed + failure(error)
    return 0, printed


def _search(iis: Iis, arguments: Arguments) -> Outcome:
    """Where the section is written, at the path and below; a further parameter narrows to an attribute (and value)."""
    name, xml = _required(iis, arguments), arguments.take("xml")
    found: dict[tuple[str, str], None] = {}
    for place in iis.search(_path(arguments), name):
        if all(place.holds(attribute, value) for attribute, value in arguments.parameters):
            found[(place.target, place.origin.location or "")] = None
    if not found:
        return 1, ""
    if xml is None:
        return 0, "".join(f'CONFIGSEARCH "{path}"{NEWLINE}' for path in dict.fromkeys(path for path, _rest in found))
    lines = [
        f'    <CONFIGSEARCH path="{escape(path)}" locationPath="{escape(location)}" />' for path, location in found
    ]
    return 0, NEWLINE.join(['<?xml version="1.0" encoding="UTF-8"?>', "<appcmd>", *lines, "</appcmd>", ""])


def _path(arguments: Arguments) -> str:
    return arguments.take("path") or arguments.identifier


def _required(iis: Iis, arguments: Arguments) -> str:
    name = _section(iis, arguments)
    if name is None:
        raise IisError(INVALID_PARAMETER, "Must specify the CONFIG object with identifier.")
    return name


def _section(iis: Iis, arguments: Arguments) -> str | None:
    """The full name of the section; a last part alone will do where one section only ends so."""
    asked = arguments.take("section", "config.section")
    if asked is None:
        return None
    known = [*iis.section_names(), *(name for name in SECTIONS if name.startswith("system.net/"))]
    matching = [name for name in known if name.lower() == asked.lower()] or [
        name for name in known if name.rpartition("/")[2].lower() == asked.lower()
    ]
    if len(matching) != 1:
        raise IisError(INVALID_PARAMETER, f'Unknown config section "{asked}".  Replace with -? for help.')
    if matching[0] not in SECTIONS:
        raise IisError(INVALID_PARAMETER, f'The lab has no schema for config section "{matching[0]}".')
    return matching[0]


def _schema_name(section: str, collection: str) -> str:
    found = SECTIONS[section].element(collection)
    if found is None:
        raise unknown_attribute(collection)
    return found.name
