# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that changes Exchange's configuration files."""

    DOCUMENTATION = r"""
options:
  keep_backups:
    description:
      - How many copies of one file stay on the host, at least 1. The oldest go after a write that has succeeded, never
        before. Copies that somebody else made are not counted and not touched, and one that was put back stays.
    type: int
    default: 5
  health:
    description:
      - Where the controller asks whether EWS lives, without credentials, before the first change and after the last
        one. Nobody asks where nothing changes. Left out, nobody asks at all.
      - C(GET /EWS/healthcheck.htm) must be answered with 200, and a C(POST) to C(/EWS/Exchange.asmx) with 401 or 200.
        403 is sound where the effective C(sslFlags) require a client certificate, and 413 where the effective
        C(uploadReadAheadSize) is too small for the request, which is a fault that a change may be about to mend.
      - Where EWS does not live after a change, C(MSExchangeServicesAppPool) is recycled once. Where that does not help,
        the files are put back, the pool is recycled again, and the task fails and says both.
    type: dict
    suboptions:
      url:
        description:
          - The host's own front end, C(https://HOST[:PORT]), not a load balancer.
        type: str
        required: true
      back_end_url:
        description:
          - The host's back end, usually port 444. Empty means that it is not asked. Where it does not answer before the
            change, it is not asked after it either, and a warning says so.
        type: str
        default: ""
      server_name:
        description:
          - The name that the front end's certificate holds, such as V(mail.example.com), where it is not the host of
            O(health.url). Empty means that it is.
        type: str
        default: ""
      ca_path:
        description:
          - PEM file of the authority that signed the front end's certificate. Default is the controller's own store.
        type: path
      back_end_ca_path:
        description:
          - The same for the back end, whose certificate is self-signed as Exchange's setup leaves it. Default is
            O(health.ca_path).
        type: path
      validate_certs:
        description:
          - Whether the certificates are checked. Without it, whoever answers may say that EWS lives.
        type: bool
        default: true
      timeout:
        description:
          - Seconds that one request may take.
        type: int
        default: 10
      warm_up:
        description:
          - Seconds within which EWS has to live after a change, after a recycling and after the way back, each. A
            changed web.config restarts the application, whose first answer takes a while.
        type: int
        default: 90
"""
