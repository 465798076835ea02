#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apns_rotation_summary
short_description: Sum up a run of rotations in one table and one exit status
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Takes what M(pushops.securemail.apns_certificate) and M(pushops.securemail.apns_certificate_info) found for each
    environment, and says of each certificate what was decided, why, what is due when, and who must act.
  - Connects to nothing and changes no system. A rotation that failed is a result, RV(exit_status=1), not a failure of
    the module.
  - ansible-playbook ends with 0 where a gate waits for a person. RV(exit_status) tells that apart, for a scheduler.
options:
  rotations:
    description:
      - One entry for each certificate, in the order of the table.
    type: list
    elements: dict
    required: true
    suboptions:
      environment:
        description:
          - Name of the environment, for example the host that stands for it.
        type: str
        required: true
      bundle_id:
        description:
          - Bundle id of the app.
        type: str
        required: true
      rotation:
        description:
          - The registered result of M(pushops.securemail.apns_certificate), also one that failed. Leave it out where
            the run did not come so far.
        type: dict
      standing:
        description:
          - The entry in RV(pushops.securemail.apns_certificate_info#module:bundles) after it. Leave it out where the
            key store was not read. What is due is then unknown.
        type: dict
  path:
    description:
      - Where to write the outcome as JSON, the return values below with C(schema) and C(ended). The file is replaced
        whole, and readable by its owner alone. As it holds the time of the run, it does not count as a change.
    type: path
attributes:
  check_mode:
    support: full
    description: Changes no system. In check mode it does not write O(path) either.
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
- name: Sum up what playbooks/rotate.yml did for two environments
  pushops.securemail.apns_rotation_summary:
    rotations:
      - environment: emea
        bundle_id: com.contoso.securemail
        rotation: "{{ hostvars.emea.apns_certificate_result }}"
        standing: "{{ hostvars.emea.apns_certificate_standing.bundles | first }}"
      - environment: apac
        bundle_id: com.contoso.securemail
        rotation: "{{ hostvars.apac.apns_certificate_result }}"
        standing: "{{ hostvars.apac.apns_certificate_standing.bundles | first }}"
    path: /var/lib/pushops-rotation/outcome.json
  register: summary

- name: Show the table
  ansible.builtin.debug:
    var: summary.table
"""

RETURN = r"""
exit_status:
  description:
    - V(0) where every certificate is in service, V(75) where one waits for a person and none failed, V(1) where one
      failed or there is none at all.
  type: int
  returned: success
  sample: 75
items:
  description: What became of each certificate.
  type: list
  elements: dict
  returned: success
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: emea
    bundle_id:
      description: Bundle id of the app.
      type: str
      sample: com.contoso.securemail
    decision:
      description:
        - V(nothing to do), V(rotated) (another version came into service), V(changed) (something else), V(waits)
          (a gate waits for a person) or V(failed).
      type: str
      sample: waits
    reason:
      description:
        - What the certificate in service is found to be, with the codes of M(pushops.securemail.apns_certificate).
          Empty where nobody could look.
      type: str
      sample: due
    sentence:
      description: The reason, what the gate waits for, or why it failed.
      type: str
      sample: The signing gate of version 0002 waits for the certificate that Apple issues for /srv/handoff/request.csr
    due:
      description:
        - When the next act is due, ISO 8601. The start of the renewal, or, where a gate waits or the rotation failed,
          the end of the certificate in service. V(now) where none serves. Empty where nobody could look.
      type: str
      sample: "2027-01-29T00:00:00+00:00"
    must_act:
      description: V(nobody), V(signing) or V(portal) (answer that gate), or V(operator).
      type: str
      sample: signing
    act:
      description: What to do. Empty for nobody.
      type: str
      sample: Do what /srv/handoff/SIGNING.txt says, and put the answer at /srv/handoff/aps.cer
table:
  description: The same for people, a line each.
  type: list
  elements: str
  returned: success
  sample: ["item                         decision       reason  next due    who must act"]
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Check permissions, owner and free space of the folder, then run again
"""

import datetime
import json
import pathlib

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.apple.summary import document, row
from ansible_collections.pushops.securemail.plugins.module_utils.core import files
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError


def main() -> None:
    rotation = {
        "environment": {"type": "str", "required": True},
        "bundle_id": {"type": "str", "required": True},
        "rotation": {"type": "dict"},
        "standing": {"type": "dict"},
    }
    module = AnsibleModule(
        argument_spec={
            "rotations": {"type": "list", "elements": "dict", "required": True, "options": rotation},
            "path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    rows = [row(*(each[name] for name in rotation)) for each in module.params["rotations"]]
    outcome = document(rows, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    path = module.params["path"]
    try:
        if path and not module.check_mode:
            files.replace(pathlib.Path(path), (json.dumps(outcome, indent=1) + "\n").encode())
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(changed=False, **{key: outcome[key] for key in ("exit_status", "items", "table")})


if __name__ == "__main__":
    main()
