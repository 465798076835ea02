# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .mdx file says of its policies: the ids behind the labels of enumerations.

An .mdx is a zip with ``policy_metadata.xml`` at its root. The REST API names an enumeration's value by id and does not
list the choices, so the file is the only source that pairs ids with the labels an administrator sees.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
import zipfile

from ..core.errors import UnexpectedState

METADATA = "policy_metadata.xml"
#: Far above any real metadata file; a zip bomb stops here.
MAX_METADATA_BYTES = 8 * 1024 * 1024


def enum_labels(path: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration of the file.

    :raises UnexpectedState: not an .mdx, or metadata that cannot be read safely.
    """
    root = _metadata(path)
    labels: dict[str, dict[str, str]] = {}
    for policy in root.iterfind(".//Policies/Policy"):
        name = (policy.findtext("PolicyName") or "").strip()
        choices = {
            (value.findtext("PolicyEnumValueString") or "").strip(): (value.findtext("PolicyEnumValueId") or "").strip()
            for value in policy.iterfind("PolicyEnumValues/PolicyEnumValue")
        }
        if name and choices:
            labels[name] = choices
    return labels


def _metadata(path: str) -> ElementTree.Element:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(METADATA).file_size > MAX_METADATA_BYTES:
                raise UnexpectedState(f"{METADATA} in {path} is larger than any real one", "Fetch the .mdx again")
            with archive.open(METADATA) as stream:
                content = stream.read(MAX_METADATA_BYTES + 1)
    except FileNotFoundError:
        raise UnexpectedState(f"There is no file {path}", "Correct mdx_path") from None
    except (zipfile.BadZipFile, KeyError, OSError) as problem:
        raise UnexpectedState(
            f"{path} is no .mdx with a {METADATA} in it ({problem})",
            "Name the .mdx that was uploaded to the server",
        ) from None
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or len(content) > MAX_METADATA_BYTES:
        raise UnexpectedState(f"{METADATA} in {path} declares entities, which no real one does", "Fetch the .mdx again")
    try:
        return ElementTree.fromstring(content)  # noqa: S314 - document types were refused above
    except ElementTree.ParseError as problem:
        raise UnexpectedState(f"{METADATA} in {path} is not XML ({problem})", "Fetch the .mdx again") from None
