# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every NetScaler module takes (``doc_fragments/netscaler``), and what is made of them."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core.https import Transport
from .desired import Desired, parse_networks
from .nitro import NitroClient

OPTIONS: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
    "groups": {"type": "list", "elements": "str", "default": []},
    "destinations": {"type": "list", "elements": "str", "default": []},
    "port": {"type": "int", "default": 443},
    "policy_name": {"type": "str", "default": "pushops_registration"},
}


def client(module: AnsibleModule, transport: Transport) -> NitroClient:
    """A client whose session tokens are kept out of the module's output."""
    params = module.params
    return NitroClient(params["url"], params["username"], params["password"], transport, module.no_log_values.add)


def desired(params: dict[str, t.Any]) -> Desired:
    """:raises InvalidInput: a destination that cannot be one."""
    return Desired(
        params["policy_name"],
        tuple(params["groups"]),
        parse_networks(params["destinations"]),
        params["port"],
        params.get("state", "present") == "present",
        params.get("unsaved_changes", "save") == "save",
    )
