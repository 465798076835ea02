# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``system.net/defaultProxy`` of an application as .NET reads it, and what must stand in it. No I/O.

.NET takes the section whole from the nearest web.config that has one (DefaultProxySection.Reset ignores what is above)
and never reads applicationHost.config. Source: Microsoft's reference source of System.Net.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

from ..core.errors import UnexpectedState
from ..core.redact import without_userinfo
from .appcmd import PROGRAM, clear_config, set_config
from .appcmd_reads import section_content
from .dotnet_regex import Verdict, judge
from .listener import Listener, written_for
from .markup import parse

SECTION = "system.net/defaultProxy"
BYPASS_LIST = "bypasslist"

SYSTEM_DEFAULT = "proxy.usesystemdefault"
ADDRESS = "proxy.proxyaddress"
BYPASS_ON_LOCAL = "proxy.bypassonlocal"
#: What stands for "not set" in the section's enumerations.
UNSPECIFIED = "unspecified"
#: Attributes through which a script or a module decides before the list does, with the value that turns each off.
DECIDING = (("module.type", ""), ("proxy.scriptLocation", ""), ("proxy.autoDetect", "false"))


@dataclass(frozen=True)
class DefaultProxy:
    """The section of a web.config.

    :param attributes: dotted names; enumerations in lower case, those that say "unspecified" left out.
    :param bypass: regular expressions over ``scheme://host[:port]``, in order.
    """

    attributes: dict[str, str]
    bypass: tuple[str, ...] = ()

    def shown(self) -> dict[str, t.Any]:
        return {**self.shown_attributes(), BYPASS_LIST: list(self.bypass)}

    def shown_attributes(self) -> dict[str, str]:
        """The attributes without the user and password that an address may hold."""
        return {name: without_userinfo(value) for name, value in self.attributes.items()}


def parse_web_config(text: str, source: str, *, below: bool = False) -> DefaultProxy | None:
    """The section of a web.config that applies to the application itself; ``None`` where it has none.

    :param below: the application lies below the one that the file belongs to.
    :raises UnexpectedState: the file is malformed.
    """
    found = next(_sections(parse(text, source), below), None)
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


def _sections(configuration: ET.Element, below: bool) -> t.Iterator[ET.Element]:
    yield from configuration.findall(SECTION)
    for location in configuration.findall("location"):
        kept = location.get("inheritInChildApplications", "true").lower() == "false"
        if location.get("path", "") in ("", ".") and not (below and kept):
            yield from location.findall(SECTION)


def proxy_attributes(proxy: str) -> dict[str, str]:
    """The ``<proxy>`` that stands beside the list; without one the list alone would mean "no proxy at all".

    :param proxy: an URL, or empty for the machine's own setting.
    """
    if not proxy:
        return {SYSTEM_DEFAULT: "true", BYPASS_ON_LOCAL: "true"}
    return {SYSTEM_DEFAULT: "false", ADDRESS: proxy, BYPASS_ON_LOCAL: "true"}


def check_decides(section: DefaultProxy | None) -> None:
    """Refuse a section in which a proxy script or module decides before the list does (WebProxy.GetProxy).

    :raises UnexpectedState: names the attribute.
    """
    attributes = section.shown_attributes() if section else {}
    for name, off in DECIDING:
        if attributes.get(name, off) != off:
            raise UnexpectedState(
                f"{SECTION} has {name}={attributes[name]!r}, which decides before any bypass list",
                f"Let the script or module send the listener past the proxy, or take {name} out of the web.config",
            )


def check_entries(section: DefaultProxy, path: str) -> None:
    """Refuse a list in which .NET would not take an entry: it throws for the whole section (WebProxy.BypassList).

    :raises UnexpectedState: names the entry. It is nobody's but an administrator's to correct.
    """
    invalid = invalid_entries(section.bypass)
    if invalid:
        raise UnexpectedState(
            f"The bypass list of {path} holds {invalid[0]!r}, which is no regular expression: .NET refuses the whole"
            " section for it, and with it every request that the application sends",
            f'Correct the entry, or take it out: {PROGRAM} set config "{path}" /section:{SECTION}'
            f" /-{BYPASS_LIST}.[address='{invalid[0]}']",
            link="proxy-bypass",
        )


def with_bypass(
    present: DefaultProxy | None, listeners: t.Sequence[Listener], proxy: str, *, prune: bool = False
) -> DefaultProxy:
    """The section with every listener past the proxy. Entries that are there stay, in their order.

    A listener that an entry lets through already gets none of its own.

    :param prune: take out what this collection wrote for other listeners of the same domain.
    """
    before = present or DefaultProxy({})
    stale = stale_entries(before.bypass, listeners) if prune else []
    kept = [entry for entry in before.bypass if entry not in stale]
    for listener in listeners:
        if not any(listener.passes(entry) for entry in kept):
            kept.append(listener.pattern)
    return DefaultProxy(_with_proxy(before.attributes, proxy), tuple(kept))


def _with_proxy(attributes: t.Mapping[str, str], proxy: str) -> dict[str, str]:
    """The attributes with the declared proxy in them; where none is declared, what decides already stays."""
    if not proxy and (SYSTEM_DEFAULT in attributes or ADDRESS in attributes):
        return dict(attributes)
    return {name: value for name, value in attributes.items() if name != ADDRESS} | proxy_attributes(proxy)


def stale_entries(bypass: t.Iterable[str], listeners: t.Iterable[Listener]) -> list[str]:
    """Entries to the letter as this collection writes them, for hosts of the listeners' domains that none of them is.

    An entry in any other form is somebody else's.
    """
    domains = {listener.domain for listener in listeners}
    wanted = {listener.pattern for listener in listeners}
    owners = {entry: written_for(entry) for entry in bypass if entry not in wanted}
    return [entry for entry, owner in owners.items() if owner is not None and owner.domain in domains]


@dataclass(frozen=True)
class Former:
    """What stood in the file before the entries came, from a copy of it; ``None``: no section."""

    section: DefaultProxy | None


def without_bypass(
    present: DefaultProxy | None, gone: t.Collection[str], former: Former | None = None
) -> DefaultProxy | None:
    """The section without some entries, and with the ``<proxy>`` that stood there before, as far as that is known.

    ``None`` where no section is to remain. A ``<proxy>`` that somebody changed since stays as it is.

    :param former: what a copy of the file shows; ``None``: there is no such copy, and a ``<proxy>`` of this
        collection's own with nothing beside it counts as set together with the entries.
    """
    if present is None or not set(present.bypass) & set(gone):
        return present
    rest = tuple(entry for entry in present.bypass if entry not in gone)
    before = former.section if former else None
    was_set = _with_proxy(before.attributes if before else {}, present.attributes.get(ADDRESS, ""))
    if present.attributes != was_set:
        return replace(present, bypass=rest)
    if before is not None:
        return DefaultProxy(before.attributes, rest)
    return replace(present, bypass=rest) if rest else None


def write_lines(path: str, present: DefaultProxy | None, target: DefaultProxy | None) -> tuple[str, ...]:
    """The appcmd lines that turn ``present`` into ``target`` in the application's own web.config."""
    if target is None:
        return (clear_config(path, SECTION),)
    before = present or DefaultProxy({})
    gone = [name for name in before.attributes if name not in target.attributes]
    changed = {name: value for name, value in target.attributes.items() if before.attributes.get(name) != value}
    added = [address for address in target.bypass if address not in before.bypass]
    removed = [address for address in before.bypass if address not in target.bypass]
    for address in (*added, *removed):
        if set(address) & set("'%\""):
            raise UnexpectedState(
                f"An entry of the bypass list that acts on {path} is {address!r}, which appcmd cannot be given",
                f"Copy the section {SECTION} into the web.config of {path} by hand, with this entry, and run again",
            )
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
    """Entries that .NET throws for: one of them breaks the whole section (WebProxy.BypassList)."""
    return [address for address in bypass if judge(address, "") is Verdict.INVALID]
