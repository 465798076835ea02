# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``policy_metadata.xml`` of an .mdx: its policies, and the ids behind the labels of enumerations.

The REST API of XenMobile Server names an enumeration's value by id and does not list the choices, so this file is the
only source that pairs ids with the labels an administrator sees.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from . import errors
from .archive import Archive
from .errors import UnreadablePackage
from .properties import LARGEST_PROPERTIES
from .properties import parse as parse_properties
from .xml import parse, text_of

METADATA = "policy_metadata.xml"
#: Far above any real metadata file; a zip bomb stops here.
LARGEST_METADATA = 8 << 20

BOOLEAN, INTEGER, STRING, ENUM = "boolean", "integer", "string", "enum"


@dataclass(frozen=True)
class Policy:
    """One policy.

    :param kind: ``boolean``, ``integer``, ``string`` or ``enum``, as the file writes it.
    :param default: the value that the app has before an administrator sets one: for an enumeration an id.
    :param choices: (id, label) of an enumeration, in the file's order; a label may be empty.
    """

    name: str
    title: str
    kind: str
    default: str
    category: str
    units: str
    description: str
    hidden: bool
    choices: tuple[tuple[str, str], ...]

    @property
    def default_label(self) -> str:
        """The default as an administrator reads it."""
        return dict(self.choices).get(self.default) or self.default

    def shown(self) -> dict[str, t.Any]:
        return {
            "name": self.name,
            "title": self.title,
            "type": self.kind,
            "default": self.default,
            "default_label": self.default_label,
            "category": self.category,
            "units": self.units,
            "description": self.description,
            "hidden": self.hidden,
            "choices": [{"id": identifier, "label": label} for identifier, label in self.choices],
        }


def read_metadata(archive: Archive) -> Element:
    """The root of the policy file.

    :raises UnreadablePackage: no such entry, or one that cannot be read safely.
    """
    if METADATA not in archive.names:
        raise UnreadablePackage(
            errors.MISSING_ENTRY,
            f"{archive.name} is no .mdx with a {METADATA} in it",
            "Name the .mdx that was uploaded to the server",
        )
    return parse(archive.read(METADATA, LARGEST_METADATA), f"{METADATA} in {archive.name}")


def read_policies(archive: Archive, language: str = "en") -> tuple[Policy, ...]:
    """All policies of an .mdx.

    :param language: of titles and labels that have a resource id; where the .mdx does not speak it, the text that
        stands in the policy file counts.
    """
    root = read_metadata(archive)
    words = _words(archive, language)
    categories = {
        text_of(category, "CategoryId"): _worded(category, "CategoryLabel", words)
        for category in root.iterfind(".//Categories/Category")
    }
    return tuple(_policy(entry, categories, words) for entry in root.iterfind(".//Policies/Policy"))


def _policy(entry: Element, categories: t.Mapping[str, str], words: t.Mapping[str, str]) -> Policy:
    category = text_of(entry, "PolicyCategory")
    return Policy(
        name=text_of(entry, "PolicyName"),
        title=_worded(entry, "PolicyStrings/Title", words),
        kind=text_of(entry, "PolicyType"),
        default=text_of(entry, "PolicyDefault"),
        category=categories.get(category) or category,
        units=_worded(entry, "PolicyStrings/Units", words),
        description=_worded(entry, "PolicyStrings/Description", words),
        hidden=text_of(entry, "PolicyHidden").lower() == "true",
        choices=tuple(
            (text_of(value, "PolicyEnumValueId"), _worded(value, "PolicyEnumValueString", words))
            for value in entry.iterfind("PolicyEnumValues/PolicyEnumValue")
        ),
    )


def _words(archive: Archive, language: str) -> dict[str, str]:
    """The texts of a language file, by resource id; empty where the .mdx has none."""
    wanted = f"strings-{language}.properties".lower()
    # The manifest lists them by name. In which folder they lie is not known: wherever it is, the name says enough.
    found = [name for name in archive.names if name.rsplit("/", maxsplit=1)[-1].lower() == wanted]
    return parse_properties(archive.read(found[0], LARGEST_PROPERTIES)) if len(found) == 1 else {}


def _worded(element: Element, path: str, words: t.Mapping[str, str]) -> str:
    found = element.find(path)
    if found is None:
        return ""
    return (words.get(found.get("res_id", "")) or found.text or "").strip()


def enum_labels(policies: t.Iterable[Policy], name: str) -> dict[str, dict[str, str]]:
    """Policy name -> label -> id, for every enumeration that has labels.

    :param name: how the error calls the file.
    :raises UnreadablePackage: a label has two ids.
    """
    labels: dict[str, dict[str, str]] = {}
    for policy in policies:
        choices = labels.setdefault(policy.name, {})
        for identifier, label in policy.choices:
            # Without a text in this language there is nothing that an administrator could match.
            if label and choices.setdefault(label, identifier) != identifier:
                raise UnreadablePackage(
                    errors.AMBIGUOUS,
                    f"{METADATA} in {name} gives the label {label!r} of {policy.name} to two ids",
                    "Take the .mdx that was uploaded to the server",
                )
    return {policy: choices for policy, choices in labels.items() if choices}
