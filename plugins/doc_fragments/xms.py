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
  login:
    description:
      - How to log in. V(local) is a local user of the server, on premises or in Citrix Cloud, with O(username) and
        O(password). V(cloud) is a client of Citrix Cloud with O(bearer_token), on servers of 2021 and later. V(cwc) is
        the older form with O(service_key) and O(cloud_customer), on servers of 2016.
    type: str
    choices: [local, cloud, cwc]
    default: local
  username:
    description:
      - A local user of the server. Its role needs the permission "Public API access" and access to the apps. Required
        if O(login=local).
    type: str
  password:
    description:
      - The user's password. Keep it in a vault. Required if O(login=local).
    type: str
  bearer_token:
    description:
      - Token that Citrix Cloud's trust service has handed out. Required if O(login=cloud).
    type: str
  service_key:
    description:
      - Service key of Citrix Cloud. Required if O(login=cwc).
    type: str
  cloud_customer:
    description:
      - The customer's name at Citrix Cloud. Not the push service's customer ID. Required if O(login=cwc).
    type: str
  ca_path:
    description:
      - PEM file of the authority that signed the server's certificate. Default is the system's own store.
    type: path
  validate_certs:
    description:
      - Whether the server's certificate is checked. Leave it on, because the password travels to whoever answers.
    type: bool
    default: true
  use_proxy:
    description:
      - Whether the proxies of the task's environment (C(https_proxy), C(no_proxy)) are used.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that the server may be silent in one request. A read or an update is asked for three times at most, if
        the server is busy (HTTP 429 or 503; up to 30 seconds of C(Retry-After) are waited) or the answer is lost.
    type: int
    default: 30
attributes:
  action_group:
    description: Use C(group/pushops.securemail.xms) in C(module_defaults) to set these options once.
    support: full
    membership:
      - pushops.securemail.xms
"""
