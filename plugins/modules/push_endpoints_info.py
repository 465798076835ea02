#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_endpoints_info
short_description: Compare what the push path's names resolve to with the pinned addresses
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Resolves the name of every flow through the resolvers that are named, A and AAAA, and compares the answers with the
    flow's pinned destinations.
  - Reports drift as data and never follows it. What firewalls open changes only with C(push_endpoints).
  - An answer that is not on the internet is not trusted, and neither is anything else that its resolver says about the
    name, because resolvers that block or redirect answer so.
  - Drift, a resolver that fails, and a name that is gone are results. The module fails only where its input is wrong.
notes:
  - Every question takes at most O(timeout) times one plus O(retries) seconds, and as long again where UDP cuts an
    answer short. Questions are asked at the same time.
  - Services that spread their load name only some of their addresses in one answer. V(address-removed) is then a
    reason to look, not a proof.
  - Flows without C(fqdn) are left out.
requirements:
  - dnspython >= 2.6
extends_documentation_fragment:
  - pushops.securemail.flows
options:
  flows:
    description:
      - The flows whose names to resolve. Their C(sources) and C(ports) play no part.
  resolvers:
    description:
      - Who to ask. Default is what the system is configured with.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description:
          - IPv4 or IPv6 address of the resolver.
        type: str
        required: true
      port:
        description:
          - UDP and TCP port of the resolver.
        type: int
        default: 53
  special_purpose:
    description:
      - Networks that are none of the internet's and yet meant, as in C(push_endpoints.special_purpose). Pinned
        addresses are meant anyway.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for one attempt, more than 0 and at most 30.
    type: float
    default: 2
  retries:
    description:
      - Further attempts after one that timed out, at most 5.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: There is nothing that could differ.
  platform:
    support: full
    description: Runs where its Python runs, on the controller or on a gateway.
    platforms: posix
  idempotent:
    support: full
    description: Never reports a change.
"""

EXAMPLES = r"""
- name: Ask the company's resolver and a public one
  pushops.securemail.push_endpoints_info:
    flows: "{{ push_environment_model.flows }}"
    special_purpose: "{{ push_environment_model.special_purpose }}"
    resolvers:
      - address: 192.0.2.53
      - address: 2001:db8::53
  register: names

- name: Tell somebody before a firewall is out of date
  ansible.builtin.debug:
    msg: "{{ names.concerns }}"
  when: names.drift
"""

RETURN = r"""
drift:
  description: Whether some name resolves to other addresses than are pinned, or is gone.
  type: bool
  returned: success
  sample: true
complete:
  description: Whether every name got at least one answer that can be trusted.
  type: bool
  returned: success
  sample: true
names:
  description: Every flow with a name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the flow.
      type: str
      sample: listener
    fqdn:
      description: The name that was resolved.
      type: str
      sample: eu-west-1.mailboxlistener.xm.citrix.com
    state:
      description: V(as pinned), V(drifted), or V(unknown) where no answer can be trusted.
      type: str
      sample: drifted
    added:
      description: Addresses that resolve and are not pinned.
      type: list
      elements: str
      sample: [52.17.147.221]
    removed:
      description: Pinned addresses and CIDRs that do not resolve any more, of the families that somebody answered for.
      type: list
      elements: str
      sample: [52.17.147.220]
    unchanged:
      description: Pinned addresses and CIDRs that resolve.
      type: list
      elements: str
      sample: [54.77.174.172]
    reasons:
      description: Why, as stable codes with a sentence each.
      type: list
      elements: dict
      contains:
        code:
          description:
            - V(as-pinned), V(address-added), V(address-removed), V(nxdomain) or V(no-address); V(resolvers-disagree),
              V(special-purpose-answer) or V(no-resolver); V(timeout), V(unreachable), V(malformed), or the resolver's
              response code in lower case, such as V(servfail) and V(refused).
          type: str
          sample: address-added
        sentence:
          description: The reason for people.
          type: str
          sample: resolves to 52.17.147.221, not pinned
    answers:
      description: What each resolver said.
      type: list
      elements: dict
      contains:
        resolver:
          description: Who was asked.
          type: str
          sample: 192.0.2.53
        type:
          description: V(A) or V(AAAA).
          type: str
          sample: A
        status:
          description: Response code in words, V(TIMEOUT), V(UNREACHABLE) or V(MALFORMED).
          type: str
          sample: NOERROR
        addresses:
          description: Addresses, sorted.
          type: list
          elements: str
          sample: [52.17.147.221, 54.77.174.172]
        ttl:
          description: Seconds for which the resolver vouches for it. Null where nothing came back.
          type: int
          sample: 60
        cname_chain:
          description: The names that CNAME records lead through.
          type: list
          elements: str
          sample: []
concerns:
  description: What a person should look at, a line each. Empty where all resolves as pinned.
  type: list
  elements: str
  returned: success
  sample:
    - "listener: eu-west-1.mailboxlistener.xm.citrix.com resolves to 52.17.147.221, not pinned"
summary:
  description: All of it in one line.
  type: str
  returned: success
  sample: "Names: 1 of 2 resolve as pinned."
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: A resolver cannot be named by name
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.pushops.securemail.plugins.module_utils.core.addresses import parse_address
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, PushOpsError
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import FLOW_OPTIONS, parse_flows
from ansible_collections.pushops.securemail.plugins.module_utils.dns.answers import parse_resolvers
from ansible_collections.pushops.securemail.plugins.module_utils.dns.drift import (
    DRIFTED,
    UNKNOWN,
    NameReport,
    concerns,
    judge,
    summary,
)
from ansible_collections.pushops.securemail.plugins.module_utils.dns.lookup import (
    DNSPYTHON_IMPORT_ERROR,
    ask_all,
    system_resolvers,
)


def _reports(params: dict[str, t.Any]) -> list[NameReport]:
    flows = [flow for flow in parse_flows(params["flows"]) if flow.fqdn]
    if not flows:
        raise InvalidInput("flows", [flow["name"] for flow in params["flows"]], "a flow with an fqdn", "Name one")
    if not 0 < params["timeout"] <= 30:
        raise InvalidInput("timeout", params["timeout"], "more than 0 and at most 30 seconds", "Leave it out for 2")
    if not 0 <= params["retries"] <= 5:
        raise InvalidInput("retries", params["retries"], "a number from 0 to 5", "Leave it out for 1")
    allowed = [parse_address(f"special_purpose[{n}]", value) for n, value in enumerate(params["special_purpose"])]
    resolvers = parse_resolvers(params["resolvers"]) or system_resolvers()
    answers = ask_all(resolvers, [flow.fqdn for flow in flows], params["timeout"], params["retries"])
    return [judge(flow, answers[flow.fqdn], allowed) for flow in flows]


def main() -> None:
    resolver = {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": 53}}
    module = AnsibleModule(
        argument_spec={
            "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
            "resolvers": {"type": "list", "elements": "dict", "default": [], "options": resolver},
            "special_purpose": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 2},
            "retries": {"type": "int", "default": 1},
        },
        supports_check_mode=True,
    )
    if DNSPYTHON_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("dnspython >= 2.6"), exception=DNSPYTHON_IMPORT_ERROR)
    try:
        reports = _reports(module.params)
    except PushOpsError as problem:
        module.fail_json(msg=str(problem), remedy=problem.remedy)
    states = {report.state for report in reports}
    module.exit_json(
        changed=False,
        drift=DRIFTED in states,
        complete=UNKNOWN not in states,
        names=[report.as_vars() for report in reports],
        concerns=concerns(reports),
        summary=summary(reports),
    )


if __name__ == "__main__":
    main()
