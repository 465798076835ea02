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
  - Sets Network access, Push notifications, region and customer ID of an MDX app through the server's public REST API,
    and where they are asked for the policies that must fit with them.
  - The policies are found by the title that an administrator sees, because their internal names are not published.
    None or several of a title is an error that lists what is there.
  - Sends only the policies that differ, in one request a platform, and decides by reading again. A server whose API
    takes no policies (documented in 2016) is recognized by that, and O(fallback) says what happens then.
  - Judges what else must fit (RV(obstacles)) by the values that the app will have, and warns.
notes:
  - Runs on the controller. Four requests when nothing changes, however many platforms there are.
  - The session ends with the task. It is not handed on to the next one, because a token on disk would be a secret at
    rest; name all platforms in one task instead.
extends_documentation_fragment:
  - pushops.securemail.xms
options:
  app:
    description:
      - Name of the MDX app on the server.
    type: str
    default: Secure Mail
  platforms:
    description:
      - The platforms whose policies are set.
    type: list
    elements: dict
    default: [{name: ios}]
    suboptions:
      name:
        description:
          - The platform as the API names it.
        type: str
        choices: [ios, android]
        required: true
      mdx_path:
        description:
          - The app's .mdx file for this platform, on the controller. Its metadata pairs the ids of enumerations
            (O(region), O(network_access), O(locked_screen)) with their labels, which the API does not list. Without it,
            an enumeration whose value on the server is not the very text that is asked for is an error.
        type: path
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
  background_services:
    description:
      - Entries that the policy "Background network services" must have, as C(fqdn:port). Entries of others stay.
    type: list
    elements: str
    default: []
  background_gateway:
    description:
      - Value of the policy "Background network service gateway", as C(fqdn:port). Left as it is by default.
    type: str
  ews_hostname:
    description:
      - Value of the policy "Push Notifications EWS HostName". Left as it is by default.
    type: str
  locked_screen:
    description:
      - Label of the value of the policy "Control locked screen notifications". Left as it is by default.
    type: str
  registration:
    description:
      - The region's registration service as C(fqdn:port). With O(sta) and tunneled network access it must stand in
        Background network services; otherwise an obstacle says so. It is not written there unless
        O(background_services) names it, too.
    type: str
  sta:
    description:
      - Whether NetScaler Gateway uses a Secure Ticket Authority for this app. Not judged by default.
    type: bool
  rich_push:
    description:
      - Whether the locked screen is to show sender and subject, so that what rich push needs is judged, too.
    type: bool
    default: false
  fallback:
    description:
      - What happens where the server takes the update and leaves every policy as it was. V(handoff) fails with the
        clicks that a person does in the console (RV(handoff)). V(reupload) uploads C(mdx_path) anew with these values,
        and with all others that the app has, as its defaults, and fails like V(handoff) where that does not help.
    type: str
    choices: [handoff, reupload]
    default: handoff
  policy_names:
    description:
      - Policy title to internal policy name, for servers whose titles are in another language or not unique. The titles
        are those of the options above, and C(Secure Mail Exchange Server).
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
    platforms:
      - name: ios
        # The file that was uploaded: it knows the ids behind "EMEA" and "Tunneled to the internal network".
        mdx_path: /srv/apps/SecureMail.mdx
    # With an STA, devices register in the background through the Gateway.
    sta: true
    registration: eu-west-1.pushreg.xm.citrix.com:443
    background_services: [eu-west-1.pushreg.xm.citrix.com:443]

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
last_modified:
  description:
    - When the app was last changed on the server, by whomever, in ISO 8601. Empty where the server does not say.
  type: str
  returned: success
  sample: "2026-01-31T09:00:00+00:00"
policies:
  description: The policies after the run (in check mode, before it), as the server holds them, by platform and title.
  type: dict
  returned: success
  sample:
    ios:
      Push notifications: "true"
obstacles:
  description: What else is in the way of push with these policies. Each is a warning, too.
  type: list
  elements: dict
  returned: success
  contains:
    code:
      description:
        - One of C(network-blocked), C(push-off), C(registration-not-in-background), C(background-gateway-empty),
          C(background-without-tunnel), C(ews-not-in-background), C(locked-screen-hides).
      type: str
      sample: background-gateway-empty
    platform:
      description: Where.
      type: str
      sample: ios
    sentence:
      description: What is in the way.
      type: str
      sample: Background network services names services, and Background network service gateway is empty
    remedy:
      description: What to do.
      type: str
      sample: Name the Gateway as fqdn:port in background_gateway
    link:
      description: Id of the link of the push path that it breaks. Empty where it costs something else.
      type: str
      sample: ""
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Title of the policy, with the platform in front of it where several are asked for.
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
handoff:
  description: The clicks in the console, in order, that do what the server's API does not.
  type: list
  elements: str
  returned: when the server ignores policies
  sample: ["Sign in to the XenMobile Server console and open Configure > Apps"]
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct app, or give the app a name of its own on the server
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.xms import arguments, desired
from ansible_collections.pushops.securemail.plugins.module_utils.xms.apps import App
from ansible_collections.pushops.securemail.plugins.module_utils.xms.policies import PushPolicies
from ansible_collections.pushops.securemail.plugins.module_utils.xms.republish import republisher

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **arguments.OPTIONS,
    "app": {"type": "str", "default": "Secure Mail"},
    "platforms": {
        "type": "list",
        "elements": "dict",
        "default": [{"name": "ios"}],
        "options": {
            "name": {"type": "str", "choices": list(arguments.PLATFORMS), "required": True},
            "mdx_path": {"type": "path"},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "network_access": {"type": "str", "default": "Tunneled to the internal network"},
    "push_notifications": {"type": "bool", "default": True},
    "region": {"type": "str", "choices": ["Americas", "EMEA", "APAC"]},
    "customer_id": {"type": "str"},
    "background_services": {"type": "list", "elements": "str", "default": []},
    "background_gateway": {"type": "str"},
    "ews_hostname": {"type": "str"},
    "locked_screen": {"type": "str"},
    "registration": {"type": "str"},
    "sta": {"type": "bool"},
    "rich_push": {"type": "bool", "default": False},
    "fallback": {"type": "str", "choices": ["handoff", "reupload"], "default": "handoff"},
    "policy_names": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[*arguments.REQUIRED_IF, ("state", "present", ("region", "customer_id"))],
        supports_check_mode=True,
    )
    params = module.params
    made: list[PushPolicies] = []

    def make_resource() -> PushPolicies:
        client = arguments.client(module, HttpsTransport(*arguments.transport_options(params)))
        made.append(
            PushPolicies(
                client,
                params["app"],
                desired.targets(params["platforms"]),
                desired.desired(params),
                {title: str(name) for title, name in params["policy_names"].items()},
                republisher(client) if params["fallback"] == "reupload" else None,
            )
        )
        return made[0]

    def describe(outcome: Outcome[App]) -> dict[str, t.Any]:
        app = outcome.after
        found = made[0].obstacles(app, desired.expected(params)) if params["state"] == "present" else []
        for obstacle in found:
            module.warn(f"{obstacle.platform}: {obstacle.sentence}. {obstacle.remedy}. [{obstacle.code}]")
        return {
            "app_id": app.id,
            "last_modified": app.last_modified,
            "policies": made[0].values(app),
            "obstacles": [obstacle.shown() for obstacle in found],
        }

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
