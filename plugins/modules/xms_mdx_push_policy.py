#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: xms_mdx_push_policy
short_description: Set the push policies of an MDX app on XenMobile Server
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Sets Network access, Push notifications, region and customer ID of an MDX app through the server's public REST API.
  - The policies are found by the title that an administrator sees, because their internal names are not published.
    None or several of a title is an error that lists what is there.
  - Sends only the policies that differ, in one request, and decides by reading again. A server whose API takes no
    policies (documented in 2016) therefore ends in a clear error and not in a wrong C(changed).
notes:
  - Runs on the controller. Four requests when nothing changes.
extends_documentation_fragment:
  - pushops.securemail.xms
options:
  app:
    description:
      - Name of the MDX app on the server.
    type: str
    default: Secure Mail
  platform:
    description:
      - The platform whose policies are set, as the API names it.
    type: str
    choices: [ios, android]
    default: ios
  state:
    description:
      - V(present) sets the policies. V(absent) turns Push notifications off and leaves the other policies as they are.
    type: str
    choices: [present, absent]
    default: present
  network_access:
    description:
      - Label of the value of the policy "Network access".
    type: str
    default: Tunneled to the internal network
  push_notifications:
    description:
      - Value of the policy "Push notifications".
    type: bool
    default: true
  region:
    description:
      - Label of the value of the policy "Push notifications region". Required unless O(state=absent).
    type: str
    choices: [Americas, EMEA, APAC]
  customer_id:
    description:
      - Value of the policy "Push notifications customer ID", as the push portal shows it. Required unless
        O(state=absent).
    type: str
  mdx_path:
    description:
      - The app's .mdx file for O(platform), on the controller. Its metadata pairs the ids of enumerations (O(region),
        O(network_access)) with their labels, which the API does not list. Without it, an enumeration whose value on the
        server is not the very text that is asked for is an error.
    type: path
  policy_names:
    description:
      - Policy title to internal policy name, for servers whose titles are in another language or not unique. The titles
        are C(Network access), C(Push notifications), C(Push notifications region), C(Push notifications customer ID).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Reads, plans, and sends nothing that changes.
  diff_mode:
    support: full
    description: Shows every policy that differs, with labels where the .mdx knows them.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Compares the server's own values.
"""

EXAMPLES = r"""
- name: Let Secure Mail on iOS subscribe in the region where Exchange is
  pushops.securemail.xms_mdx_push_policy:
    url: https://xms.example.com:4443
    username: svc-pushops
    password: "{{ vault_xms_password }}"
    region: EMEA
    customer_id: contoso-7Q2M4
    # The file that was uploaded: it knows the ids behind "EMEA" and "Tunneled to the internal network".
    mdx_path: /srv/apps/SecureMail.mdx

- name: Turn push off again
  pushops.securemail.xms_mdx_push_policy:
    url: https://xms.example.com:4443
    username: svc-pushops
    password: "{{ vault_xms_password }}"
    state: absent
"""

RETURN = r"""
app_id:
  description: Id of the app's container on the server.
  type: int
  returned: success
  sample: 4
policies:
  description: The push policies after the run (in check mode, before it), as the server holds them, by title.
  type: dict
  returned: success
  sample:
    Push notifications: "true"
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Title of the policy.
      type: str
      sample: Push notifications
    before:
      description: The value before.
      type: str
      sample: "false"
    after:
      description: The value asked for.
      type: str
      sample: "true"
    link:
      description: Id of the link of the push path.
      type: str
      sample: xms-policies
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct app, or give the app a name of its own on the server
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.environment import check_customer_id
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.xms import policies
from ansible_collections.pushops.securemail.plugins.module_utils.xms.apps import App
from ansible_collections.pushops.securemail.plugins.module_utils.xms.client import XmsClient
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx import enum_labels


def _desired(params: dict[str, t.Any]) -> dict[str, str]:
    if params["state"] == "absent":
        return {policies.PUSH_NOTIFICATIONS: "false"}
    return {
        policies.NETWORK_ACCESS: params["network_access"],
        policies.PUSH_NOTIFICATIONS: str(params["push_notifications"]).lower(),
        policies.REGION: params["region"],
        policies.CUSTOMER_ID: check_customer_id(params["customer_id"], "customer_id"),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "username": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "ca_path": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 30},
            "app": {"type": "str", "default": "Secure Mail"},
            "platform": {"type": "str", "choices": ["ios", "android"], "default": "ios"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "network_access": {"type": "str", "default": "Tunneled to the internal network"},
            "push_notifications": {"type": "bool", "default": True},
            "region": {"type": "str", "choices": ["Americas", "EMEA", "APAC"]},
            "customer_id": {"type": "str"},
            "mdx_path": {"type": "path"},
            "policy_names": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ("region", "customer_id"))],
        supports_check_mode=True,
    )
    params = module.params
    made: list[policies.PushPolicies] = []

    def make_resource() -> policies.PushPolicies:
        transport = HttpsTransport(params["ca_path"], params["validate_certs"], params["timeout"])
        made.append(
            policies.PushPolicies(
                XmsClient(params["url"], params["username"], params["password"], transport, module.no_log_values.add),
                params["app"],
                params["platform"],
                _desired(params),
                enum_labels(params["mdx_path"]) if params["mdx_path"] else {},
                {title: str(name) for title, name in params["policy_names"].items()},
            )
        )
        return made[0]

    def describe(outcome: Outcome[App]) -> dict[str, t.Any]:
        return {"app_id": outcome.after.id, "policies": made[0].values(outcome.after)}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
