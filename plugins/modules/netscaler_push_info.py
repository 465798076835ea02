#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netscaler_push_info
short_description: Say whether tunneled Secure Mail may reach the registration service through NetScaler Gateway
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads STAs, split tunneling, default authorization, authorization policies and extended ACLs, and judges for each
    AAA group whether a tunneled session may reach O(destinations) on O(port).
  - What hangs on something that only a real session has, a User-Agent header for example, is said to be unknown.
notes:
  - Runs on the controller, in one NITRO session that is logged out in every case. Changes nothing.
  - Policies bound to single users and the other groups of a user are not looked at, nor are IPv6 ACLs (nsacl6).
extends_documentation_fragment:
  - pushops.securemail.netscaler
options:
  groups:
    description:
      - AAA groups to judge, as they are named on the NetScaler. Empty for all.
    type: list
    elements: str
    default: []
  destinations:
    description:
      - Addresses and CIDRs of the registration service. Overlaps and doubles count once. At least one is required.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: N/A
    description: Changes nothing.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Ask what the NetScaler does with the registration service of EMEA
  pushops.securemail.netscaler_push_info:
    url: https://netscaler.example.com
    username: svc-pushops
    password: "{{ vault_netscaler_password }}"
    destinations: [54.154.200.233, 54.154.204.192]
  register: netscaler

- name: Name the groups whose devices cannot register
  ansible.builtin.debug:
    msg: "{{ netscaler.groups | selectattr('tunneled') | rejectattr('passes', 'eq', true) | map(attribute='name') }}"
"""

RETURN = r"""
version:
  description: The NetScaler's own words.
  type: str
  returned: success
  sample: "NetScaler NS13.1: Build 49.13.nc"
unsaved:
  description: Whether the running configuration differs from the saved one.
  type: bool
  returned: success
  sample: false
virtual_servers:
  description: Every Gateway virtual server with the STAs that count there, those bound globally included.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: _XM_XenMobileGateway
    stas:
      description: Addresses of the STAs.
      type: list
      elements: str
      sample: ["https://xms.example.com:8443"]
deny_acls:
  description: Names of the extended ACLs that deny something, in their order.
  type: list
  elements: str
  returned: success
  sample: []
groups:
  description: What applies to each AAA group.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: SecureMail-Users
    tunneled:
      description: Whether traffic to the registration service may come through a tunnel for which an STA is bound.
      type: bool
      sample: true
    split_tunnel:
      description: The values that split tunneling can have in its sessions. Several where rules decide.
      type: list
      elements: str
      sample: ["OFF"]
    default_authorization:
      description: The values that the default authorization action can have in its sessions.
      type: list
      elements: str
      sample: [DENY]
    policies:
      description: Its authorization policies in the order of evaluation.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the policy.
          type: str
          sample: pushops_registration
        priority:
          description: Its number in the group. The lowest is evaluated first.
          type: int
          sample: 90
        action:
          description: What it does where its rule is true.
          type: str
          sample: ALLOW
        rule:
          description: Its expression.
          type: str
          sample: CLIENT.IP.DST.EQ(54.154.200.233) && CLIENT.TCP.DSTPORT.EQ(443)
    passes:
      description: Whether a tunneled session reaches every destination. Null where that is not known.
      type: bool
      sample: true
    because:
      description: For each destination, what decides.
      type: dict
      sample: {"54.154.200.233/32": "authorization policy pushops_registration says ALLOW"}
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct the names, or add the groups there first
"""

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import arguments
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.gateway import read
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.report import report


def _answer(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    asked = arguments.desired(params)
    if not asked.networks:
        raise InvalidInput("destinations", [], "at least one entry", "Name the region's registration addresses")
    transport = HttpsTransport(params["ca_path"], params["validate_certs"], params["timeout"])
    with contextlib.closing(arguments.client(module, transport)) as client:
        present = read(client, asked.policy, asked.groups or None, compare_saved=False)
        return report(present, asked.networks, asked.port)


def main() -> None:
    module = AnsibleModule(argument_spec=arguments.OPTIONS, supports_check_mode=True)
    try:
        answer = _answer(module)
    except PushOpsError as problem:
        module.fail_json(msg=str(problem), remedy=problem.remedy)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
