# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .mdx file says of its policies: the ids behind the labels of enumerations.

An .mdx is a zip with ``policy_metadata.xml`` at its root. The REST API names an enumeration's value by id and does not
list the choices, so the file is the only source that pairs ids with the labels an administrator sees.
"""

from __future__ import annotations

import lzma
import typing as t
import zipfile
import zlib
from xml.etree import ElementTree

from ..core.errors import UnexpectedState

METADATA = "policy_metadata.xml"
#: Far above any real metadata file; a zip bomb stops here.
MAX_METADATA_BYTES = 8 * 1024 * 1024

#: What zipfile raises over a file that is damaged, encrypted or packed in a way it does not know.
_UNREADABLE = (zipfile.BadZipFile, KeyError, OSError, RuntimeError, EOFError, zlib.error, lzma.LZMAError)


def enum_labels(path: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration of the file.

    :raises UnexpectedState: not an .mdx, or metadata that cannot be read safely or gives a label two ids.
    """
    labels: dict[str, dict[str, str]] = {}
    for policy in _metadata(path).iterfind(".//Policies/Policy"):
        choices = labels.setdefault(_text(policy, "PolicyName"), {})
        for value in policy.iterfind("PolicyEnumValues/PolicyEnumValue"):
            label, identifier = _text(value, "PolicyEnumValueString"), _text(value, "PolicyEnumValueId")
            # Without a text of its own, a label stands in a language file alone: nothing to match.
            if label and choices.setdefault(label, identifier) != identifier:
                raise UnexpectedState(
                    f"{METADATA} in {path} gives the label {label!r} of {_text(policy, 'PolicyName')} to two ids",
                    "Take the .mdx that was uploaded to the server",
                )
    return {name: choices for name, choices in labels.items() if choices}


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


class _NoDocumentType(ElementTree.TreeBuilder):
    """Stops at a document type, whatever the encoding: entities come from nowhere else, and no real file has one."""

    def doctype(self, *declaration: t.Any) -> None:
        raise ElementTree.ParseError("it declares a document type")


def _metadata(path: str) -> ElementTree.Element:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(METADATA) as stream:
            content = stream.read(MAX_METADATA_BYTES + 1)
    except FileNotFoundError:
        raise UnexpectedState(f"There is no file {path}", "Correct mdx_path") from None
    except _UNREADABLE as problem:
        raise UnexpectedState(
            f"{path} is no .mdx with a {METADATA} in it ({problem})",
            "Name the .mdx that was uploaded to the server",
        ) from None
    if len(content) > MAX_METADATA_BYTES:
        raise UnexpectedState(f"{METADATA} in {path} is larger than any real one", "Fetch the .mdx again")
    try:
        parser = ElementTree.XMLParser(target=_NoDocumentType())  # noqa: S314 - refuses document types
        return ElementTree.fromstring(content, parser=parser)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as problem:
        raise UnexpectedState(f"{METADATA} in {path} cannot be read: {problem}", "Fetch the .mdx again") from None
