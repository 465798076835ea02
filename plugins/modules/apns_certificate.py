#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apns_certificate
short_description: Keep the APNs certificate of Secure Mail valid, uploaded and in service
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Makes key and certificate request, takes in the signed certificate, builds the PKCS#12, has it uploaded to the push
    portal, and puts the version in service. Starts the next version when the present one is due.
  - Apple and the push portal offer no API for two of these steps. They are gates, where a site's own command or a
    person acts. Without a command the module prepares everything, says in RV(gate) what a person must do, and ends
    without failure. The next run carries on by itself once the answer is there.
  - At the signing gate the folder C(<handoff_path>/<bundle_id>-0001) holds C(request.csr) and C(SIGNING.txt), which
    says what to click. Put the certificate that Apple issues into the same folder as C(aps.cer). One certificate as
    PEM, DER or PKCS#7 is taken, under any name that ends with V(.cer), V(.crt), V(.der), V(.pem), V(.p7b) or V(.p7c).
  - At the portal gate the folder holds C(bundle.p12), the checklist C(UPLOAD.txt) and the form C(portal.json). Write
    the customer ID that the portal shows, and your name, into the form. The password of the PKCS#12 is in none of these
    files. Once the upload is recorded, PKCS#12 and form are taken out of the folder again.
  - A signed certificate is refused, with nothing changed and the file left where it is, if it is for another key or
    bundle id, for the sandbox only, for device management (MDM), expired, due already, not yet valid, a chain, or no
    certificate.
notes:
  - Runs on the controller; use C(connection=local) or C(delegate_to).
  - Folders are 0700, files 0600, keys encrypted. A key is never overwritten. One that cannot be read stops the module.
  - Each step is durable before the next begins. A run that was cut short is finished by the next one.
  - What was done, when and by whom stands in C(<path>/<bundle_id>/journal.jsonl), which is only appended to.
    M(pushops.securemail.apns_certificate_info) returns it.
requirements:
  - cryptography >= 44
  - httpx[http2] >= 0.28, for O(proof)
extends_documentation_fragment:
  - pushops.securemail.proof
options:
  path:
    description:
      - Root folder of the key store. Versions are in C(<path>/<bundle_id>/versions/0001) and so on, and
        C(<path>/<bundle_id>/current) points to the one in service.
    type: path
    required: true
  bundle_id:
    description:
      - Bundle id of the app, as in its explicit App ID.
    type: str
    required: true
  region:
    description:
      - Region of the push portal, where Exchange is. Stands in checklist and record, and for C({region}) in
        O(portal_command). If it changes, the certificate is uploaded again.
    type: str
    required: true
  customer_id:
    description:
      - Customer ID that the portal must return for the upload.
    type: str
    required: true
  state:
    description:
      - A valid certificate is in service. There is no V(absent), because a key is never removed automatically.
    type: str
    choices: [present]
    default: present
  key_passphrase:
    description:
      - Encrypts the private key in the store. Keep it in a vault. At most 1023 bytes.
    type: str
    required: true
  pkcs12_passphrase:
    description:
      - Password of the PKCS#12 that the portal gets. Keep it in a vault. One line, at most 1023 bytes.
    type: str
    required: true
  pkcs12_encryption:
    description:
      - Encryption of the PKCS#12. V(modern) is AES-256 with an SHA-256 MAC. V(legacy) is 3DES with an SHA-1 MAC, for
        consumers that open nothing newer.
    type: str
    choices: [modern, legacy]
    default: modern
  renew_before_days:
    description:
      - Days before the end of validity from which on the next version is made. A certificate is never due in the first
        half of its life.
    type: int
    default: 30
  email:
    description:
      - E-mail address in the certificate request.
    type: str
    required: true
  common_name:
    description:
      - Common name in the certificate request, at most 64 characters. Apple sets the certificate's own subject.
    type: str
    required: true
  signing_command:
    description:
      - Site command of the signing gate, as a list of words; no shell is involved. It reads the request C({csr}),
        writes the certificate to C({certificate}), and ends with status 0. C({bundle_id}) is filled in as well.
      - Empty means the hand-off. An answer in the hand-off folder is taken before the command is asked.
    type: list
    elements: str
    default: []
  portal_command:
    description:
      - Site command of the portal gate, as a list of words; no shell is involved. It uploads C({pkcs12}), reads its
        password as one line from standard input, prints C({"customer_id":"..."}) and ends with status 0. C({bundle_id})
        and C({region}) are filled in as well.
      - Empty means the hand-off. A filled-in form in the hand-off folder is taken before the command is asked.
    type: list
    elements: str
    default: []
  consumer_command:
    description:
      - Site command that says which certificate the consumer, the vendor's listener, uses, as a list of words; no shell
        is involved. It prints C({"sha256":"..."}), the SHA-256 of the certificate, or C({"sha256":null}) while none was
        seen, and ends with status 0. C({bundle_id}) and C({region}) are filled in. It changes nothing, and is run once
        at every run, in check mode as well.
      - Empty means that nobody looks, and RV(consumer) says so. A command that fails is no failure of the rotation.
      - When it is first seen to use the certificate in service, that is noted in the journal and counts as no change.
      - Where it is given, an older version is retired only once its successor is seen in use, or it cannot serve.
    type: list
    elements: str
    default: []
  revoked_serials:
    description:
      - Serial numbers in hex of certificates that you revoked at Apple. Apple keeps at most two live ones for an App
        ID, and no third is asked for. One that is named here no longer counts.
    type: list
    elements: str
    default: []
  handoff_path:
    description:
      - Folder where requests wait for a person and where answers are put. The default is C(handoff) in O(path).
      - If it exists, its permissions hold for the folders in it, so that a group can be let in.
    type: path
  now:
    description:
      - The time to judge by, in ISO 8601, for tests and for looking ahead in check mode. UTC unless it says otherwise.
        The default is the clock.
    type: str
  command_timeout:
    description:
      - Seconds that a site command may take before it is stopped.
    type: int
    default: 300
  lock_timeout:
    description:
      - Seconds to wait for another run on the same bundle id, 0 to 86400. V(0) does not wait and says who holds the
        lock. The lock ends with the process that holds it, so none is left behind.
    type: int
    default: 0
  proof:
    description:
      - Asks APNs itself whether it accepts the certificate, with one HTTP/2 request to a device that does not exist.
        Asked are the certificate in service, at every run, and a new one before it goes to the portal gate and after
        the upload. A new one that APNs refuses goes no further. One in service that APNs refuses no longer serves, and
        the next version is begun.
      - Absent means no proof. C({}) takes the defaults.
      - The private key is used as it lies in the store, encrypted with O(key_passphrase).
  proof_required:
    description:
      - What happens where O(proof) is given and APNs is not reached or says nothing about the certificate. V(true)
        stops with the reason before anything is uploaded or put in service. V(false) goes on, RV(proof) reports it, and
        a warning is shown.
    type: bool
    default: true
  metrics_path:
    description:
      - File for the textfile collector of Prometheus' node exporter. Its name ends with V(.prom), and its folder
        exists. Written as a whole, readable by all, at the end of every run that does not fail, but not in check mode.
        As it holds the time of that run, it does not count as a change.
    type: path
attributes:
  check_mode:
    support: full
    description:
      - Reads, judges and plans. Writes nothing, and starts no command but O(consumer_command), which only looks. Asks
        APNs where O(proof) says so.
  diff_mode:
    support: full
    description: Shows the steps with fingerprints. Shows no key.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: full
    description: Compares what files contain. Waiting at a gate is no change.
"""

EXAMPLES = r"""
- name: Keep the certificate, with a person at both gates
  pushops.securemail.apns_certificate:
    path: /var/lib/pushops/certificates
    bundle_id: com.contoso.securemail
    region: EMEA
    customer_id: contoso-7Q2M4
    key_passphrase: "{{ vault_apns_key_passphrase }}"
    pkcs12_passphrase: "{{ vault_apns_pkcs12_passphrase }}"
    email: postmaster@contoso.com
    common_name: Secure Mail push EMEA
    # A folder that the people at the gates may enter; the key store itself stays closed to them.
    handoff_path: /srv/handoff
  register: certificate

- name: Say what a person must do
  ansible.builtin.debug:
    var: certificate.gate
  when: certificate.gate is not none

- name: The same, with the site's own commands at both gates
  pushops.securemail.apns_certificate:
    path: /var/lib/pushops/certificates
    bundle_id: com.contoso.securemail
    region: EMEA
    customer_id: contoso-7Q2M4
    key_passphrase: "{{ vault_apns_key_passphrase }}"
    pkcs12_passphrase: "{{ vault_apns_pkcs12_passphrase }}"
    email: postmaster@contoso.com
    common_name: Secure Mail push EMEA
    signing_command: [/usr/local/bin/sign-push-certificate, "{bundle_id}", "{csr}", "{certificate}"]
    # The password of the PKCS#12 comes on standard input, so it is in no process list.
    portal_command: [/usr/local/bin/upload-push-certificate, "{region}", "{bundle_id}", "{pkcs12}"]
"""

RETURN = r"""
stage:
  description:
    - V(in-service), V(awaiting-signature) or V(awaiting-upload). In check mode, the one that a run would reach.
  type: str
  returned: success
  sample: awaiting-signature
gate:
  description: The gate that waits for a person, or null.
  type: dict
  returned: success
  contains:
    name:
      description: V(signing) or V(portal).
      type: str
      sample: signing
    version:
      description: The version that waits.
      type: str
      sample: "0001"
    waiting_for:
      description: What is missing.
      type: str
      sample: the certificate that Apple issues for /srv/handoff/com.contoso.securemail-0001/request.csr
    put_answer:
      description: Where to put it.
      type: str
      sample: /srv/handoff/com.contoso.securemail-0001/aps.cer
    instructions:
      description: Text that says what to do.
      type: str
      sample: /srv/handoff/com.contoso.securemail-0001/SIGNING.txt
    needed_by:
      description: When the certificate in service ends, ISO 8601. Empty if none serves now.
      type: str
      sample: ""
decision:
  description: What the certificate that is in service is found to be.
  type: dict
  returned: success
  contains:
    reason:
      description:
        - Stable code, one of V(valid), V(due), V(superseded), V(not-uploaded), V(missing), V(expired),
          V(not-yet-valid), V(key-mismatch), V(wrong-bundle-id), V(sandbox-only) and V(mdm-certificate). With O(proof)
          also V(wrong-app), V(wrong-environment), V(bad-certificate) and V(revoked), which APNs said. A refused
          answer names the same codes in its error, and V(unreadable) or V(not-a-leaf) as well.
      type: str
      sample: missing
    sentence:
      description: The same for people.
      type: str
      sample: There is no certificate
certificate:
  description: The certificate in service, or null.
  type: dict
  returned: success
  contains:
    sha256:
      description: SHA-256 of the certificate.
      type: str
      sample: 0b6e0b0a1d4a1d3bd6bb5c38ae55ee4b03e4bdb28b2c2ec10f6bd0ab7a3f2a11
    subject:
      description: Subject, as in RFC 4514.
      type: str
      sample: "C=US,O=Contoso,OU=A1B2C3D4E5,CN=Apple Push Services: com.contoso.securemail,UID=com.contoso.securemail"
    not_before:
      description: Start of validity, ISO 8601.
      type: str
      sample: "2026-01-01T00:00:00+00:00"
    not_after:
      description: End of validity, ISO 8601.
      type: str
      sample: "2027-01-31T00:00:00+00:00"
    days_left:
      description: Whole days until then, negative afterwards.
      type: int
      sample: 395
    serial:
      description: Serial number in hex.
      type: str
      sample: 1f4a
    bundle_id:
      description: UID of the subject.
      type: str
      sample: com.contoso.securemail
    topics:
      description: Topics that it may push to. Empty if it does not list them.
      type: list
      elements: str
      sample: [com.contoso.securemail]
proof:
  description: What APNs says of the certificate in service, or null where O(proof) is absent or none is in service.
  type: dict
  returned: success
  contains:
    reason:
      description:
        - Stable code, one of V(accepted), V(wrong-app), V(wrong-environment), V(bad-certificate), V(revoked),
          V(expired), V(not-reachable) and V(no-verdict).
      type: str
      sample: accepted
    sentence:
      description: The same for people.
      type: str
      sample: APNs accepts it for com.contoso.securemail
consumer:
  description: Whether the consumer uses the certificate in service, or null where none is in service.
  type: dict
  returned: success
  contains:
    status:
      description:
        - V(in-use), V(not-yet-in-use) (uploaded, but the consumer was seen to use another one, or none), or
          V(not-observed) (nobody looks, or O(consumer_command) failed).
      type: str
      sample: in-use
    sentence:
      description: The same for people.
      type: str
      sample: The consumer uses version 0001
    sha256:
      description: SHA-256 of the certificate that the consumer uses. Empty if none was seen.
      type: str
      sample: 0b6e0b0a1d4a1d3bd6bb5c38ae55ee4b03e4bdb28b2c2ec10f6bd0ab7a3f2a11
    version:
      description: The version that it belongs to. Empty if it is none of the store's.
      type: str
      sample: "0001"
    since:
      description:
        - ISO 8601. For V(in-use), when it was first seen so. For V(not-yet-in-use), when it was uploaded. Else empty.
      type: str
      sample: "2026-01-02T04:10:00+00:00"
contradictions:
  description:
    - What the journal said otherwise than what lies in the store, a sentence each, before this run. What lies there
      counts. It is noted in the journal, so that it is reported once.
  type: list
  elements: str
  returned: success
  sample: []
version:
  description: The version that is worked on or in service. In check mode, the one that a run would reach.
  type: str
  returned: success
  sample: "0001"
paths:
  description: Where the parts of RV(version) are, or will be.
  type: dict
  returned: success
  sample:
    version: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001
    key: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001/key.pem
    request: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001/request.csr
    certificate: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001/certificate.pem
    pkcs12: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001/bundle.p12
    record: /var/lib/pushops/certificates/com.contoso.securemail/versions/0001/portal.json
    journal: /var/lib/pushops/certificates/com.contoso.securemail/journal.jsonl
    handoff: /srv/handoff/com.contoso.securemail-0001
changes:
  description: The steps, in order, and the link of the push path that is broken until they are done.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: What the step makes or changes.
      type: str
      sample: 0001/key.pem
    before:
      description: What was there, or null.
      type: str
      sample: null
    after:
      description: What is there then, or null.
      type: str
      sample: new RSA-2048 key, encrypted
    link:
      description: Id of the link, empty while the certificate in service still serves.
      type: str
      sample: apns-certificate
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Wait until it has ended, then run again
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.apple.apns import HTTPX_IMPORT_ERROR
from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import CRYPTOGRAPHY_IMPORT_ERROR
from ansible_collections.pushops.securemail.plugins.module_utils.apple.consumer import NOT_OBSERVED
from ansible_collections.pushops.securemail.plugins.module_utils.apple.endpoint import PROOF_OPTIONS
from ansible_collections.pushops.securemail.plugins.module_utils.apple.order import Order
from ansible_collections.pushops.securemail.plugins.module_utils.apple.state import State
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "bundle_id": {"type": "str", "required": True},
            "region": {"type": "str", "required": True},
            "customer_id": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present"], "default": "present"},
            "key_passphrase": {"type": "str", "required": True, "no_log": True},
            "pkcs12_passphrase": {"type": "str", "required": True, "no_log": True},
            "pkcs12_encryption": {"type": "str", "choices": ["modern", "legacy"], "default": "modern"},
            "renew_before_days": {"type": "int", "default": 30},
            "email": {"type": "str", "required": True},
            "common_name": {"type": "str", "required": True},
            "signing_command": {"type": "list", "elements": "str", "default": []},
            "portal_command": {"type": "list", "elements": "str", "default": []},
            "consumer_command": {"type": "list", "elements": "str", "default": []},
            "revoked_serials": {"type": "list", "elements": "str", "default": []},
            "handoff_path": {"type": "path"},
            "now": {"type": "str"},
            "command_timeout": {"type": "int", "default": 300},
            "lock_timeout": {"type": "int", "default": 0},
            "proof": {"type": "dict", "options": PROOF_OPTIONS},
            "proof_required": {"type": "bool", "default": True},
            "metrics_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    if CRYPTOGRAPHY_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography >= 44"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    if module.params["proof"] is not None and HTTPX_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("httpx[http2] >= 0.28"), exception=HTTPX_IMPORT_ERROR)
    order = Order(module.params)

    def describe(outcome: Outcome[State]) -> dict[str, t.Any]:
        described = order.describe(outcome)
        if not module.check_mode:
            order.report(outcome)
        proof = outcome.after.proofs.get(outcome.after.current or 0)
        if proof is not None and proof.inconclusive:
            module.warn(f"The certificate in service could not be proved ({proof.reason}): {proof.sentence}")
        for contradiction in described["contradictions"]:
            module.warn(contradiction)
        consumer = described["consumer"]
        if order.observes and consumer and consumer["status"] == NOT_OBSERVED:
            module.warn(f"Which certificate is in use could not be seen: {consumer['sentence']}")
        return described

    run(module, lambda: order.rotation, describe)


if __name__ == "__main__":
    main()
