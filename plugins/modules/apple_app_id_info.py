#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apple_app_id_info
short_description: Say whether an App ID has push, and how long its distribution profiles serve
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads the App ID, its capability for push, its distribution profiles and their certificates from Apple. Changes
    nothing. A key with any role will do.
  - What is missing, invalid, expired or soon expires is a finding. The module fails only where it cannot ask.
notes:
  - Runs on the controller; use C(connection=local) or C(delegate_to).
requirements:
  - cryptography >= 44
extends_documentation_fragment:
  - pushops.securemail.apple_developer
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: There is nothing that could differ.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Never reports a change.
"""

EXAMPLES = r"""
- name: Will the app still start after the change freeze?
  pushops.securemail.apple_app_id_info:
    key_id: 2X9R4HXF34
    issuer_id: 57246542-96fe-1a63-e053-0824d011072a
    private_key_path: /etc/pushops/AuthKey_2X9R4HXF34.p8
    bundle_id: com.contoso.securemail
    now: "2027-01-15T00:00:00Z"
  register: app_id

- name: Name what stands in the way
  ansible.builtin.debug:
    msg: "{{ item.sentence }}. {{ item.remedy }}."
  loop: "{{ app_id.findings }}"
  loop_control:
    label: "{{ item.reason }}"
"""

RETURN = r"""
app_id:
  description: The App ID. Null where there is none.
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
profiles:
  description: Its distribution profiles, each as M(pushops.securemail.apple_app_id) returns one.
  type: list
  elements: dict
  returned: success
  sample:
    - name: Secure Mail In-House
      type: in_house
      state: ACTIVE
      uuid: 6b1f2b0a-5a0e-4c4b-9d53-0c7d2e1c2f11
      expires: "2027-01-05T09:00:00+00:00"
      certificates:
        - serial: 3C9A1F
          name: "iOS Distribution: Contoso Ltd"
          expires: "2028-06-01T00:00:00+00:00"
      devices: 0
findings:
  description: What stands in the way, or soon will. Of the profiles of one type the one that serves longest counts.
  type: list
  elements: dict
  returned: success
  contains:
    reason:
      description:
        - V(app-id-missing), V(push-missing), V(profile-missing), V(profile-invalid), V(profile-expired),
          V(profile-expiring), V(certificate-expired) or V(certificate-expiring).
      type: str
      sample: profile-expiring
    sentence:
      description: The same for people.
      type: str
      sample: The profile 'Secure Mail In-House' ends on 2027-01-05
    remedy:
      description: What to do.
      type: str
      sample: "Run apple_app_id: it makes a new profile. Then wrap the app with it"
    breaks:
      description: Whether an app cannot be signed with it, or has no push, by now.
      type: bool
      sample: false
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Give the key the role Admin
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.account import read_account
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.arguments import (
    ONE_KEY,
    SPEC,
    make_client,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.desired import check_renewal
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.standing import findings
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.tokens import (
    CRYPTOGRAPHY_IMPORT_ERROR,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.environment import check_bundle_id
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.text import check_now


def main() -> None:
    module = AnsibleModule(argument_spec=dict(SPEC), supports_check_mode=True, **ONE_KEY)
    if CRYPTOGRAPHY_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography >= 44"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    params = module.params
    try:
        bundle_id = check_bundle_id(params["bundle_id"], "bundle_id")
        renew_before, now = check_renewal(params["renew_before_days"]), check_now(params["now"])
        account = read_account(make_client(params, module.no_log_values.add), bundle_id, with_devices=False)
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(
        changed=False,
        app_id=account.shown(),
        profiles=[one.shown() for one in account.profiles],
        findings=[one.shown() for one in findings(account, bundle_id, now, renew_before)],
    )


if __name__ == "__main__":
    main()
