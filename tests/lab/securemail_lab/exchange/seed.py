# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two Exchange hosts of one database availability group, freshly installed: nothing of push is configured."""

from __future__ import annotations

from ..lab import USER, Lab
from ..pki import Authority
from ..state import JsonFile
from .commands import curl
from .ews.outbound import SYSTEM_PROXY
from .ews.version import NAMES, SETUP
from .firewall import LOCAL_POLICY, PROFILES, RULES
from .iis import seed as iis
from .machine import Machine
from .mailbox import Mailboxes
from .registry import Registry

GENERATIONS = {"exch01": "2019", "exch02": "2016"}
_ACTIVE = "exch01"
#: Rules of a web server, as Windows and Exchange's setup leave them.
_FIREWALL_RULES = {
    "IIS-WebServerRole-HTTPS-In-TCP": (
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|App=System|Name=@%windir%\\system32\\inetsrv\\"
        "iisres.dll,-30502|Desc=@%windir%\\system32\\inetsrv\\iisres.dll,-30512|"
        "EmbedCtxt=@%windir%\\system32\\inetsrv\\iisres.dll,-30503|"
    ),
    "WINRM-HTTP-In-TCP-NoScope": (
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App=System|"
        "Name=@FirewallAPI.dll,-30253|Desc=@FirewallAPI.dll,-30256|EmbedCtxt=@FirewallAPI.dll,-30267|"
    ),
}


def seed(lab: Lab, host: str) -> None:
    """Write a host's configuration files, registry and WinRM settings, and the group's mailbox, if they are missing."""
    machine = Machine(name=host, state=lab.state(host))
    iis.seed(machine, GENERATIONS[host], client_certificates=True)
    if GENERATIONS[host] == "2019":  # on Windows Server 2019; Exchange 2016 runs on Server 2016 at most
        machine.path(curl.PATH).touch()
    _seed_registry(lab, machine)
    winrm = JsonFile(machine.state / "winrm.json")
    if not winrm.path.exists():
        winrm.write({"basic": True, "allow_unencrypted": False})  # NTLM is always offered
    group = JsonFile(lab.state("exchange") / "dag.json")
    if not group.path.exists():
        group.write({"active": _ACTIVE})
    Mailboxes(lab).create(USER)
    certificates = lab.state("devices") / "pki"
    if not (certificates / "client.pem").exists():
        Authority(lab).issue_client(certificates, USER)


def _seed_registry(lab: Lab, machine: Machine) -> None:
    registry = Registry(machine)
    if registry.exists(SETUP):
        return
    version = iis.VERSIONS[GENERATIONS[machine.name]]
    registry.set(SYSTEM_PROXY, "ProxyEnable", 1, "REG_DWORD")
    registry.set(SYSTEM_PROXY, "ProxyServer", f"{lab.name('proxy')}:{lab.port('proxy')}")
    for profile in PROFILES.values():
        registry.set(rf"{LOCAL_POLICY}\{profile}", "EnableFirewall", 1, "REG_DWORD")
        registry.set(rf"{LOCAL_POLICY}\{profile}", "DefaultOutboundAction", 0, "REG_DWORD")
        registry.set(rf"{LOCAL_POLICY}\{profile}", "DefaultInboundAction", 1, "REG_DWORD")
    for name, rule in _FIREWALL_RULES.items():
        registry.set(rf"{LOCAL_POLICY}\{RULES}", name, rule)
    for name, number in zip(NAMES, version.split("."), strict=True):
        registry.set(SETUP, name, int(number), "REG_DWORD")
