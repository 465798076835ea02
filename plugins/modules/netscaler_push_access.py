#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netscaler_push_access
short_description: Let tunneled Secure Mail reach the registration service through NetScaler Gateway
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Where an STA is bound and split tunneling is off (or reverse), adds an authorization policy that allows TCP to
    O(destinations) on O(port), and binds it to O(groups), before whatever in these groups may deny the flow. Where no
    STA is bound, or split tunneling is on, nothing is needed. It changes nothing then and says so in RV(reason).
  - Adds extended ACLs only for destinations that an ACL of others denies, or may deny, before that ACL, and applies
    them.
  - Saves the configuration once, if something changed, or if an earlier run could not save what it had changed.
  - Half of it is found and completed, for example a policy without its binding or an ACL that was not applied.
    Policies, bindings and ACLs of others stay as they are.
notes:
  - Runs on the controller, in one NITRO session that is logged out in every case. The session token enters no result
    and no log.
  - Saving also saves what others have changed and not saved. O(unsaved_changes) says whether that may happen; the
    module warns when it did.
  - Applying ACLs applies all. Where others have ACLs that nobody applied yet, the module refuses to apply its own.
  - Policies bound to single users and the other groups of a user are not looked at. IPv6 ACLs (nsacl6) are neither
    read nor written.
extends_documentation_fragment:
  - pushops.securemail.netscaler
options:
  groups:
    description:
      - AAA groups of the users of Secure Mail, as they are named on the NetScaler. They must be there. Required unless
        O(state=absent). The policy is taken off all other groups.
    type: list
    elements: str
    default: []
  destinations:
    description:
      - Addresses and CIDRs of the registration service. Overlaps and doubles count once. Required unless
        O(state=absent).
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) lets the flow pass. V(absent) removes the policy, all its bindings and its ACLs.
    type: str
    choices: [present, absent]
    default: present
  unsaved_changes:
    description:
      - What happens to changes of others that were made and not saved, when this module has something to save.
        V(save) saves them, too, and warns. V(refuse) fails before anything is changed.
    type: str
    choices: [save, refuse]
    default: save
attributes:
  check_mode:
    support: full
    description: Reads, plans, and sends nothing that changes.
  diff_mode:
    support: full
    description: Shows the policy, every binding, every ACL, and the save.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Compares what the NetScaler holds, and what it has saved.
"""

EXAMPLES = r"""
- name: Let tunneled devices register in EMEA
  pushops.securemail.netscaler_push_access:
    url: https://netscaler.example.com
    username: svc-pushops
    password: "{{ vault_netscaler_password }}"
    groups: [SecureMail-Users]
    destinations: [54.154.200.233, 54.154.204.192]
    # Somebody may be in the middle of a change there: rather fail than save it for them.
    unsaved_changes: refuse

- name: Take it all back
  pushops.securemail.netscaler_push_access:
    url: https://netscaler.example.com
    username: svc-pushops
    password: "{{ vault_netscaler_password }}"
    state: absent
"""

RETURN = r"""
needed:
  description: Whether the NetScaler has a say in the flow at all. Always false with O(state=absent).
  type: bool
  returned: success
  sample: true
reason:
  description: Why it has, or has not.
  type: str
  returned: success
  sample: An STA is bound and split tunneling is off (or reverse) for SecureMail-Users
saved_others:
  description:
    - Whether the configuration had unsaved changes before this run, which its save saved, too (in check mode, would).
  type: bool
  returned: success
  sample: false
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The policy, the binding, the ACL, or the save.
      type: str
      sample: binding in AAA group SecureMail-Users
    before:
      description: What was there. Null where there was nothing.
      type: raw
      sample: null
    after:
      description: What was asked for. Null where it goes away.
      type: raw
      sample: priority 90
    link:
      description: Id of the link of the push path. Empty where the change mends none.
      type: str
      sample: registration-egress
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct the names, or add the groups there first
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler import arguments, authorization
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.gateway import Gateway
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.push_access import PushAccess


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **arguments.OPTIONS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "unsaved_changes": {"type": "str", "choices": ["save", "refuse"], "default": "save"},
        },
        supports_check_mode=True,
    )
    params = module.params

    def make_resource() -> PushAccess:
        transport = HttpsTransport(params["ca_path"], params["validate_certs"], params["timeout"])
        return PushAccess(arguments.client(module, transport), arguments.desired(params), params["url"])

    def describe(outcome: Outcome[Gateway]) -> dict[str, t.Any]:
        saved_others = outcome.changed and outcome.before.unsaved
        if saved_others:
            module.warn("The running configuration had unsaved changes before this run: saving saves them, too.")
        if params["state"] == "absent":
            return {"needed": False, "reason": "Nothing is asked for", "saved_others": saved_others}
        needed = authorization.needed(outcome.before, params["groups"])
        return {"needed": bool(needed.passes), "reason": needed.because, "saved_others": saved_others}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
