# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that every module for NetScaler takes."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - The management address, for example V(https://netscaler.example.com). Of a high-availability pair, name the
        primary node, or a subnet IP address with management access.
    type: str
    required: true
  username:
    description:
      - A system user. docs/netscaler.md has the command policy that is enough.
    type: str
    required: true
  password:
    description:
      - The user's password. Keep it in a vault.
    type: str
    required: true
  ca_path:
    description:
      - PEM file of the authority that signed the management certificate. Default is the system's own store.
    type: path
  validate_certs:
    description:
      - Whether the management certificate is checked. Leave it on, because the password travels to whoever answers.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one request may take.
    type: int
    default: 30
  port:
    description:
      - TCP port of the registration service.
    type: int
    default: 443
  policy_name:
    description:
      - Name of the authorization policy. What bears it, and ACLs named after it, belong to this collection.
    type: str
    default: pushops_registration
attributes:
  action_group:
    description: Use C(group/pushops.securemail.netscaler) in C(module_defaults) to set these options once.
    support: full
    membership:
      - pushops.securemail.netscaler
"""
