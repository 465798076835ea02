# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``system.net/defaultProxy`` of an application as .NET reads it, and what must stand in it. No I/O.

.NET takes the section whole from the nearest web.config that has one (DefaultProxySection.Reset ignores what is above)
and never reads applicationHost.config. Source: Microsoft's reference source of System.Net.
"""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

from ..core.errors import UnexpectedState
from .appcmd import clear_config, section_content, set_config
from .markup import parse

SECTION = "system.net/defaultProxy"
BYPASS_LIST = "bypasslist"

SYSTEM_DEFAULT = "proxy.usesystemdefault"
ADDRESS = "proxy.proxyaddress"
BYPASS_ON_LOCAL = "proxy.bypassonlocal"
#: What stands for "not set" in the section's enumerations.
UNSPECIFIED = "unspecified"


@dataclass(frozen=True)
class DefaultProxy:
    """The section in an application's own web.config.

    :param attributes: dotted names; enumerations in lower case, those that say "unspecified" left out.
    :param bypass: regular expressions over ``scheme://host[:port]``, in order.
    """

    attributes: dict[str, str]
    bypass: tuple[str, ...] = ()

    def shown(self) -> dict[str, t.Any]:
        return {**self.attributes, BYPASS_LIST: list(self.bypass)}


def pattern(fqdn: str, port: int) -> str:
    """The entry that sends one listener past the proxy: anchored and escaped, because .NET matches anywhere.

    The text that .NET matches leaves the port out where it is the scheme's own (WebProxy.IsMatchInBypassList).
    """
    host = fqdn.lower().replace(".", r"\.")
    return f"^https://{host}{'(:443)?' if port == 443 else f':{port}'}$"


def parse_web_config(text: str, source: str) -> DefaultProxy | None:
    """The section of a web.config that applies to the application itself; ``None`` where it has none.

    :raises UnexpectedState: the file is malformed.
    """
    found = next(_own_sections(parse(text, source)), None)
    if found is None:
        return None
    section = section_content(found)
    attributes = {
        name: value if name == ADDRESS or name.startswith("module.") else value.lower()
        for name, value in section.attributes.items()
        if value.lower() != UNSPECIFIED
    }
    entries = section.collections.get(BYPASS_LIST, ())
    return DefaultProxy(attributes, tuple(entry.get("address", "") for entry in entries))


def _own_sections(configuration: ET.Element) -> t.Iterator[ET.Element]:
    yield from configuration.findall(SECTION)
    for location in configuration.findall("location"):
        if location.get("path", "") in ("", "."):
            yield from location.findall(SECTION)


def proxy_attributes(proxy: str) -> dict[str, str]:
    """The ``<proxy>`` that stands beside the list; without one the list alone would mean "no proxy at all".

    :param proxy: an URL, or empty for the machine's own setting.
    """
    if not proxy:
        return {SYSTEM_DEFAULT: "true", BYPASS_ON_LOCAL: "true"}
    return {SYSTEM_DEFAULT: "false", ADDRESS: proxy, BYPASS_ON_LOCAL: "true"}


def check_decides(present: DefaultProxy | None) -> None:
    """Refuse a section in which a proxy script or module decides before the list does (WebProxy.GetProxy).

    :raises UnexpectedState: names the attribute.
    """
    attributes = present.attributes if present else {}
    for name, off in (("module.type", ""), ("proxy.scriptLocation", ""), ("proxy.autoDetect", "false")):
        if attributes.get(name, off) != off:
            raise UnexpectedState(
                f"{SECTION} has {name}={attributes[name]!r}, which decides before any bypass list",
                f"Let the script or module send the listener past the proxy, or take {name} out of the web.config",
            )


def with_bypass(present: DefaultProxy | None, patterns: t.Sequence[str], proxy: str) -> DefaultProxy:
    """The section with the patterns in it. Entries that are there stay, in their order."""
    before = present or DefaultProxy({})
    kept = {name: value for name, value in before.attributes.items() if name != ADDRESS}
    missing = [pattern for pattern in dict.fromkeys(patterns) if pattern not in before.bypass]
    return DefaultProxy({**kept, **proxy_attributes(proxy)}, (*before.bypass, *missing))


def without_bypass(present: DefaultProxy | None, patterns: t.Sequence[str], proxy: str) -> DefaultProxy | None:
    """The section without the patterns, or ``None`` where all that remained would be the ``<proxy>`` set with them."""
    if present is None or not set(present.bypass) & set(patterns):
        return present
    rest = tuple(address for address in present.bypass if address not in patterns)
    if not rest and present.attributes == proxy_attributes(proxy):
        return None
    return replace(present, bypass=rest)


def write_lines(path: str, present: DefaultProxy | None, target: DefaultProxy | None) -> tuple[str, ...]:
    """The appcmd lines that turn ``present`` into ``target`` in the application's own web.config."""
    if target is None:
        return (clear_config(path, SECTION),)
    before = present or DefaultProxy({})
    gone = [name for name in before.attributes if name not in target.attributes]
    changed = {name: value for name, value in target.attributes.items() if before.attributes.get(name) != value}
    added = [address for address in target.bypass if address not in before.bypass]
    removed = [address for address in before.bypass if address not in target.bypass]
    lines = [clear_config(path, SECTION, name) for name in gone]
    if changed or added or removed:
        lines.append(
            set_config(
                path,
                SECTION,
                changed,
                add=[(BYPASS_LIST, "address", address) for address in added],
                remove=[(BYPASS_LIST, "address", address) for address in removed],
            )
        )
    return tuple(lines)


def invalid_entries(bypass: t.Iterable[str]) -> list[str]:
    """Entries that are no regular expression: one of them breaks the whole section (WebProxy.BypassList)."""
    invalid = []
    for address in bypass:
        try:
            re.compile(address)
        except re.error:
            invalid.append(address)
    return invalid
