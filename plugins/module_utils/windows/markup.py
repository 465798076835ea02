# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML that a Windows host hands out, parsed without entities."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ..core.errors import UnexpectedState


def parse(text: str, source: str) -> ET.Element:
    """Return the root element.

    :param source: what the text is, for the message.
    :raises UnexpectedState: not well-formed, or with a document type, which no configuration file of IIS has.
    """
    text = text.lstrip("\ufeff").strip()
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnexpectedState(f"{source} declares a document type", "Remove the declaration from the file")
    try:
        return ET.fromstring(text)  # noqa: S314 (document types, and with them entities, are refused above)
    except ET.ParseError as problem:
        raise UnexpectedState(
            f"{source} is malformed: {problem}", "Repair the file, or put a copy of it back, and run again"
        ) from None
