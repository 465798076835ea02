# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What appcmd can be asked: each question is a line and how to understand its answer, so that many go out at once."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from ..core.errors import Refused, UnexpectedState
from .appcmd import PROGRAM, failure
from .cmdline import Expanded, command_line
from .markup import parse
from .place import Place, found_place
from .runner import CommandResult, Runner

AnswerT = t.TypeVar("AnswerT")
Entry = dict[str, str]


class NoSuchApplication(Refused):
    """IIS reads its configuration and knows no such application."""


@dataclass(frozen=True)
class Question(t.Generic[AnswerT]):
    """A line that changes nothing.

    :param understand: turns its result into the answer; raises a typed error where the line failed.
    """

    line: str
    understand: t.Callable[[CommandResult], AnswerT]


def ask(runner: Runner, *questions: Question[t.Any]) -> list[t.Any]:
    """The answers, in the order of the questions, at the cost of one command."""
    results = runner.read_all([question.line for question in questions])
    return [question.understand(result) for question, result in zip(questions, results, strict=True)]


@dataclass(frozen=True)
class Section:
    """A configuration section.

    :param attributes: by name; those of a child element with its name before, as in ``proxy.usesystemdefault``.
    :param collections: entries in order, by the name of the child element that holds them.
    :param locked: it cannot be written at this path.
    """

    attributes: dict[str, str]
    collections: dict[str, tuple[Entry, ...]]
    locked: bool = False


def section_content(element: ET.Element, locked: bool = False) -> Section:
    """Read a section's own element, with ``<add>``, ``<remove>`` and ``<clear>`` carried out in order."""
    attributes = dict(element.attrib)
    collections: dict[str, tuple[Entry, ...]] = {}
    for child in element:
        attributes |= {f"{child.tag}.{name}": value for name, value in child.attrib.items()}
        entries: list[Entry] = []
        for item in child:
            if item.tag == "add":
                entries.append(dict(item.attrib))
            elif item.tag == "clear":
                entries.clear()
            elif item.tag == "remove":
                entries = [entry for entry in entries if not item.attrib.items() <= entry.items()]
        if entries:
            collections[child.tag] = tuple(entries)
    return Section(attributes, collections, locked)


def section(path: str, name: str) -> Question[Section]:
    """The effective section at a path (empty: the server), inherited and default values included."""

    def understand(result: CommandResult) -> Section:
        if result.rc != 0:
            raise failure(f"{name} of {path or 'the server'} cannot be read", result)
        config = parse(result.stdout, f"appcmd's listing of {name} of {path}").find("CONFIG")
        if config is None or len(config) != 1:
            raise UnexpectedState(
                f"appcmd's listing of {name} of {path} holds no section", "Run the same appcmd command on the host"
            )
        return section_content(config[0], locked=config.get("locked", "").lower() == "true")

    at = [path] if path else []
    return Question(command_line(PROGRAM, "list", "config", *at, f"/section:{name}", "/config:*", "/xml"), understand)


def places(path: str, name: str, attribute: str) -> Question[tuple[Place, ...]]:
    """Where an attribute is written for a path (empty: the server) and for those below it.

    :param attribute: its name, or name and value as in ``uploadReadAheadSize:0``.
    """

    def understand(result: CommandResult) -> tuple[Place, ...]:
        if _none_found(result):
            return ()
        if result.rc != 0:
            raise failure(f"The places of {name} of {path or 'the server'} cannot be found", result)
        found = parse(result.stdout, f"appcmd's search for {name}").findall("CONFIGSEARCH")
        return tuple(found_place(one.get("path", ""), one.get("locationPath", "")) for one in found)

    at = [path] if path else []
    return Question(
        command_line(PROGRAM, "search", "config", *at, f"/section:{name}", f"/{attribute}", "/xml"), understand
    )


def folder(application: str) -> Question[Expanded]:
    """The folder of an application, without a backslash at its end; IIS's file may name it with variables.

    The answer raises :class:`NoSuchApplication` where there is none.
    """

    def understand(result: CommandResult) -> Expanded:
        if _none_found(result):
            raise NoSuchApplication(
                f"There is no application {application} in IIS", "Correct the path; 'appcmd list app' shows the names"
            )
        if result.rc != 0:
            raise failure(f"The folder of {application} cannot be found", result)
        return Expanded(result.stdout.strip().rstrip("\\"))

    directory = application.rstrip("/") + "/"
    return Question(command_line(PROGRAM, "list", "vdir", directory, "/text:physicalPath"), understand)


def _none_found(result: CommandResult) -> bool:
    """How appcmd says "none"."""
    return result.rc == 1 and not (result.stdout.strip() or result.stderr.strip())
