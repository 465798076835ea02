# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where APNs is, and the way there."""

    DOCUMENTATION = r"""
options:
  proof:
    description:
      - Asks APNs itself whether it accepts a certificate.
    type: dict
    suboptions:
      host:
        description:
          - Name or address of APNs.
        type: str
        default: api.push.apple.com
      port:
        description:
          - TCP port of APNs. Apple answers on 443 and 2197.
        type: int
        default: 443
      ca_path:
        description:
          - PEM file of the only authorities to trust there. The default is the system's own store. It must hold the
            root that signs APNs, since 2025 USERTrust RSA Certification Authority.
        type: path
      proxy:
        description:
          - URL of an HTTP proxy that passes on the connection, without credentials. Environment variables such as
            C(https_proxy) are not used.
        type: str
      proxy_username:
        description:
          - User for the proxy.
        type: str
      proxy_password:
        description:
          - Password for the proxy. Keep it in a vault.
        type: str
      timeout:
        description:
          - Seconds for each of connecting, sending and waiting.
        type: int
        default: 10
"""
