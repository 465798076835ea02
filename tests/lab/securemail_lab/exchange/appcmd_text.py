# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How appcmd prints a configuration section: as configuration text, as XML with metadata, in detail, or one value."""

from __future__ import annotations

from .iis import ElementValue, Item, SectionValue
from .iis.document import escape

NEWLINE = "\r\n"


def as_text(section: SectionValue, complete: bool) -> str:
    """The section inside its groups; values that no file holds only where ``complete``."""
    *groups, name = section.name.split("/")
    lines = [f"{'  ' * depth}<{group}>" for depth, group in enumerate(groups)]
    lines += _element(section.root, name, complete, "  ", len(groups))
    lines += [f"{'  ' * depth}</{group}>" for depth, group in reversed(list(enumerate(groups)))]
    return _lines(lines)


def as_xml(sections: list[SectionValue], complete: bool) -> str:
    """The document that ``/xml`` prints and ``/in`` would read."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<appcmd>"]
    for section in sections:
        lines.append(
            f'    <CONFIG CONFIG.SECTION="{section.name}" path="{escape(section.config_path)}"'
            f' overrideMode="{section.override_mode}" locked="{"true" if section.locked else "false"}">'
        )
        lines += _element(section.root, section.name.replace("/", "-"), complete, "    ", 2)
        lines.append("    </CONFIG>")
    return _lines([*lines, "</appcmd>"])


def as_detail(section: SectionValue) -> str:
    """What ``/text:*`` prints: every property on a line."""
    lines = [
        "CONFIG",
        f"  CONFIG.SECTION: {section.name}",
        f"  path: {section.config_path}",
        f"  overrideMode: {section.override_mode}",
        f"  locked: {'true' if section.locked else 'false'}",
        *_detail(section.root, section.name.replace("/", "-"), 1),
    ]
    return _lines(lines)


def _lines(lines: list[str]) -> str:
    return "".join(line + NEWLINE for line in lines)


def _element(value: ElementValue, name: str, complete: bool, unit: str, depth: int) -> list[str]:
    shown = [one for one in value.attributes.values() if complete or one.origin]
    opening = f"{unit * depth}<{name}" + "".join(f' {one.schema.name}="{escape(one.text)}"' for one in shown)
    children: list[str] = []
    for child in value.elements.values():
        if complete or child.explicit:
            children += _element(child, child.schema.name, complete, unit, depth + 1)
    for item in value.items:
        children.append(f"{unit * (depth + 1)}<add{_item(value, item)} />")
    if not children:
        return [f"{opening} />"]
    return [f"{opening}>", *children, f"{unit * depth}</{name}>"]


def _item(value: ElementValue, item: Item) -> str:
    shown = (
        (one.name, one.format(item.attributes[one.name])) for one in value.schema.item if one.name in item.attributes
    )
    return "".join(f' {name}="{escape(text)}"' for name, text in shown)


def _detail(value: ElementValue, name: str, depth: int) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}[{name}]"]
    lines += [f'{indent}  {one.schema.name}:"{one.text}"' for one in value.attributes.values()]
    for child in value.elements.values():
        lines += _detail(child, child.schema.name, depth + 1)
    for item in value.items:
        lines.append(f"{indent}  [add]")
        lines += [f'{indent}    {key}:"{text}"' for key, text in item.attributes.items()]
    return lines
