#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: xms_mdx_app
short_description: Upload an MDX app to XenMobile Server, bring it to a new version, or take it away
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Uploads an .mdx as a new app, as a further platform of an app, or as a new version, through the server's public REST
    API. The file is read while it is sent, so that its size does not matter.
  - A new version costs the administrator nothing. Name, description, categories, delivery groups, schedule and workflow
    are read and stated again; values of policies are compared after the upload and put back where the server reset
    them (RV(restored)).
  - An upload is due where the platform is absent, or its version is not that of the .mdx. The server keeps no hash that
    could be compared, so a file that was wrapped again with the same version, after a new profile for example, needs
    O(force).
  - Never touches the server's certificates. The APNs certificate there is device management's. A certificate or key in
    place of the .mdx is refused.
notes:
  - Runs on the controller. Four requests when nothing changes. A module cannot show progress while it runs; the
    server's answer decides.
  - If the answer to an upload is lost, the server is asked what it has made of it. A version is then sent once more. A
    new app is sent once more only if the server cannot have had the whole file, because twice would make two apps.
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
      - The platform that the .mdx is for, as the API names it.
    type: str
    choices: [ios, android]
    default: ios
  state:
    description:
      - V(absent) deletes the app with all its platforms. Devices lose it, and mail that is on them only. See
        O(confirm_absent).
    type: str
    choices: [present, absent]
    default: present
  mdx_path:
    description:
      - The .mdx on the controller. Required unless O(state=absent).
    type: path
  bundle_id:
    description:
      - The environment's bundle ID. An .mdx of another app is refused. Not compared by default.
    type: str
  delivery_groups:
    description:
      - Delivery groups that must give out the app. Those that do already stay, whether named or not.
    type: list
    elements: str
    default: []
  description:
    description:
      - Description of a new app. That of an app that is there stays.
    type: str
    default: ""
  categories:
    description:
      - Categories of a new app. Those of an app that is there stay.
    type: list
    elements: str
    default: [default]
  force:
    description:
      - Upload also what has the version that is there, or an older one. Reports a change on every run.
    type: bool
    default: false
  confirm_absent:
    description:
      - The id of the app on the server, as P(pushops.securemail.xms_push_info#module) shows it. Without it
        O(state=absent) deletes nothing and fails.
    type: int
  upload_timeout:
    description:
      - Seconds that the server may be silent in an upload. It unpacks the file before it answers.
    type: int
    default: 600
  keep_path:
    description:
      - Folder on the controller. Before an upload, all that the server shows of the app is kept there (mode 0600), and
        removed once the upload is known to have cost nothing.
      - Where a run was killed, or the server fell silent in between, the next run finds the file, and first puts back
        what was reset (C(unfinished upload) in RV(changes)). After a day it asks a person instead, because somebody may
        have changed values on purpose since.
      - It has to outlive the run. In an execution environment, mount one.
    type: path
    default: ~/.local/state/pushops.securemail
attributes:
  check_mode:
    support: full
    description: Reads the server and the .mdx, and sends nothing that changes.
  diff_mode:
    support: full
    description: Shows version and delivery groups, and what an upload that was not finished has reset.
  platform:
    support: full
    description: Runs where its Python runs.
    platforms: posix
  idempotent:
    support: partial
    description: Compares versions and delivery groups. With O(force=true) it uploads on every run.
"""

EXAMPLES = r"""
- name: Bring Secure Mail to the version that was wrapped last night
  pushops.securemail.xms_mdx_app:
    url: https://xms.example.com:4443
    username: svc-pushops
    password: "{{ vault_xms_password }}"
    mdx_path: /srv/apps/SecureMail.mdx
    # Refuses a file of somebody else's app.
    bundle_id: com.contoso.securemail
    delivery_groups: [Sales]

- name: Take a trial app away again
  pushops.securemail.xms_mdx_app:
    url: https://xms.example.com:4443
    username: svc-pushops
    password: "{{ vault_xms_password }}"
    app: Secure Mail trial
    state: absent
    # The id that xms_push_info shows: no other app can be meant.
    confirm_absent: 17
"""

RETURN = r"""
app_id:
  description: Id of the app's container on the server after the run. Null where there is none.
  type: int
  returned: success
  sample: 4
version:
  description: The platform's version after the run (in check mode, before it). Empty where there is none.
  type: str
  returned: success
  sample: "10.8.65"
delivery_groups:
  description: The delivery groups that give out the app after the run (in check mode, before it).
  type: list
  elements: str
  returned: success
  sample: [AllUsers]
restored:
  description: What the server had reset with the upload, and what was put back, by title.
  type: list
  elements: str
  returned: success
  sample: []
sha256:
  description: SHA-256 of the .mdx that an upload is due for. Empty where none is.
  type: str
  returned: success
  sample: 2f2cc9d2c0d7e1b3c3d34c2f9d5c5f0c0a4b1c0f3a2a7d1b0f7c9d6e5a4b3c2d
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: V(version), V(delivery groups), V(app) or V(unfinished upload).
      type: str
      sample: version
    before:
      description: The value before. Null where there was none.
      type: raw
      sample: "10.8.60"
    after:
      description: The value asked for. Null where it goes away.
      type: raw
      sample: "10.8.65"
    link:
      description: Id of the link of the push path. Empty where the app takes pushes without the change, too.
      type: str
      sample: ""
handoff:
  description: The clicks in the console, in order, that put back what the API could not.
  type: list
  elements: str
  returned: when policies were reset and could not be restored
  sample: ["Sign in to the XenMobile Server console and open Configure > Apps"]
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Name the newer .mdx, or set force to go back
"""

import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.xms import arguments
from ansible_collections.pushops.securemail.plugins.module_utils.xms.keeping import Keeping
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx import read_package
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx_app import MdxApp, State, Wanted

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **arguments.OPTIONS,
    "app": {"type": "str", "default": "Secure Mail"},
    "platform": {"type": "str", "choices": list(arguments.PLATFORMS), "default": "ios"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "mdx_path": {"type": "path"},
    "bundle_id": {"type": "str"},
    "delivery_groups": {"type": "list", "elements": "str", "default": []},
    "description": {"type": "str", "default": ""},
    "categories": {"type": "list", "elements": "str", "default": ["default"]},
    "force": {"type": "bool", "default": False},
    "confirm_absent": {"type": "int"},
    "upload_timeout": {"type": "int", "default": 600},
    "keep_path": {"type": "path", "default": "~/.local/state/pushops.securemail"},
}


def _wanted(params: dict[str, t.Any]) -> Wanted:
    present = params["state"] == "present"
    return Wanted(
        app=params["app"],
        platform=params["platform"],
        package=read_package(params["mdx_path"]) if present else None,
        present=present,
        confirmed_id=params["confirm_absent"],
        description=params["description"],
        categories=tuple(params["categories"]),
        groups=tuple(dict.fromkeys(params["delivery_groups"])),
        force=params["force"],
        bundle_id=params["bundle_id"] or "",
        patience=params["upload_timeout"],
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[*arguments.REQUIRED_IF, ("state", "present", ("mdx_path",))],
        supports_check_mode=True,
    )
    made: list[MdxApp] = []

    def make_resource() -> MdxApp:
        wanted = _wanted(module.params)
        transport = HttpsTransport(*arguments.transport_options(module.params))
        keeping = Keeping(pathlib.Path(module.params["keep_path"]), module.params["url"])
        made.append(MdxApp(arguments.client(module, transport), wanted, keeping))
        return made[0]

    def describe(outcome: Outcome[State]) -> dict[str, t.Any]:
        uploads = any(change.name == "version" for change in outcome.plan.changes)
        path = module.params["mdx_path"]
        return {**made[0].describe(outcome.after), "sha256": module.sha256(path) if uploads else ""}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
