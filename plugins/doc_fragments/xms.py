# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that every module for XenMobile Server takes."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - The server's REST address with its port, for example V(https://xms.example.com:4443).
    type: str
    required: true
  username:
    description:
      - A local user of the server. Its role needs the permission "Public API access" and access to the apps.
    type: str
    required: true
  password:
    description:
      - The user's password. Keep it in a vault.
    type: str
    required: true
  ca_path:
    description:
      - PEM file of the authority that signed the server's certificate. Default is the system's own store.
    type: path
  validate_certs:
    description:
      - Whether the server's certificate is checked. Leave it on, because the password travels to whoever answers.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one request may take.
    type: int
    default: 30
attributes:
  action_group:
    description: Use C(group/pushops.securemail.xms) in C(module_defaults) to set these options once.
    support: full
    membership:
      - pushops.securemail.xms
"""
