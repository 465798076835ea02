#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apple_app_id
short_description: Keep an explicit App ID with push, its devices and its distribution profile at Apple
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Registers the App ID and the devices, turns the capability for push on, makes the distribution profile, and
    downloads it. Through the App Store Connect API or the Enterprise Program API.
  - A profile is made where there is none, and made anew where the present one is invalid, has expired or soon will, has
    no valid certificate left, or lacks a device or certificate that is asked for.
  - Apple takes no two profiles of a name. The new one is therefore called C(name 2), C(name 3) and so on, and the old
    one stays until the new one exists and is downloaded. What counts is the one that serves longest.
  - No App ID, device, capability or certificate is ever taken away. There is no C(state=absent).
notes:
  - Runs on the controller; use C(connection=local) or C(delegate_to).
  - The APNs certificate is not made here, because Apple's API knows no such type. See
    M(pushops.securemail.apns_certificate).
  - Turning push on makes Apple invalidate the profiles that are there, so a new one is made in the same run.
requirements:
  - cryptography >= 44
extends_documentation_fragment:
  - pushops.securemail.apple_developer
options:
  name:
    description:
      - Name of an App ID that is registered; one that exists keeps its own. Default is C(Secure Mail) and the bundle id
        without dots. Apple takes no @, &, *, ' and ".
    type: str
  devices:
    description:
      - Devices that are registered, and stand in an Ad Hoc profile. Others stay as they are, because Apple frees the
        place of a device only once a year.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the device in the developer portal.
        type: str
        required: true
      udid:
        description: The device's UDID.
        type: str
        required: true
  profile:
    description:
      - The distribution profile. Absent means that none is looked at.
    type: dict
    suboptions:
      name:
        description: Name in the developer portal.
        type: str
        required: true
      type:
        description:
          - V(in_house) needs O(api=enterprise), V(app_store) needs O(api=app_store_connect), V(ad_hoc) needs
            O(devices).
        type: str
        choices: [ad_hoc, in_house, app_store]
        default: in_house
      certificates:
        description:
          - Serial numbers of the distribution certificates that it must hold, in hex. Empty means all that are valid
            when a profile is made, and does not have a profile made because of a new one.
        type: list
        elements: str
        default: []
      path:
        description:
          - Where it is downloaded to, written whole or not at all, with the permissions 0644, because it is no secret.
            Something else than a profile is not written over.
        type: path
  remove_superseded:
    description:
      - Whether the other profiles of this name and type are deleted, last of all.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Reads, plans, and changes nothing.
  diff_mode:
    support: full
    description: Shows what is registered or made, and the SHA-256 of a file that is written.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Compares what the account holds.
"""

EXAMPLES = r"""
- name: Let the in-house app receive push, and have a profile to wrap it with
  pushops.securemail.apple_app_id:
    key_id: 2X9R4HXF34
    issuer_id: 57246542-96fe-1a63-e053-0824d011072a
    private_key: "{{ vault_apple_api_key }}"
    bundle_id: com.contoso.securemail
    profile:
      name: Secure Mail In-House
      path: /var/lib/pushops/emea/inhouse.mobileprovision

- name: The same for testers, with their devices
  pushops.securemail.apple_app_id:
    key_id: 2X9R4HXF34
    issuer_id: 57246542-96fe-1a63-e053-0824d011072a
    private_key: "{{ vault_apple_api_key }}"
    bundle_id: com.contoso.securemail
    devices:
      - name: Alex
        udid: 00008110-000a1c2e3f4b5d6e
    profile:
      name: Secure Mail Ad Hoc
      type: ad_hoc
      path: /var/lib/pushops/emea/adhoc.mobileprovision
    # Testers have wrapped with the new one long since.
    remove_superseded: true
"""

RETURN = r"""
app_id:
  description: The App ID after the run (in check mode, before it). Null where there is none.
  type: dict
  returned: success
  contains:
    id:
      description: Id by which the API names it.
      type: str
      sample: 8F3A2C1D9B
    name:
      description: Name in the developer portal.
      type: str
      sample: Secure Mail com contoso securemail
    push:
      description: Whether the capability for push is on.
      type: bool
      sample: true
profile:
  description: The profile that counts, likewise. Null where none is asked for or there is none.
  type: dict
  returned: success
  contains:
    name:
      description: Name in the developer portal.
      type: str
      sample: Secure Mail In-House
    type:
      description: V(ad_hoc), V(in_house) or V(app_store).
      type: str
      sample: in_house
    state:
      description: V(ACTIVE) or V(INVALID), as Apple says. It stays V(ACTIVE) when the profile ends.
      type: str
      sample: ACTIVE
    uuid:
      description: Unique id, as the file has it.
      type: str
      sample: 6b1f2b0a-5a0e-4c4b-9d53-0c7d2e1c2f11
    expires:
      description: When it ends, ISO 8601.
      type: str
      sample: "2027-01-05T09:00:00+00:00"
    certificates:
      description: The distribution certificates in it, each with O(ignore:serial), O(ignore:name), O(ignore:expires).
      type: list
      elements: dict
      sample:
        - serial: 3C9A1F
          name: "iOS Distribution: Contoso Ltd"
          expires: "2028-06-01T00:00:00+00:00"
    devices:
      description: How many devices it names.
      type: int
      sample: 0
finding:
  description: What is wrong with that profile, or null. The module names it where it cannot mend it.
  type: dict
  returned: success
  sample:
    reason: certificate-expiring
    sentence: The last certificate of the profile 'Secure Mail In-House' ends on 2026-02-01
    remedy: Make a distribution certificate, then run apple_app_id. Apps signed with the old one stop when it ends
    breaks: false
changes:
  description: What differed.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: What it is.
      type: str
      sample: PUSH_NOTIFICATIONS
    before:
      description: What was there.
      type: raw
      sample: "off"
    after:
      description: What is asked for.
      type: raw
      sample: "on"
    link:
      description: Empty. A profile is a precondition of every link and breaks none by itself.
      type: str
      sample: ""
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Give the key the role Admin
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.app_id import AppId, State
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.arguments import (
    ONE_KEY,
    SPEC,
    make_client,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.desired import check
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.tokens import (
    CRYPTOGRAPHY_IMPORT_ERROR,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome

_PROFILE = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "choices": ["ad_hoc", "in_house", "app_store"], "default": "in_house"},
    "certificates": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "path"},
}
_DEVICE = {"name": {"type": "str", "required": True}, "udid": {"type": "str", "required": True}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **SPEC,
            "name": {"type": "str"},
            "devices": {"type": "list", "elements": "dict", "default": [], "options": _DEVICE},
            "profile": {"type": "dict", "options": _PROFILE},
            "remove_superseded": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        **ONE_KEY,
    )
    if CRYPTOGRAPHY_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography >= 44"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    made: list[AppId] = []

    def make_resource() -> AppId:
        desired = check(module.params)
        made.append(AppId(make_client(module.params, module.no_log_values.add), desired))
        return made[0]

    def describe(outcome: Outcome[State]) -> dict[str, t.Any]:
        return made[0].shown(outcome.after)

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
