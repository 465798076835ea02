# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web proxy through which EWS's back end calls a host, from ``defaultProxy`` and the system's settings. No I/O.

Source: Microsoft's reference source of System.Net (DefaultProxySection, WebProxy). ``None`` stands for what only the
host itself can know: a script or a module decides there.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t
from dataclasses import dataclass

from .cmdline import command_line, piped, tolerated
from .listener import Listener
from .proxy_bypass import ADDRESS, DECIDING, SYSTEM_DEFAULT, DefaultProxy
from .registry import number, query, text

#: MSExchangeServicesAppPool runs as LocalSystem, whose settings stand under this key.
SYSTEM_KEY = r"HKEY_USERS\S-1-5-18\Software\Microsoft\Windows\CurrentVersion\Internet Settings"


@dataclass(frozen=True)
class SystemProxy:
    """What LocalSystem's Internet settings say.

    :param server: ``name:port`` for HTTPS; empty where there is none.
    :param overrides: hosts that are called directly, with ``*``.
    :param script: URL of a proxy script.
    """

    server: str = ""
    overrides: tuple[str, ...] = ()
    script: str = ""

    def for_host(self, fqdn: str) -> str:
        direct = any(fnmatch.fnmatchcase(fqdn.lower(), override) for override in self.overrides)
        return "" if direct or not self.server else f"http://{self.server.removeprefix('http://')}"


def system_line() -> str:
    """The line that prints the values :func:`read_system` takes."""
    return tolerated(piped(query(SYSTEM_KEY), command_line("findstr", "/i", "/l", "/c:Proxy", "/c:AutoConfigURL")))


def read_system(values: t.Mapping[str, str]) -> SystemProxy:
    """:param values: those of the key."""
    overrides = tuple(one.strip().lower() for one in text(values, "ProxyOverride").split(";") if one.strip())
    enabled = number(values, "ProxyEnable") == 1
    return SystemProxy(
        _for_https(text(values, "ProxyServer")) if enabled else "", overrides, text(values, "AutoConfigURL")
    )


def _for_https(servers: str) -> str:
    """``name:port`` for everything, or ``http=name:port;https=name:port``."""
    for entry in re.split(r"[;\s]+", servers):
        scheme, equals, address = entry.rpartition("=")
        if address and (not equals or scheme.lower() == "https"):
            return address
    return ""


def proxy_for(listener: Listener, section: DefaultProxy | None, system: SystemProxy) -> str | None:
    """URL of the proxy through which the listener is called; empty where it is called directly."""
    if section is None:
        return None if system.script else system.for_host(listener.fqdn)
    attributes = section.attributes
    if attributes.get("enabled", "true") == "false":
        return ""
    if any(attributes.get(name, off) != off for name, off in DECIDING):
        return None
    if any(listener.passes(entry) for entry in section.bypass):
        return ""
    if attributes.get(ADDRESS):
        return attributes[ADDRESS]
    named = any(name.startswith("proxy.") for name in attributes)
    uses_system = attributes.get(SYSTEM_DEFAULT) == "true" or not (named or section.bypass)
    return system.for_host(listener.fqdn) if uses_system else ""
