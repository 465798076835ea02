# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of a lab's Exchange host as tests use it: its rule strings, and what they mean to the lab."""

from __future__ import annotations

import typing as t
import uuid

from securemail_lab.exchange.firewall import GROUP_POLICY, LOCAL_POLICY, RULES, Rule, outbound_allowed
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.registry import Registry
from securemail_lab.state import JsonFile

LOCAL_RULES, POLICY_RULES = rf"{LOCAL_POLICY}\{RULES}", rf"{GROUP_POLICY}\{RULES}"


class WindowsFirewall:
    """The firewall of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._registry = Registry(machine)

    def texts(self) -> dict[str, str]:
        """Every local rule by its id."""
        return {name: str(data) for name, (_kind, data) in self._registry.values(LOCAL_RULES).items()}

    def named(self, name: str) -> list[Rule]:
        """The local rules of a name."""
        rules = (Rule.parse(text) for text in self.texts().values())
        return [rule for rule in rules if rule and rule.first("Name") == name]

    def add(self, fields: str, *, group_policy: bool = False, identity: str = "") -> str:
        """Store a rule by hand, active and outbound unless ``fields`` say otherwise; its id."""
        identity = identity or f"{{{str(uuid.uuid4()).upper()}}}"
        given = [part.partition("=")[0] for part in fields.split("|")]
        head = "".join(f"{name}={value}|" for name, value in (("Active", "TRUE"), ("Dir", "Out")) if name not in given)
        self._registry.set(POLICY_RULES if group_policy else LOCAL_RULES, identity, f"v2.30|{head}{fields}|")
        return identity

    def profile(self, name: str, value: int, *, group_policy: bool = False) -> None:
        """Set one value of the domain profile."""
        store = GROUP_POLICY if group_policy else LOCAL_POLICY
        self._registry.set(rf"{store}\DomainProfile", name, value, "REG_DWORD")

    def block_by_default(self, *, group_policy: bool = False) -> None:
        self.profile("DefaultOutboundAction", 1, group_policy=group_policy)

    def lets_out(self, *addresses: str, port: int = 443) -> bool:
        """What the lab's Exchange does with connections to these addresses."""
        return all(outbound_allowed(self._machine, address, port) for address in addresses)

    def many(self, fields: t.Iterable[str]) -> None:
        """Store many foreign rules in one write."""
        with JsonFile(self._machine.state / "registry.json").edit() as document:
            key = next(key for key in document if key.lower().endswith(rf"firewallpolicy\{RULES}".lower()))
            for number, rule in enumerate(fields):
                document[key][f"Foreign-{number}"] = ["REG_SZ", f"v2.30|{rule}|Name=Foreign {number}|"]
