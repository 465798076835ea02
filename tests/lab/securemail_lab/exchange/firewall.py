# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows Defender Firewall as its registry says: rule strings, and whether they let a connection out.

The grammar of a rule string is MS-GPFAS 2.2.2.19; "block wins, then allow, then the profile's default" is
Microsoft's documented rule precedence. Group Policy's keys and AllowLocalPolicyMerge are MS-GPFAS 2.2.3.
"""

from __future__ import annotations

import dataclasses
import ipaddress

from ..lab import NETWORKS
from ..state import JsonFile
from .machine import Machine
from .registry import Registry

LOCAL_POLICY = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
GROUP_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
RULES = "FirewallRules"

#: Registry keys of the profiles. Exchange servers are domain members, so Domain is the one in force by default.
PROFILES = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}
#: Group Policy's names of the same profiles.
POLICY_PROFILES = {"Domain": "DomainProfile", "Private": "PrivateProfile", "Public": "PublicProfile"}
#: The program that sends push notifications: IIS's worker process.
WORKER = r"C:\Windows\System32\inetsrv\w3wp.exe"
TCP = "6"
_REMOTE = ("RA4", "RA6", "RA42", "RA62")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule string, taken apart: the version and all fields in their order, repeated ones included."""

    version: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Rule | None:
        """The rule, or nothing for a string that the service would not load."""
        version, *parts = text.split("|")
        pairs = [tuple(part.split("=", 1)) for part in parts if part]
        if not version.startswith("v") or any(len(pair) != 2 for pair in pairs):
            return None
        return cls(version, tuple((pair[0], pair[1]) for pair in pairs))

    def __str__(self) -> str:
        return "".join([f"{self.version}|", *(f"{name}={value}|" for name, value in self.fields)])

    def all(self, *names: str) -> list[str]:
        return [value for name, value in self.fields if name in names]

    def first(self, name: str, default: str = "") -> str:
        return next(iter(self.all(name)), default)


def outbound_allowed(machine: Machine, address: str, port: int, program: str = WORKER) -> bool:
    """Whether a program of this machine, its web server's worker by default, may open a TCP connection to an address.

    Group Policy's rules count beside the local ones. A rule with an address or keyword that the lab cannot place
    (DNS, DHCP, WINS, DefaultGateway, Internet, ...) matches nothing by that field.
    """
    document = JsonFile(machine.state / "machine.json").read()
    profile = document.get("profile", "Domain")
    networks = document.get("local_subnets", [f"{network['corporate']}0/24" for network in NETWORKS.values()])
    registry = Registry(machine)
    if _setting(registry, profile, "EnableFirewall", 1) == 0:
        return True
    actions = {
        rule.first("Action")
        for rule in _counting(registry, profile)
        if _applies(machine, rule, profile, program) and _matches(rule, address, port, networks)
    }
    if "Block" in actions:
        return False
    return "Allow" in actions or _setting(registry, profile, "DefaultOutboundAction", 0) == 0


def _counting(registry: Registry, profile: str) -> list[Rule]:
    """The rules that the service applies: Group Policy's, and the host's own unless Group Policy turns them off."""
    merge = registry.get(rf"{GROUP_POLICY}\{POLICY_PROFILES[profile]}", "AllowLocalPolicyMerge")
    stores = [GROUP_POLICY] if merge is not None and merge[1] == 0 else [LOCAL_POLICY, GROUP_POLICY]
    texts = [str(data) for store in stores for _kind, data in registry.values(rf"{store}\{RULES}").values()]
    return [rule for rule in map(Rule.parse, texts) if rule is not None]


def _setting(registry: Registry, profile: str, name: str, default: int) -> int:
    for policy, keys in ((GROUP_POLICY, POLICY_PROFILES), (LOCAL_POLICY, PROFILES)):
        value = registry.get(rf"{policy}\{keys[profile]}", name)
        if value is not None and isinstance(value[1], int):
            return value[1]
    return default


def _applies(machine: Machine, rule: Rule, profile: str, program: str) -> bool:
    only = rule.first("App")
    return (
        rule.first("Active") == "TRUE"
        and rule.first("Dir") == "Out"
        and profile in (rule.all("Profile") or [profile])
        and rule.first("Protocol", TCP) == TCP
        and not rule.first("Svc")
        and not rule.first("AppPkgId")
        and not (rule.first("Action") == "Allow" and rule.first("Security"))  # "allow if secure": IPsec only
        and (not only or machine.expand(only).lower() == program.lower())
    )


def _matches(rule: Rule, address: str, port: int, local: list[str]) -> bool:
    addresses, ports = rule.all(*_REMOTE), rule.all("RPort", "RPort2_10")
    try:
        by_port = [_port_in(port, entry) for entry in ports]
        by_address = [_address_in(address, entry, local) for entry in addresses]
    except ValueError:
        return False  # one malformed field and the service drops the whole rule, a comma-joined RA4 for example
    return any(by_port or [True]) and any(by_address or [True])


def _port_in(port: int, entry: str) -> bool:
    low, _separator, high = entry.partition("-")
    return int(low) <= port <= int(high or low)


def _address_in(address: str, entry: str, local: list[str]) -> bool:
    target = ipaddress.ip_address(address)
    if entry.isalpha():
        return entry.lower() == "localsubnet" and any(target in ipaddress.ip_network(network) for network in local)
    low, _separator, high = entry.partition("-")
    if high:
        first, last = ipaddress.ip_address(low), ipaddress.ip_address(high)
        return first.version == target.version and int(first) <= int(target) <= int(last)
    return target in ipaddress.ip_network(entry, strict=False)
