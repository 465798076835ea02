# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections that the lab's IIS knows, re-declared from public descriptions of IIS_schema.xml and FX_schema.xml."""

from __future__ import annotations

import dataclasses
import re
import types
import typing as t

from .errors import DataFault

Value = bool | int | str

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME_SPAN = re.compile(r"(?:\d+\.)?([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d")


@dataclasses.dataclass(frozen=True)
class Attribute:
    """An attribute: bool, uint, string, timeSpan, enum (value: the symbol's name) or flags (value: the mask)."""

    name: str
    kind: str
    default: Value
    low: int = 0
    high: int = 4294967295
    symbols: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    required: bool = False

    def parse(self, text: str) -> Value:
        """The typed value of a text.

        :raises DataFault: the text is not of this type, or out of range.
        """
        if self.kind == "bool":
            return self._named(text, {"true": 1, "false": 0}) == "true"
        if self.kind == "uint":
            if not re.fullmatch(r"[0-9]{1,10}", text) or not self.low <= int(text) <= self.high:
                raise DataFault
            return int(text)
        if self.kind == "enum":
            return self._named(text, self.symbols)
        if self.kind == "flags":
            mask = 0
            for part in text.split(","):
                word = part.strip()
                mask |= int(word) if re.fullmatch(r"\d{1,9}", word) else self.symbols[self._named(word, self.symbols)]
            return mask
        if _NOT_XML.search(text) or (self.kind == "timeSpan" and not _TIME_SPAN.fullmatch(text)):
            raise DataFault
        if self.required and not text:
            raise DataFault
        return text

    def format(self, value: Value) -> str:
        """The text of a typed value, as IIS writes it: ``true``, ``Ssl, Ssl128``."""
        if self.kind == "bool":
            return "true" if value else "false"
        if self.kind == "flags":
            mask = int(value)
            rest = mask & ~sum(self.symbols.values())
            names = [name for name, bit in self.symbols.items() if mask & bit]
            return ", ".join([*names, *([str(rest)] if rest else [])]) or "None"
        return str(value)

    @staticmethod
    def _named(text: str, symbols: t.Mapping[str, int]) -> str:
        for name in symbols:
            if name.lower() == text.lower():
                return name
        raise DataFault


@dataclasses.dataclass(frozen=True)
class ElementSchema:
    """An element: its attributes, child elements, and, for a collection, the attributes of its ``<add>``.

    The first attribute of an item is its key. Collections here allow duplicates and have ``<remove>`` and ``<clear>``.
    """

    name: str
    attributes: tuple[Attribute, ...] = ()
    elements: tuple[ElementSchema, ...] = ()
    item: tuple[Attribute, ...] = ()

    def attribute(self, name: str) -> Attribute | None:
        """An attribute by name, in any case (appcmd does not mind)."""
        return next((one for one in self.attributes if one.name.lower() == name.lower()), None)

    def element(self, name: str) -> ElementSchema | None:
        """A child element by name, in any case."""
        return next((one for one in self.elements if one.name.lower() == name.lower()), None)


_SWITCH = {"false": 0, "true": 1, "Unspecified": -1}

#: FX_schema.xml and IIS_schema.xml, public description at docs.microsoft.com/iis/configuration.
SECTIONS: t.Mapping[str, ElementSchema] = types.MappingProxyType(
    {
        "system.webServer/serverRuntime": ElementSchema(
            "serverRuntime",
            (
                Attribute("enabled", "bool", True),
                Attribute("appConcurrentRequestLimit", "uint", 5000),
                Attribute("maxRequestEntityAllowed", "uint", 4294967295),
                Attribute("uploadReadAheadSize", "uint", 49152, high=2147483647),
                Attribute("alternateHostName", "string", ""),
                Attribute("enableNagling", "bool", False),
                Attribute("frequentHitThreshold", "uint", 2, low=1, high=2147483647),
                Attribute("frequentHitTimePeriod", "timeSpan", "00:00:10"),
                Attribute(
                    "authenticatedUserOverride",
                    "enum",
                    "UseAuthenticatedUser",
                    symbols={"UseAuthenticatedUser": 1, "UseWorkerProcessUser": 2},
                ),
            ),
        ),
        "system.webServer/security/access": ElementSchema(
            "access",
            (
                Attribute(
                    "sslFlags",
                    "flags",
                    0,
                    symbols={"None": 0, "Ssl": 8, "SslNegotiateCert": 32, "SslRequireCert": 64, "Ssl128": 256},
                ),
            ),
        ),
        "system.webServer/security/authentication/basicAuthentication": ElementSchema(
            "basicAuthentication",
            (
                Attribute("enabled", "bool", False),
                Attribute("realm", "string", ""),
                Attribute("defaultLogonDomain", "string", ""),
                Attribute(
                    "logonMethod",
                    "enum",
                    "ClearText",
                    symbols={"Interactive": 0, "Batch": 1, "Network": 2, "ClearText": 3},
                ),
            ),
        ),
        "system.webServer/security/authentication/windowsAuthentication": ElementSchema(
            "windowsAuthentication",
            (
                Attribute("enabled", "bool", False),
                Attribute("authPersistSingleRequest", "bool", False),
                Attribute("authPersistNonNTLM", "bool", False),
                Attribute("useKernelMode", "bool", True),
                Attribute("useAppPoolCredentials", "bool", False),
            ),
            (
                ElementSchema("providers", item=(Attribute("value", "string", "", required=True),)),
                ElementSchema(
                    "extendedProtection",
                    (
                        Attribute("tokenChecking", "enum", "None", symbols={"None": 0, "Allow": 1, "Require": 2}),
                        Attribute(
                            "flags",
                            "flags",
                            0,
                            symbols={
                                "None": 0,
                                "Proxy": 1,
                                "NoServiceNameCheck": 2,
                                "AllowDotlessSpn": 4,
                                "ProxyCohosting": 32,
                            },
                        ),
                    ),
                ),
            ),
        ),
        "system.net/defaultProxy": ElementSchema(
            "defaultProxy",
            (Attribute("enabled", "bool", True), Attribute("useDefaultCredentials", "bool", False)),
            (
                ElementSchema("bypasslist", item=(Attribute("address", "string", "", required=True),)),
                ElementSchema("module", (Attribute("type", "string", ""),)),
                ElementSchema(
                    "proxy",
                    (
                        Attribute("autoDetect", "enum", "Unspecified", symbols=_SWITCH),
                        Attribute("bypassonlocal", "enum", "Unspecified", symbols=_SWITCH),
                        Attribute("proxyaddress", "string", ""),
                        Attribute("scriptLocation", "string", ""),
                        Attribute("usesystemdefault", "enum", "Unspecified", symbols=_SWITCH),
                    ),
                ),
            ),
        ),
    }
)
