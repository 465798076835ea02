# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetScaler as the wizard for XenMobile leaves it: an STA, no split tunnel, only the company's network authorized.

What the site's administrators added before push has nothing to do with it, and a test can see it survive.
"""

from __future__ import annotations

from ..lab import USER, Lab
from ..state import JsonFile
from .store import HOST, VIRTUAL, Json

LOGIN = "svc-pushops"
GROUP = "SecureMail-Users"
OTHER_GROUP = "Contractors"
#: The command policy of the service user, as docs/netscaler.md gives it.
COMMANDS = (
    r"(^show\s+(ns\s+(version|config|runningConfig|savedConfig|acl)|aaa\s+group|authorization\s+policy"
    r"|vpn\s+(vserver|global|parameter|sessionPolicy|sessionAction))(\s.*)?$)"
    r"|(^(add|set|rm)\s+authorization\s+policy\s+pushops_.*)"
    r"|(^(bind|unbind)\s+aaa\s+group\s.*-policy\s+pushops_.*)"
    r"|(^(add|rm)\s+ns\s+acl\s+pushops_.*)|(^apply\s+ns\s+acls$)|(^save\s+ns\s+config$)"
)
READ_ONLY = r"^show\s+(?!system)(?!ns runningConfig)(?!ns savedConfig).*"


def seed(lab: Lab) -> None:
    """Write the state of a NetScaler that knows nothing of push, where there is none yet."""
    folder = lab.state(HOST)
    documents: dict[str, Json] = {
        "running.json": _configuration(lab),
        "saved.json": _configuration(lab),
        "kernel.json": {"acls": []},
        "users.json": {
            LOGIN: {"secret": "netscaler", "commands": COMMANDS},
            "auditor": {"secret": "netscaler", "commands": READ_ONLY},
        },
        "system.json": {"session_seconds": 1800},
    }
    for name, document in documents.items():
        if not (folder / name).exists():
            JsonFile(folder / name).write(document)


def _configuration(lab: Lab) -> Json:
    network = lab.address("controller").rpartition(".")[0]
    internal = f"CLIENT.IP.DST.IN_SUBNET({network}.0/24)"
    return {
        "objects": {
            "vpnvserver": {
                VIRTUAL: {"name": VIRTUAL, "servicetype": "SSL", "ipv46": lab.address(VIRTUAL), "port": 443}
            },
            "vpnsessionpolicy": {"PL_OS": {"name": "PL_OS", "rule": "ns_true", "action": "AC_OS"}},
            "vpnsessionaction": {"AC_OS": {"name": "AC_OS", "splittunnel": "OFF", "sesstimeout": 1440}},
            "aaagroup": {GROUP: {"groupname": GROUP}, OTHER_GROUP: {"groupname": OTHER_GROUP}},
            "authorizationpolicy": {
                "internal": {"name": "internal", "rule": internal, "action": "ALLOW"},
                "no_admin": {
                    "name": "no_admin",
                    "rule": "CLIENT.TCP.DSTPORT.EQ(22) || CLIENT.TCP.DSTPORT.EQ(3389)",
                    "action": "DENY",
                },
            },
        },
        "bindings": {
            "vpnglobal_staserver_binding": [{"staserver": lab.url("xms", "xms-device"), "staaddresstype": "IPV4"}],
            "vpnvserver_vpnsessionpolicy_binding": [{"name": VIRTUAL, "policy": "PL_OS", "priority": 100}],
            "aaagroup_aaauser_binding": [{"groupname": GROUP, "username": USER}],
            "aaagroup_authorizationpolicy_binding": [
                {"groupname": GROUP, "policy": "no_admin", "priority": 50, "gotopriorityexpression": "END"},
                {"groupname": GROUP, "policy": "internal", "priority": 100, "gotopriorityexpression": "END"},
                {"groupname": OTHER_GROUP, "policy": "internal", "priority": 90, "gotopriorityexpression": "END"},
            ],
        },
        "settings": {
            "vpnparameter": {"splittunnel": "OFF", "defaultauthorizationaction": "DENY", "sesstimeout": 30},
            "nsversion": {"version": "NetScaler NS13.1: Build 49.13.nc", "mode": "1"},
            "nshostname": {"hostname": "netscaler"},
        },
    }
