# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``<defaultProxy>`` that an ASP.NET application acts by: .NET's reading of the web.config chain, not IIS's.

After DefaultProxySection.cs, DefaultProxySectionInternal and WebProxy.cs of Microsoft's referencesource: the nearest
section counts alone (its parents are ignored), and whatever is wrong in it fails every outbound request. .NET does not
read applicationHost.config.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import urllib.parse

from ..machine import Machine
from . import DEFAULT_PROXY, SECTIONS
from .dotnet_regex import compile_dotnet
from .effective import ElementValue, definitions, merged
from .errors import IisError
from .hierarchy import APPHOST, Configuration


class ConfigurationErrors(Exception):
    """System.Configuration.ConfigurationErrorsException: no request of the application can be sent."""


@dataclasses.dataclass(frozen=True)
class DefaultProxy:
    """The default proxy of one application.

    ``kind``: ``system`` (the process's own settings), ``none`` (always direct) or ``configured``, by the other fields.
    ``domain`` is the machine's DNS domain, whose hosts are local too.
    """

    kind: str
    use_system: bool = False
    address: str | None = None
    bypass_local: bool = False
    bypass: tuple[re.Pattern[str], ...] = ()
    domain: str = ""

    def proxy_for(self, url: str, system_proxy: str | None) -> str | None:
        """The proxy, as a URL, that a request goes through; none means direct."""
        if self.kind == "none":
            return None
        address = system_proxy if self.kind == "system" or (self.use_system and not self.address) else self.address
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        if address is None or _is_loopback(host) or (self.bypass_local and self._is_local(host)):
            return None
        port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
        subject = f"{parts.scheme}://{host}{port}"
        return None if any(pattern.search(subject) for pattern in self.bypass) else address

    def _is_local(self, host: str) -> bool:
        name, _separator, domain = host.partition(".")
        return bool(name) and (not domain or domain.lower() == self.domain.lower())


def dotnet_default_proxy(machine: Machine, application: str, domain: str = "") -> DefaultProxy:
    """Read the section as the application at a config path (``Exchange Back End/EWS``) does when its pool starts.

    :raises ConfigurationErrors: a file of the chain, the section, or one bypass expression is invalid.
    """
    configuration = Configuration(machine)
    schema = SECTIONS[DEFAULT_PROXY]
    try:
        levels = [level for level in configuration.levels(application) if level.path != APPHOST]
        inside = {level.path.lower(): level.application for level in levels}
        found = [
            definition
            for definition in definitions(configuration, levels, DEFAULT_PROXY)
            if definition.inherited_by_applications or inside[definition.target.lower()] == levels[-1].application
        ]
        return _interpreted(merged(schema, found[-1:]), domain) if found else DefaultProxy("system")
    except IisError as error:
        raise ConfigurationErrors(error.text) from error


def _interpreted(section: ElementValue, domain: str) -> DefaultProxy:
    proxy = section.elements["proxy"].attributes
    switches = {name: proxy[name].value for name in ("autoDetect", "bypassonlocal", "usesystemdefault")}
    address = str(proxy["proxyaddress"].value)
    bypass = tuple(_compiled(str(item.attributes["address"])) for item in section.elements["bypasslist"].items)
    if section.elements["module"].attributes["type"].value:
        raise ConfigurationErrors(
            "Error creating the Web Proxy specified in the 'system.net/defaultProxy' configuration"
        )
    if address and not urllib.parse.urlsplit(address).hostname:
        raise ConfigurationErrors("The value of the property 'proxyaddress' cannot be parsed: Invalid URI")
    if not section.attributes["enabled"].value:
        return DefaultProxy("none")
    other = address or proxy["scriptLocation"].value or bypass
    if not other and switches["autoDetect"] == switches["bypassonlocal"] == "Unspecified":
        return DefaultProxy("none" if switches["usesystemdefault"] == "false" else "system")
    return DefaultProxy(
        "configured",
        use_system=switches["usesystemdefault"] == "true",
        address=address or None,
        bypass_local=switches["bypassonlocal"] == "true",
        bypass=bypass,
        domain=domain,
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return compile_dotnet(pattern)
    except ValueError as error:
        raise ConfigurationErrors(f"parsing '{pattern}' - {error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "loopback")
