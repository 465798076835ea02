# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An XML file with the place of every element, so that an edit changes its own bytes and no others.

Files are UTF-8, with or without byte order mark, as every file of IIS and Exchange is; any other encoding counts as not
well-formed.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from xml.parsers import expat

_TAG = re.compile(rb"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
    "\r": "&#xD;",
    "\n": "&#xA;",
    "\t": "&#x9;",
}


class NotWellFormed(Exception):
    """The bytes are no XML document; ``line`` is where the parser stopped."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclasses.dataclass(eq=False)
class Element:
    """One element: name and attributes, and the byte offsets of its tags in the document."""

    name: str
    attributes: dict[str, str]
    start: int
    line: int
    parent: Element | None = None
    children: list[Element] = dataclasses.field(default_factory=list)
    content: int = 0
    close: int = 0
    end: int = 0

    @property
    def self_closing(self) -> bool:
        return self.content == self.end

    def child(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def descendant(self, names: t.Iterable[str]) -> Element | None:
        """The element at a path of child names; the element itself for no names."""
        found: Element | None = self
        for name in names:
            found = found.child(name) if found is not None else None
        return found

    def index_path(self) -> list[int]:
        """Where the element stands, as child indexes from the root: survives an edit of another element."""
        if self.parent is None:
            return []
        return [*self.parent.index_path(), self.parent.children.index(self)]


def escape(value: str, quote: str = '"') -> str:
    """An attribute's value as it stands between these quotes."""
    other = "'" if quote == '"' else '"'
    return "".join(character if character == other else _ESCAPES.get(character, character) for character in value)


class Document:
    """A parsed file. Edits return a new document and leave this one as it is; ``data`` is what to write.

    :raises NotWellFormed: from the constructor.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root = _parse(data)

    def at(self, index_path: list[int]) -> Element:
        """The element at the child indexes of ``Element.index_path``."""
        element = self.root
        for index in index_path:
            element = element.children[index]
        return element

    def with_attribute(self, element: Element, name: str, value: str) -> Document:
        """Set an attribute. The same document where it has this value already."""
        if element.attributes.get(name) == value:
            return self
        last = element.start + 1 + len(element.name.encode())
        for match in self._attributes(element):
            last = match.end()
            if match[1].decode() == name:
                quote = match[2][:1]
                return self._replaced(
                    match.start(2), match.end(2), quote + escape(value, quote.decode()).encode() + quote
                )
        return self._replaced(last, last, f' {name}="{escape(value)}"'.encode())

    def without_attribute(self, element: Element, name: str) -> Document:
        """Drop an attribute and the white space before it; the same document where it has none of this name."""
        for match in self._attributes(element):
            if match[1].decode() == name:
                return self._replaced(match.start(), match.end(), b"")
        return self

    def with_child(self, parent: Element, text: str) -> Document:
        """Append a child, given as one tag, on a line of its own, indented as its siblings are."""
        outer = self._indentation(parent)
        inner = self._indentation(parent.children[0]) if parent.children else outer + self._unit()
        newline = b"\r\n" if b"\r\n" in self.data else b"\n"
        line = newline + inner + text.encode()
        if parent.self_closing:
            opening = self.data[parent.start : parent.end].removesuffix(b"/>").rstrip() + b">"
            tail = newline + outer + b"</" + parent.name.encode() + b">"
            return self._replaced(parent.start, parent.end, opening + line + tail)
        before = self.data[parent.content : parent.close].rstrip()
        at = parent.content + len(before)
        tail = b"" if b"\n" in self.data[at : parent.close] else newline + outer
        return self._replaced(at, at, line + tail)

    def without(self, element: Element) -> Document:
        """Remove an element and the white space before it."""
        return self._replaced(len(self.data[: element.start].rstrip()), element.end, b"")

    def _attributes(self, element: Element) -> t.Iterator[re.Match[bytes]]:
        return _ATTRIBUTE.finditer(self.data, element.start, element.content)

    def _replaced(self, start: int, end: int, replacement: bytes) -> Document:
        return Document(self.data[:start] + replacement + self.data[end:])

    def _indentation(self, element: Element) -> bytes:
        """The white space before an element that begins its line; none where it does not."""
        line = self.data[self.data.rfind(b"\n", 0, element.start) + 1 : element.start]
        return line if not line.strip(b" \t") else b""

    def _unit(self) -> bytes:
        return (self._indentation(self.root.children[0]) if self.root.children else b"") or b"    "


def _parse(data: bytes) -> Element:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, which expat would read whatever it is told
        raise NotWellFormed(1)
    stack: list[Element] = []
    roots: list[Element] = []
    parser = expat.ParserCreate("utf-8")

    def opened(name: str, attributes: dict[str, str]) -> None:
        start = parser.CurrentByteIndex
        element = Element(name, attributes, start, parser.CurrentLineNumber, stack[-1] if stack else None)
        tag = _TAG.match(data, start)
        if tag is None:
            raise NotWellFormed(element.line)
        element.content = tag.end()
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def closed(name: str) -> None:
        element = stack.pop()
        if data[element.content - 2 : element.content] == b"/>":
            element.close = element.end = element.content
            return
        element.close = parser.CurrentByteIndex
        element.end = data.index(b">", element.close) + 1

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotWellFormed(error.lineno) from None
    return roots[0]
