#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apns_certificate_info
short_description: Say where the APNs certificates of a key store stand, and who must act
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads the key store of M(pushops.securemail.apns_certificate) and judges every version of every bundle id by the
    policies of the rotation. Changes nothing, takes no lock, and opens no private key.
  - A bundle id that cannot be read is one finding, V(unreadable), and the others are still read.
  - What waits, what is due and what has expired are results. The module fails only where its input is wrong.
notes:
  - Runs on the controller; use C(connection=local) or C(delegate_to).
  - Without a passphrase the key itself is not seen. Whether a certificate belongs to the key is judged by the request,
    which names it.
requirements:
  - cryptography >= 44
  - httpx[http2] >= 0.28, for O(proof)
extends_documentation_fragment:
  - pushops.securemail.proof
options:
  path:
    description:
      - Root folder of the key store.
    type: path
  bundle_ids:
    description:
      - The bundle ids to look at. One of which the store has nothing is V(missing).
      - Empty means all that the store holds. One whose whole folder is gone is then not noticed.
    type: list
    elements: str
    default: []
  files:
    description:
      - Certificates that lie anywhere, one in each file, as PEM, DER or PKCS#7. Each is judged for the bundle id that
        it names itself.
    type: list
    elements: path
  renew_before_days:
    description:
      - Days before the end of validity from which on a renewal is due, as for the rotation.
    type: int
    default: 30
  now:
    description:
      - The time to judge by, in ISO 8601, for tests and for looking ahead. UTC unless it says otherwise. The default is
        the clock.
    type: str
  proof:
    description:
      - Asks about every certificate in service that serves by its dates. Needs O(key_passphrase). Absent means that
        nobody is asked.
  key_passphrase:
    description:
      - Opens the private keys in the store for O(proof). Needed for nothing else.
    type: str
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
- name: Where does everything stand?
  pushops.securemail.apns_certificate_info:
    path: /var/lib/pushops/certificates
  register: certificates

- name: Name whoever must act
  ansible.builtin.debug:
    msg: "{{ item.bundle_id }}: {{ item.must_act }} ({{ item.decision.sentence }})"
  loop: "{{ certificates.bundles | rejectattr('must_act', 'eq', 'nobody') }}"
  loop_control:
    label: "{{ item.bundle_id }}"

- name: What will be due at the turn of the year, before the change freeze?
  pushops.securemail.apns_certificate_info:
    path: /var/lib/pushops/certificates
    now: "2026-12-24T00:00:00Z"

- name: Ask APNs about what is in service
  pushops.securemail.apns_certificate_info:
    path: /var/lib/pushops/certificates
    key_passphrase: "{{ vault_apns_key_passphrase }}"
    proof: {}
"""

RETURN = r"""
bundles:
  description: The bundle ids of the store, in alphabetical order.
  type: list
  elements: dict
  returned: success
  contains:
    bundle_id:
      description: The bundle id.
      type: str
      sample: com.contoso.securemail
    decision:
      description:
        - What the certificate in service is found to be, with the codes of M(pushops.securemail.apns_certificate), and
          V(unreadable).
      type: dict
      contains:
        reason:
          description: Stable code.
          type: str
          sample: superseded
        sentence:
          description: The same for people.
          type: str
          sample: Version 0002 is issued and follows it
    must_act:
      description:
        - Whose turn it is. V(nobody), V(rotation) (run it), V(signing) or V(portal) (answer that gate), or V(operator)
          (look at what cannot be read).
      type: str
      sample: portal
    gate:
      description: The gate that waits, V(signing) or V(portal). Empty if none does.
      type: str
      sample: portal
    waiting_since:
      description:
        - When the request or the certificate was written that the gate waits for an answer to, ISO 8601. Empty if no
          gate waits.
      type: str
      sample: "2026-12-31T04:10:00+00:00"
    next_due:
      description: When the renewal of the certificate in service starts, ISO 8601. Empty if none serves.
      type: str
      sample: "2026-12-30T00:00:00+00:00"
    needed_by:
      description: When the certificate in service ends, ISO 8601. Empty if none serves.
      type: str
      sample: "2027-01-29T00:00:00+00:00"
    days_left:
      description: Whole days until it ends, negative afterwards. Null if there is none.
      type: int
      sample: 28
    in_service:
      description: The version in service. Empty if there is none.
      type: str
      sample: "0001"
    proof:
      description: What APNs says of it, or null where it was not asked.
      type: dict
      contains:
        reason:
          description: Stable code, as the rotation returns it.
          type: str
          sample: accepted
        sentence:
          description: The same for people.
          type: str
          sample: APNs accepts it for com.contoso.securemail
    consumer:
      description:
        - Whether the certificate in service is in use, as the rotation last saw it and with its values, or null where
          none is in service. V(not-observed) where no run has seen the consumer.
      type: dict
      sample:
        status: in-use
        sentence: The consumer was seen to use version 0001 at 2026-01-02T04:10:00+00:00
        sha256: 0b6e0b0a1d4a1d3bd6bb5c38ae55ee4b03e4bdb28b2c2ec10f6bd0ab7a3f2a11
        version: "0001"
        since: "2026-01-02T04:10:00+00:00"
    contradictions:
      description: What the journal says otherwise than what lies in the store, a sentence each.
      type: list
      elements: str
      sample: []
    history:
      description:
        - The journal, oldest entry first. Each entry has C(at) (ISO 8601), C(version),
          C(step), C(by) (process, account and host), C(run) (equal for all entries of one
          run), and fingerprints and the like that belong to the step.
        - Steps are V(key), V(request), V(signed), V(staged) (the PKCS#12), V(proved), V(uploaded), V(in-service),
          V(seen-in-use), V(retired), and V(gone) for what was found to be missing. An entry with C(found) was
          noted by a later run than the one that did the step.
      type: list
      elements: dict
      sample:
        - at: "2026-01-01T04:10:00+00:00"
          version: "0001"
          step: key
          by: process 4711 of pushops on controller.contoso.com
          run: 5f3a9c1e
          key_sha256: 77a3c1f0e0f2f2a34d6a56a3b7f0a7c9f9b1fbd9d27f5f2b1a6c8a1ad1e0c2b4
          reason: missing
    unreadable_lines:
      description:
        - Numbers of the lines of the journal that are no entry. A run that was cut short may leave one; the step is
          then noted again.
      type: list
      elements: int
      sample: []
    versions:
      description: The versions, in rising order.
      type: list
      elements: dict
      contains:
        version:
          description: Name of the version.
          type: str
          sample: "0002"
        state:
          description:
            - V(awaiting-signature), V(awaiting-upload), V(uploaded) or V(in-service). One that is older than the one in
              service is V(superseded) while the consumer may still use it, then V(retired).
          type: str
          sample: awaiting-upload
        decision:
          description: What the policies say of its certificate, as above.
          type: dict
          sample:
            reason: valid
            sentence: It is valid until 2028-01-30T00:00:00+00:00; renewal starts 2027-12-31
        certificate:
          description: The certificate, as M(pushops.securemail.apns_certificate) returns it, or null.
          type: dict
          sample: null
        uploaded:
          description:
            - The record of the upload, or null. Has C(at), C(by), C(region),
              C(customer_id) and C(sha256).
          type: dict
          sample: null
        retired:
          description: When it was retired, and the code of the reason, or null.
          type: dict
          sample: null
files:
  description: The certificates of O(files), in their order.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file.
      type: str
      sample: /srv/handoff/aps.cer
    decision:
      description: What it is found to be, as above, and V(not-a-leaf).
      type: dict
      sample:
        reason: unreadable
        sentence: "/srv/handoff/aps.cer is no certificate: it is empty"
    certificate:
      description: The certificate, or null.
      type: dict
      sample: null
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Name the one that apns_certificate has, and run as the account that owns it
"""

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.apple.apns import HTTPX_IMPORT_ERROR, Apns
from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import CRYPTOGRAPHY_IMPORT_ERROR
from ansible_collections.pushops.securemail.plugins.module_utils.apple.endpoint import PROOF_OPTIONS, check_endpoint
from ansible_collections.pushops.securemail.plugins.module_utils.apple.order import (
    check_passphrase,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple.standing import shown_decision
from ansible_collections.pushops.securemail.plugins.module_utils.apple.survey import Survey, proving
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.text import check_now, check_positive


def _look(params: dict[str, t.Any]) -> dict[str, t.Any]:
    now = check_now(params["now"])
    renew_before = datetime.timedelta(days=check_positive("renew_before_days", params["renew_before_days"]))
    prove = None
    if params["proof"] is not None:
        passphrase = check_passphrase("key_passphrase", params["key_passphrase"] or "")
        prove = proving(Apns(check_endpoint(params["proof"])), passphrase)
    if params["bundle_ids"] and not params["path"]:
        raise InvalidInput("bundle_ids", params["bundle_ids"], "none without path", "Name the key store, too")
    survey = Survey(now, renew_before, prove)
    bundles = survey.store(params["path"], params["bundle_ids"]) if params["path"] else []
    judged = [(path, *survey.file(path)) for path in params["files"] or []]
    return {
        "bundles": [bundle.shown(now) for bundle in bundles],
        "files": [
            {
                "path": path,
                "decision": shown_decision(decision),
                "certificate": certificate.shown(now) if certificate else None,
            }
            for path, certificate, decision in judged
        ],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "bundle_ids": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "path"},
            "renew_before_days": {"type": "int", "default": 30},
            "now": {"type": "str"},
            "proof": {"type": "dict", "options": PROOF_OPTIONS},
            "key_passphrase": {"type": "str", "no_log": True},
        },
        required_one_of=[("path", "files")],
        required_by={"proof": ("path", "key_passphrase")},
        supports_check_mode=True,
    )
    if CRYPTOGRAPHY_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography >= 44"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    if module.params["proof"] is not None and HTTPX_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("httpx[http2] >= 0.28"), exception=HTTPX_IMPORT_ERROR)
    try:
        found = _look(module.params)
    except PushOpsError as problem:
        module.fail_json(msg=str(problem), remedy=problem.remedy)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
