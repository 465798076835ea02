#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mdx_info
short_description: Read an .mdx or .ipa, and say where it contradicts the environment
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Reads what the MDX Toolkit made (an C(.mdx)) or what goes into it (an C(.ipa)), its policies, its manifest, the
    app's own C(Info.plist), and the provisioning profile in the app with its entitlements and signing certificates.
  - Compares what it finds with the environment. Contradictions are results. The module fails only where the file cannot
    be read.
  - The file is untrusted. Nothing is unpacked to its own names. Too many entries, zip bombs, encryption, names that
    lead outside, duplicate names and XML with a document type are refused, each with a reason code.
notes:
  - Runs on the controller; use C(connection=local) or C(delegate_to).
  - Neither the profile's signature nor that of the app is verified. iOS does that at installation.
  - The entitlements are those that the profile allows. What the app was really signed with stands in its code
    signature, which is not read.
requirements:
  - cryptography >= 44
options:
  path:
    description:
      - The C(.mdx) or C(.ipa).
    type: path
    required: true
  bundle_id:
    description:
      - Bundle id of the environment. Absent means that the bundle id is not judged.
    type: str
  platform:
    description:
      - The platform that the file should be for. The app and its profile are read for V(ios) alone.
    type: str
    choices: [ios, android]
    default: ios
  language:
    description:
      - Language of titles and labels, as in C(strings-<language>.properties). Where the file does not speak it, the
        text of C(policy_metadata.xml) counts.
    type: str
    default: en
  renew_before_days:
    description:
      - Days before its end from which on a profile or signing certificate is named as expiring.
    type: int
    default: 30
  now:
    description:
      - The time to judge by, in ISO 8601, for tests and for looking ahead. UTC unless it says otherwise. The default is
        the clock.
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
- name: Read the wrapped app
  pushops.securemail.mdx_info:
    path: /var/lib/pushops/emea/SecureMail.mdx
    bundle_id: "{{ push_bundle_id }}"
  register: mdx

- name: Stop before a file is uploaded with which push cannot work
  ansible.builtin.assert:
    that: not item.breaks
    fail_msg: "{{ item.sentence }}. {{ item.remedy }}."
  loop: "{{ mdx.contradictions }}"
  loop_control:
    label: "{{ item.reason }}"

- name: What will have ended before the change freeze is over?
  pushops.securemail.mdx_info:
    path: /var/lib/pushops/emea/SecureMail.mdx
    now: "2027-01-15T00:00:00Z"
"""

RETURN = r"""
kind:
  description: V(mdx) or V(ipa).
  type: str
  returned: success
  sample: mdx
platform:
  description: V(ios), V(android), V(windows) or V(unknown).
  type: str
  returned: success
  sample: ios
bundle_id:
  description: Bundle id, by the app itself where it can be read, else by the manifest.
  type: str
  returned: success
  sample: com.contoso.securemail
version:
  description: Version of the app, likewise.
  type: str
  returned: success
  sample: 10.8.65
manifest:
  description: What C(manifest.xml) says, or null where there is none.
  type: dict
  returned: success
  contains:
    name:
      description: Name of the app.
      type: str
      sample: Secure Mail
    app_type:
      description: Type of the app, as the toolkit writes it.
      type: str
      sample: mobile_ios
    bundle_id:
      description: Bundle id.
      type: str
      sample: com.contoso.securemail
    version:
      description: Version of the app.
      type: str
      sample: 10.8.65
    min_platform:
      description: Oldest version of the platform.
      type: str
      sample: "9.0"
    max_platform:
      description: Newest version of the platform. Empty if none is named.
      type: str
      sample: ""
    bundle_file:
      description: Entry of the app in the .mdx. Empty where the app comes from a store.
      type: str
      sample: SecureMail.ipa
    store_url:
      description: Where a store has the app. Empty if none is named.
      type: str
      sample: ""
    tools_version:
      description: Version of the toolkit.
      type: str
      sample: 21.6.0
    certificate_expires:
      description: End of the signing certificate, as the toolkit writes it. Empty if it does not.
      type: str
      sample: ""
policies:
  description: The policies, in the file's order. Empty for an .ipa.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Internal name.
      type: str
      sample: PushNotificationsServiceHostname
    title:
      description: What an administrator sees.
      type: str
      sample: Push notifications region
    type:
      description: V(boolean), V(integer), V(string) or V(enum), as the file writes it.
      type: str
      sample: enum
    default:
      description: The app's value before an administrator sets one. For an enumeration an id.
      type: str
      sample: US_EAST
    default_label:
      description: The same as an administrator reads it.
      type: str
      sample: Americas
    category:
      description: Where the console shows it.
      type: str
      sample: Application Settings
    units:
      description: Unit of the value. Empty if it has none.
      type: str
      sample: ""
    description:
      description: The text below it.
      type: str
      sample: The region where the APNs host is located for your Secure Mail users.
    hidden:
      description: Whether the console hides it.
      type: bool
      sample: false
    choices:
      description: The values of an enumeration, each with O(ignore:id) and O(ignore:label). Empty for other types.
      type: list
      elements: dict
      sample:
        - id: US_EAST
          label: Americas
application:
  description: What the app's C(Info.plist) says, or null where the file holds no app.
  type: dict
  returned: success
  contains:
    bundle_id:
      description: Bundle id.
      type: str
      sample: com.contoso.securemail
    name:
      description: Name under the icon.
      type: str
      sample: Secure Mail
    version:
      description: Version for people.
      type: str
      sample: 10.8.65
    build:
      description: Version of the build.
      type: str
      sample: "412"
    min_os:
      description: Oldest iOS that installs it.
      type: str
      sample: "9.0"
profile:
  description: The app's provisioning profile, or null where it carries none.
  type: dict
  returned: success
  contains:
    name:
      description: Name in the developer portal.
      type: str
      sample: Contoso Secure Mail In-House
    uuid:
      description: Unique id.
      type: str
      sample: 6b1f2b0a-5a0e-4c4b-9d53-0c7d2e1c2f11
    team:
      description: Id of the team.
      type: str
      sample: A1B2C3D4E5
    app_id:
      description: App ID with its prefix.
      type: str
      sample: A1B2C3D4E5.com.contoso.securemail
    wildcard:
      description: Whether the App ID ends in C(*).
      type: bool
      sample: false
    aps_environment:
      description: V(production), V(development), or empty without push.
      type: str
      sample: production
    debuggable:
      description: Whether a debugger may attach (C(get-task-allow)).
      type: bool
      sample: false
    created:
      description: When it was made, ISO 8601.
      type: str
      sample: "2026-01-05T09:00:00+00:00"
    expires:
      description: When it ends, ISO 8601.
      type: str
      sample: "2027-01-05T09:00:00+00:00"
    all_devices:
      description: Whether every device may install the app (an in-house profile).
      type: bool
      sample: true
    devices:
      description: How many devices it names.
      type: int
      sample: 0
    certificates:
      description: The certificates that may sign with it. Which of them signed the app is not read.
      type: list
      elements: dict
      contains:
        common_name:
          description: Name of the identity.
          type: str
          sample: "iPhone Distribution: Contoso Ltd"
        sha256:
          description: SHA-256 of the DER.
          type: str
          sample: 5f6c9b0c2e4f3d1a7b8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e
        not_before:
          description: When it starts, ISO 8601.
          type: str
          sample: "2025-06-01T00:00:00+00:00"
        not_after:
          description: When it ends, ISO 8601.
          type: str
          sample: "2028-06-01T00:00:00+00:00"
    entitlements:
      description: Names of all that it allows.
      type: list
      elements: str
      sample: [application-identifier, aps-environment, get-task-allow]
contradictions:
  description: Where the file disagrees with the environment or with itself, in the order in which it is best mended.
  type: list
  elements: dict
  returned: success
  contains:
    reason:
      description:
        - V(wrong-platform), V(bundle-id-differs), V(manifest-differs), V(no-application), V(no-profile),
          V(wildcard-app-id), V(app-id-differs), V(no-push-entitlement), V(sandbox-entitlement), V(devices-limited),
          V(profile-expired), V(profile-expiring), V(signing-certificate-expired) or V(signing-certificate-expiring).
      type: str
      sample: sandbox-entitlement
    sentence:
      description: The same for people.
      type: str
      sample:
        "The profile's aps-environment is development: the app registers at APNs' sandbox, where the listener does not
        push"
    remedy:
      description: What to do.
      type: str
      sample: Make a distribution profile for the explicit App ID with push, and wrap the app again with it
    breaks:
      description: Whether the app or its push fails by it now.
      type: bool
      sample: true
reason:
  description:
    - Why the file cannot be read. V(missing-file), V(not-a-zip), V(damaged), V(encrypted), V(unknown-compression),
      V(too-large), V(too-many-entries), V(unsafe-name), V(duplicate-name), V(missing-entry), V(not-a-package),
      V(malformed-xml), V(malformed-plist), V(malformed-profile) or V(ambiguous).
  type: str
  returned: when the file cannot be read
  sample: encrypted
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Take the file without a password
"""

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.core.environment import check_bundle_id
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.contradictions import (
    Expected,
    contradictions,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.package import read_package
from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.profile import CRYPTOGRAPHY_IMPORT_ERROR
from ansible_collections.pushops.securemail.plugins.module_utils.core.text import check_now, check_positive


def _look(params: dict[str, t.Any]) -> dict[str, t.Any]:
    expected = Expected(
        bundle_id=check_bundle_id(params["bundle_id"], "bundle_id") if params["bundle_id"] is not None else "",
        platform=params["platform"],
        now=check_now(params["now"]),
        renew_before=datetime.timedelta(days=check_positive("renew_before_days", params["renew_before_days"])),
    )
    package = read_package(params["path"], params["language"])
    return {**package.shown(), "contradictions": [one.shown() for one in contradictions(package, expected)]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "bundle_id": {"type": "str"},
            "platform": {"type": "str", "choices": ["ios", "android"], "default": "ios"},
            "language": {"type": "str", "default": "en"},
            "renew_before_days": {"type": "int", "default": 30},
            "now": {"type": "str"},
        },
        supports_check_mode=True,
    )
    if CRYPTOGRAPHY_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography >= 44"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    try:
        found = _look(module.params)
    except PushOpsError as problem:
        module.fail_json(**problem.result())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
