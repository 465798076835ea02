# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that every module for Apple's developer API takes."""

    DOCUMENTATION = r"""
options:
  api:
    description:
      - V(enterprise) for a team of the Apple Developer Enterprise Program, which distributes in-house.
        V(app_store_connect) for any other. Keys of one do not work at the other.
    type: str
    choices: [app_store_connect, enterprise]
    default: enterprise
  key_id:
    description:
      - Id of the API key.
    type: str
    required: true
  issuer_id:
    description:
      - Issuer id that stands above the team's keys. An individual key has none, and Apple lets it change nothing here.
    type: str
    required: true
  private_key:
    description:
      - Content of the key's C(AuthKey_<key id>.p8). Keep it in a vault. Either this or O(private_key_path).
    type: str
  private_key_path:
    description:
      - The key's file on the controller. It should be readable by nobody else.
    type: path
  bundle_id:
    description:
      - Explicit bundle id of the app. A wildcard is refused, because push does not work with one.
    type: str
    required: true
  renew_before_days:
    description:
      - Days before its end from which on a profile or its certificate counts as expiring, 300 at most.
    type: int
    default: 30
  now:
    description:
      - The time to judge by, in ISO 8601, for tests and for looking ahead. UTC unless it says otherwise. The default is
        the clock.
    type: str
  url:
    description:
      - Another server than Apple's own, for example V(https://apple-api.example.com). The default follows from O(api).
    type: str
  ca_path:
    description:
      - PEM file of the only authorities to trust. Default is the system's own store.
    type: path
  validate_certs:
    description:
      - Whether the server's certificate is checked. Leave it on.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one request may take. Where Apple has had too many (429), it is sent again up to twice, no later
        than 30 seconds after; where Apple asks for a longer pause, the module fails at once.
    type: int
    default: 30
attributes:
  action_group:
    description: Use C(group/pushops.securemail.apple_developer) in C(module_defaults) to set the key once.
    support: full
    membership:
      - pushops.securemail.apple_developer
"""
