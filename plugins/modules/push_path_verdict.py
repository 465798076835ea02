#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_path_verdict
short_description: Say which link of the push path is broken, where, and what to do
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Takes what the collection's modules found in check mode and what a probe saw, and comes to one verdict.
  - Connects to nothing and changes no system. A broken link is a result, RV(sound=false), not a failure of the module.
options:
  results:
    description:
      - What the modules found, one entry for every kind of host.
    type: list
    elements: dict
    required: true
    suboptions:
      asked:
        description:
          - Who was asked, a word such as V(gateway). With the link it makes the id of a check.
        type: str
        required: true
      links:
        description:
          - Ids of the links that these hosts keep.
        type: list
        elements: str
        required: true
      hosts:
        description:
          - Host name to registered result of the module's check-mode run. A host that this run did not ask has V(null).
        type: dict
        required: true
  probe:
    description:
      - The JSON document that C(push_verify_probe_command) printed. Leave it out where there is no probe.
    type: dict
  warnings:
    description:
      - What is worth a look and breaks no link, a sentence each. It stands in report and evidence, Ansible shows it as
        a warning, and it does not change RV(sound).
    type: list
    elements: str
    default: []
  notes:
    description:
      - What was looked at besides and found good, a sentence each, for the report.
    type: list
    elements: str
    default: []
  exchange:
    description:
      - Host name to registered result of M(pushops.securemail.exchange_push_info). A host that this run did not ask has
        V(null). Where the badge is missing, the report says what these hosts logged about the listener.
    type: dict
    default: {}
  names:
    description:
      - Registered result of M(pushops.securemail.push_endpoints_info). A name that does not resolve as pinned is a
        warning. Leave it out where names were not compared.
    type: dict
  ews_probe:
    description:
      - Registered result of M(pushops.securemail.exchange_push_probe). Leave it out where EWS was not probed.
    type: dict
  client_certificate_auth:
    description:
      - Whether the EWS folder is declared to ask for client certificates, to be compared with what O(exchange) says.
    type: bool
  regions:
    description:
      - The regions of the endpoint catalog by key, each with C(label) and C(listener.fqdn). By them a bypass list or an
        upload that is set for another region is named.
    type: dict
    default: {}
  rotation:
    description:
      - By what is judged whether rotations still run. Leave it out where no schedule is to be expected.
    type: dict
    suboptions:
      metrics_path:
        description:
          - The file that M(pushops.securemail.apns_certificate) writes as its C(metrics_path).
        type: path
        required: true
      most_days:
        description:
          - How many days ago the last rotation may have ended well.
        type: float
        default: 2
  controller:
    description:
      - What the evidence calls the host that holds the key store and resolves the names.
    type: str
    default: controller
  links:
    description:
      - Ids of the links that this run asks for. What is found about others is left out, but
        for O(names), which are asked for apart. The default is all.
    type: list
    elements: str
  environment:
    description:
      - What was verified, for the evidence.
    type: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the environment.
        type: str
        required: true
      region:
        description:
          - Region, as the push policies show it.
        type: str
        required: true
      bundle_id:
        description:
          - Bundle ID of the app.
        type: str
        required: true
      customer_id:
        description:
          - Customer ID at the push portal.
        type: str
        required: true
  began:
    description:
      - When the run began, ISO 8601, for the evidence. The default is now.
    type: str
  bundles:
    description:
      - The RV(pushops.securemail.apns_certificate_info#module:bundles) of the key store, for the evidence.
    type: list
    elements: dict
    default: []
  evidence_path:
    description:
      - Where to write the evidence as JSON. The file is replaced whole, and readable by its owner alone.
      - C(docs/evidence.schema.json) has its shape.
    type: path
attributes:
  check_mode:
    support: full
    description: Changes no system. In check mode it does not write O(evidence_path) either.
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
- name: Come to a verdict over what the check-mode runs registered
  pushops.securemail.push_path_verdict:
    environment:
      name: emea
      region: EMEA
      bundle_id: com.contoso.securemail
      customer_id: contoso-7Q2M4
    results:
      - asked: gateway
        links: [listener-egress, registration-egress]
        hosts:
          gw01: "{{ hostvars.gw01.push_firewall_result }}"
    evidence_path: /var/lib/pushops/emea/evidence.json
  register: verdict

- name: Stop the run where the path is broken
  ansible.builtin.assert:
    that: verdict.sound
    fail_msg: "{{ verdict.report | join('\n') }}"
"""

RETURN = r"""
sound:
  description: Whether every link passes that was asked for, and the badge arrived or was not to be tested.
  type: bool
  returned: always
  sample: false
broken:
  description: Ids of the broken links, in the order in which a badge travels them.
  type: list
  elements: str
  returned: always
  sample: [proxy-bypass]
not_tested:
  description: Ids of the links that could not be tested on some host.
  type: list
  elements: str
  returned: always
  sample: []
badge:
  description: V(arrived), V(missing), V(carries content) or V(not tested).
  type: str
  returned: always
  sample: missing
links:
  description: Every link of the path, in the order in which a badge travels them.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Id of the link.
      type: str
      sample: proxy-bypass
    title:
      description: The link in words.
      type: str
      sample: Proxy bypass for the listener
    systems:
      description: The systems on which it is set.
      type: list
      elements: str
      sample: [Exchange back end]
    state:
      description:
        - The worst state among its checks, in the order V(fail), V(not tested), V(warning), V(pass), V(left out).
      type: str
      sample: fail
checks:
  description: Every host's word on every link that it keeps.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Stable id of the check, the link and who was asked.
      type: str
      sample: proxy-bypass.exchange
    link:
      description: Id of the link.
      type: str
      sample: proxy-bypass
    title:
      description: The check in words.
      type: str
      sample: Bypass list of the back end
    systems:
      description: The systems that it blames.
      type: list
      elements: str
      sample: [Exchange back end]
    host:
      description: The host that was asked.
      type: str
      sample: exch01
    state:
      description: V(pass), V(fail), V(warning), V(not tested) or V(left out).
      type: str
      sample: fail
    evidence:
      description: What was found and what was expected.
      type: str
      sample: as declared
    remedy:
      description: What to do. Empty unless it fails or warns.
      type: str
      sample: ""
    measured:
      description: The facts behind it, by name.
      type: dict
      sample: {}
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Correct the id
report:
  description: The verdict for people, a line each.
  type: list
  elements: str
  returned: always
  sample: ["Badge: arrived after one mail to alex@contoso.com: iphone-1 0 -> 1, iphone-2 0 -> 1."]
"""

import datetime
import json
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core import files
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Run, compose
from ansible_collections.pushops.securemail.plugins.module_utils.core.judging import verdict_of

_RETURNED = ("sound", "broken", "not_tested", "badge", "links", "checks", "report")


def _run(params: dict[str, t.Any], now: datetime.datetime) -> Run:
    ended = now.isoformat(timespec="seconds")
    return Run(params["environment"], params["began"] or ended, ended, params["bundles"])


def main() -> None:
    named = {name: {"type": "str", "required": True} for name in ("name", "region", "bundle_id", "customer_id")}
    results = {
        "asked": {"type": "str", "required": True},
        "links": {"type": "list", "elements": "str", "required": True},
        "hosts": {"type": "dict", "required": True},
    }
    rotation = {"metrics_path": {"type": "path", "required": True}, "most_days": {"type": "float", "default": 2}}
    module = AnsibleModule(
        argument_spec={
            "results": {"type": "list", "elements": "dict", "required": True, "options": results},
            "probe": {"type": "dict"},
            "warnings": {"type": "list", "elements": "str", "default": []},
            "notes": {"type": "list", "elements": "str", "default": []},
            "exchange": {"type": "dict", "default": {}},
            "names": {"type": "dict"},
            "ews_probe": {"type": "dict"},
            "client_certificate_auth": {"type": "bool"},
            "regions": {"type": "dict", "default": {}},
            "rotation": {"type": "dict", "options": rotation},
            "controller": {"type": "str", "default": "controller"},
            "links": {"type": "list", "elements": "str"},
            "environment": {"type": "dict", "required": True, "options": named},
            "began": {"type": "str"},
            "bundles": {"type": "list", "elements": "dict", "default": []},
            "evidence_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    now = datetime.datetime.now(datetime.UTC)
    try:
        verdict = verdict_of(module.params, now)
        document = compose(verdict, _run(module.params, now))
        path = module.params["evidence_path"]
        if path and not module.check_mode:
            files.replace(pathlib.Path(path), (json.dumps(document, indent=1) + "\n").encode())
    except PushOpsError as problem:
        module.fail_json(msg=str(problem), remedy=problem.remedy)
    for warning in verdict.concerns:
        module.warn(warning)
    module.exit_json(changed=False, **{key: document[key] for key in _RETURNED})


if __name__ == "__main__":
    main()
