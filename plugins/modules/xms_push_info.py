#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: xms_push_info
short_description: Say what XenMobile Server holds about push
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads MDX apps, their platforms, the policies around push and the delivery groups, and names what is in the way of
    push.
notes:
  - Runs on the controller, in one session that is logged out in every case. Changes nothing.
  - The public API does not tell the server's version. Which document it follows shows in part (RV(takes_policies)).
extends_documentation_fragment:
  - pushops.securemail.xms
options:
  app:
    description:
      - Name of the MDX app. Empty for all MDX apps.
    type: str
    default: Secure Mail
  mdx_paths:
    description:
      - Platform to .mdx on the controller. Its metadata turns the ids of enumerations into the labels of the console.
        Without it ids are shown, and O(region) cannot be compared with them.
    type: dict
    default: {}
  policy_names:
    description:
      - Policy title to internal policy name, as in P(pushops.securemail.xms_mdx_push_policy#module).
    type: dict
    default: {}
  region:
    description:
      - Label of the environment's region. Not compared by default.
    type: str
    choices: [Americas, EMEA, APAC]
  customer_id:
    description:
      - The environment's customer ID. Not compared by default.
    type: str
  registration:
    description:
      - The region's registration service as C(fqdn:port). Not judged by default.
    type: str
  sta:
    description:
      - Whether NetScaler Gateway uses a Secure Ticket Authority for this app. Not judged by default.
    type: bool
  rich_push:
    description:
      - Whether what rich push needs is judged, too.
    type: bool
    default: false
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
- name: Ask what the server holds about push
  pushops.securemail.xms_push_info:
    url: https://xms.example.com:4443
    username: svc-pushops
    password: "{{ vault_xms_password }}"
    mdx_paths: {ios: /srv/apps/SecureMail.mdx}
    region: EMEA
  register: xms

- name: Name what is in the way
  ansible.builtin.debug:
    msg: "{{ xms.findings | map(attribute='sentence') }}"
"""

RETURN = r"""
apps:
  description: The MDX apps.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Id of the container on the server.
      type: int
      sample: 4
    name:
      description: Its name.
      type: str
      sample: Secure Mail
    disabled:
      description: Whether it is disabled.
      type: bool
      sample: false
    last_modified:
      description: When it was last changed on the server, in ISO 8601. Empty where the server does not say.
      type: str
      sample: "2017-12-01T00:00:00+00:00"
    delivery_groups:
      description: The delivery groups that give it out.
      type: list
      elements: str
      sample: [AllUsers]
    platforms:
      description: Its platforms.
      type: list
      elements: dict
      contains:
        name:
          description: As the API names it.
          type: str
          sample: ios
        version:
          description: Version of the app.
          type: str
          sample: "10.8.65"
        policies:
          description: The policies around push, by title. Enumerations by label where the .mdx is named.
          type: dict
          sample: {"Push notifications": "false"}
        obstacles:
          description: What is in the way there; the same as in RV(findings).
          type: list
          elements: dict
          sample: []
delivery_groups:
  description: The delivery groups, each with name and disabled. Null where the role may not see them.
  type: list
  elements: dict
  returned: success
  sample: [{"name": "AllUsers", "disabled": false}]
takes_policies:
  description:
    - Whether an update takes policies. V(unknown) until one was tried; V(unlikely) where the server shows apps as the
      documents up to October 2016 do, in which the update has no policies.
  type: str
  returned: success
  sample: unknown
findings:
  description: What is in the way of push.
  type: list
  elements: dict
  returned: success
  contains:
    code:
      description:
        - C(app-absent), C(app-twice), C(app-disabled), C(not-given-out), C(groups-disabled), C(push-off),
          C(other-region), C(other-customer), or one of the codes of
          P(pushops.securemail.xms_mdx_push_policy#module).
      type: str
      sample: push-off
    app:
      description: Name of the app.
      type: str
      sample: Secure Mail
    platform:
      description: The platform. Empty where it concerns the app.
      type: str
      sample: ios
    sentence:
      description: What is in the way.
      type: str
      sample: Push notifications is off
    remedy:
      description: What to do.
      type: str
      sample: "Turn it on: playbooks/xms.yml"
    link:
      description: Id of the link of the push path that it breaks. Empty where it costs something else.
      type: str
      sample: xms-policies
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: "Check user and password: a local user whose role has the permission 'Public API access'"
"""

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.xms import arguments, desired
from ansible_collections.pushops.securemail.plugins.module_utils.xms.apps import PLATFORMS
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx import enum_labels
from ansible_collections.pushops.securemail.plugins.module_utils.xms.report import report
from ansible_collections.pushops.securemail.plugins.module_utils.xms.titles import check_names

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **arguments.OPTIONS,
    "app": {"type": "str", "default": "Secure Mail"},
    "mdx_paths": {"type": "dict", "default": {}},
    "policy_names": {"type": "dict", "default": {}},
    "region": {"type": "str", "choices": ["Americas", "EMEA", "APAC"]},
    "customer_id": {"type": "str"},
    "registration": {"type": "str"},
    "sta": {"type": "bool"},
    "rich_push": {"type": "bool", "default": False},
}


def _answer(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    unknown = sorted(set(params["mdx_paths"]) - set(PLATFORMS))
    if unknown:
        raise InvalidInput("mdx_paths", unknown, f"platforms among {', '.join(PLATFORMS)}", "Correct the names")
    labels = {platform: enum_labels(str(path)) for platform, path in params["mdx_paths"].items()}
    names = check_names({title: str(name) for title, name in params["policy_names"].items()})
    expected = desired.expected(params)
    transport = HttpsTransport(*arguments.transport_options(params))
    with contextlib.closing(arguments.client(module, transport)) as client:
        return report(client, params["app"], labels, names, expected)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=arguments.REQUIRED_IF, supports_check_mode=True)
    try:
        answer = _answer(module)
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
