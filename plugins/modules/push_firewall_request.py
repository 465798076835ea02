#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_firewall_request
short_description: Render the push path's flows as a change request for firewalls of other teams
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Writes the flows into one folder as CSV, as a Markdown page, and as rule text for Cisco ASA and Fortinet FortiOS.
  - Every file says that it is rendered and not applied, who answers for it, why, from when to when, and where the
    addresses come from. No firewall is connected to.
  - The files depend on what is declared alone, and on no clock, so the same declaration gives the same bytes.
  - Free text is checked and made safe for each format. A cell that a spreadsheet would take for a formula gets an
    apostrophe, and what could mean something on a command line becomes V(_).
notes:
  - A file of one of the names below that this module did not write is never touched.
  - Each file is replaced whole. Where one cannot be written, those before it are new and the rest are as they were.
  - The rule text ends by itself with O(expires), through a time range or a schedule.
extends_documentation_fragment:
  - pushops.securemail.flows
options:
  state:
    description:
      - V(present) keeps exactly the files of O(formats) in O(path). V(absent) removes the files; the folder stays.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The folder. It is made where it is missing.
    type: path
    required: true
  formats:
    description:
      - What to write. V(csv) is C(push-flows.csv), V(markdown) C(push-flows.md), V(asa) C(push-flows.asa.txt), and
        V(fortios) C(push-flows.fortios.txt).
    type: list
    elements: str
    choices: [csv, markdown, asa, fortios]
    default: [csv, markdown, asa, fortios]
  provenance:
    description:
      - By name of the flow, its C(purpose), and C(source) and C(date) of its addresses, as
        C(push_environment_model.provenance) has them. Required with O(state=present).
    type: dict
    default: {}
  owner:
    description:
      - Who answers for the flows. Required with O(state=present).
    type: str
  justification:
    description:
      - Why the flows are needed. Required with O(state=present).
    type: str
  reference:
    description:
      - A ticket or the like.
    type: str
    default: ""
  starts:
    description:
      - First day on which the flows may pass, as V(YYYY-MM-DD). Required with O(state=present).
    type: str
  expires:
    description:
      - Last day on which the flows may pass, as V(YYYY-MM-DD). Required with O(state=present). A day that has passed is
        refused.
    type: str
  asa_access_list:
    description:
      - The access list of the ASA that gets the entries.
    type: str
    default: inside_access_in
  fortios_source_interface:
    description:
      - Interface or zone of the FortiGate where the connections begin.
    type: str
    default: any
  fortios_destination_interface:
    description:
      - Interface or zone of the FortiGate towards the internet.
    type: str
    default: any
attributes:
  check_mode:
    support: full
    description: Reads, renders, and writes nothing.
  diff_mode:
    support: full
    description: Shows the lines of every file that differs.
  platform:
    support: full
    description: Runs where its Python runs, mostly on the controller.
    platforms: posix
  idempotent:
    support: full
    description: Compares whole files.
  action_group:
    description: Use C(group/pushops.securemail.firewall) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.firewall
"""

EXAMPLES = r"""
- name: Ask the network team for the flows of this environment
  pushops.securemail.push_firewall_request:
    path: /srv/change-requests/push-emea
    flows: "{{ push_environment_model.flows }}"
    provenance: "{{ push_environment_model.provenance }}"
    owner: Messaging team, messaging@example.com
    justification: Mail badges on managed iPhones
    reference: CHG0012345
    starts: "2026-12-01"
    expires: "2027-11-30"
    formats: [csv, markdown, fortios]
    fortios_source_interface: servers
    fortios_destination_interface: internet

- name: Withdraw the request
  pushops.securemail.push_firewall_request:
    path: /srv/change-requests/push-emea
    state: absent
"""

RETURN = r"""
paths:
  description: By format, where its file is (in check mode, would be). Empty with O(state=absent).
  type: dict
  returned: success
  sample: {"csv": "/srv/change-requests/push-emea/push-flows.csv"}
changes:
  description: Which files differed.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The file.
      type: str
      sample: push-flows.csv
    before:
      description: The lines that were there. Null where there was no file.
      type: list
      elements: str
      sample: null
    after:
      description: The lines that were asked for. Null where the file goes away.
      type: list
      elements: str
      sample: ["..."]
    link:
      description: Empty, because a request opens nothing.
      type: str
      sample: ""
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Ask for a later day, or use state=absent to remove the request
"""

import datetime
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import FLOW_OPTIONS, parse_flows
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.request.package import FORMATS, Package
from ansible_collections.pushops.securemail.plugins.module_utils.request.request import parse_request


def _package(params: dict[str, t.Any]) -> Package:
    folder = pathlib.Path(params["path"])
    if params["state"] == "absent":
        return Package(folder, None, ())
    today = datetime.datetime.now(datetime.UTC).date()
    return Package(folder, parse_request(params, parse_flows(params["flows"]), today), params["formats"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "path", "required": True},
            "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
            "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": list(FORMATS)},
            "provenance": {"type": "dict", "default": {}},
            "owner": {"type": "str"},
            "justification": {"type": "str"},
            "reference": {"type": "str", "default": ""},
            "starts": {"type": "str"},
            "expires": {"type": "str"},
            "asa_access_list": {"type": "str", "default": "inside_access_in"},
            "fortios_source_interface": {"type": "str", "default": "any"},
            "fortios_destination_interface": {"type": "str", "default": "any"},
        },
        supports_check_mode=True,
    )
    made: list[Package] = []

    def make_resource() -> Package:
        made.append(_package(module.params))
        return made[0]

    def describe(_outcome: Outcome[dict[str, str | None]]) -> dict[str, t.Any]:
        return {"paths": made[0].paths()}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
