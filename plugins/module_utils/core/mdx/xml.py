# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of unknown origin: no document types, so no entities and nothing fetched, and no more elements than is sane."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from . import errors
from .errors import UnreadablePackage

#: A real policy file has some thousand elements.
MOST_ELEMENTS = 100_000


class _Cautious(ElementTree.TreeBuilder):
    """Stops at a document type, whatever the encoding: entities come from nowhere else, and no real file has one."""

    def __init__(self) -> None:
        super().__init__(insert_comments=True)
        self._left = MOST_ELEMENTS

    def doctype(self, *declaration: t.Any) -> None:
        raise ElementTree.ParseError("it declares a document type")

    def start(self, tag: t.Any, attrs: t.Any) -> ElementTree.Element:
        self._left -= 1
        if self._left < 0:
            raise ElementTree.ParseError(f"it has more than {MOST_ELEMENTS} elements")
        return super().start(tag, attrs)


def parse(content: bytes, where: str) -> ElementTree.Element:
    """The root of a document.

    :param where: how the error calls it.
    :raises UnreadablePackage: no XML, or XML that must not be read.
    """
    try:
        parser = ElementTree.XMLParser(target=_Cautious())  # noqa: S314 - refuses document types
        return ElementTree.fromstring(content, parser=parser)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise UnreadablePackage(errors.MALFORMED_XML, f"{where} cannot be read: {problem}") from None


def text_of(element: ElementTree.Element, path: str) -> str:
    """The text at a path below an element, without the blanks around it; empty where there is none."""
    return (element.findtext(path) or "").strip()
