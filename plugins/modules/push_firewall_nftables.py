#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_firewall_nftables
short_description: Open the push path's flows in a Linux host's own nftables rule set
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Opens TCP flows in every base chain of type filter that their packets meet (families inet, ip and ip6), because an
    accept in a table of one's own does not open what another base chain drops.
  - Keeps a named interval set for each flow, side and IP family, and two rules at the head of the chain, one for each
    direction, with a counter and a comment that begins with C(pushops.securemail).
  - Sends only what differs, as one transaction. Rules and sets of others stay as they are. A rule of its own that
    stands behind one that may drop is moved to the head; doubles and flows that are no longer declared are removed.
notes:
  - Reads with one C(nft -j list ruleset), writes with one C(nft -j -f -), and needs root.
  - Changes the running rule set. What loads the host's rule set at boot is left alone, so run this after a reload.
  - Sees nftables only. Rules of iptables-legacy, and chains of the families bridge and netdev, are not opened.
  - Use one task for each O(hook), with all its flows.
requirements:
  - nftables 1.0.6 or later with JSON support on the host
extends_documentation_fragment:
  - pushops.securemail.flows
options:
  state:
    description:
      - V(present) opens exactly O(flows) on the hook. V(absent) removes those of O(flows), or all where none is named.
    type: str
    choices: [present, absent]
    default: present
  hook:
    description:
      - Where the flows pass. V(forward) is through the host, V(output) from it, V(input) to it. With V(output) and
        V(input) the replies are opened on the other one of the two.
    type: str
    choices: [forward, input, output]
    default: forward
  chain:
    description:
      - The one base chain to keep to. Default is every base chain of type filter that the packets meet.
    type: dict
    suboptions:
      family:
        description:
          - Family of the table.
        type: str
        choices: [inet, ip, ip6]
        default: inet
      table:
        description:
          - Name of the table.
        type: str
        required: true
      name:
        description:
          - Name of the chain.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Reads, plans, and writes nothing.
  diff_mode:
    support: full
    description: Shows every element and every rule that differs, and no others.
  platform:
    support: full
    description: Linux hosts with nftables.
    platforms: linux
  idempotent:
    support: full
    description: Compares addresses, not how they are written, and rules by their comment and their meaning.
  action_group:
    description: Use C(group/pushops.securemail.firewall) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.firewall
"""

EXAMPLES = r"""
- name: Let Exchange reach the listener of its region through this gateway
  pushops.securemail.push_firewall_nftables:
    flows:
      - name: listener
        fqdn: eu-west-1.mailboxlistener.xm.citrix.com
        sources: [192.0.2.11, 192.0.2.12]
        destinations: [54.77.174.172, 52.17.147.220]
  become: true

- name: Take back everything that this module opened on the hook
  pushops.securemail.push_firewall_nftables:
    state: absent
  become: true
"""

RETURN = r"""
opened:
  description:
    - The base chains in which the flows are opened (in check mode, would be). Empty where the hook has no base chain,
      because then nothing is dropped there, and with O(state=absent).
  type: list
  elements: str
  returned: success
  sample: [inet filter forward]
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The set, the element or the rule.
      type: str
      sample: "inet filter set pushops_forward_listener_dst4: 52.17.147.220"
    before:
      description: What was there. Null where there was nothing.
      type: raw
      sample: null
    after:
      description: What was asked for. Null where it goes away.
      type: raw
      sample: present
    link:
      description: Id of the link of the push path. Empty where the change mends none.
      type: str
      sample: listener-egress
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: "Run the task as root (become: true)"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import FLOW_OPTIONS, parse_flows
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_model import Ruleset
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Flows, NftRunner


def _opening(params: dict[str, t.Any]) -> Opening:
    flows = parse_flows(params["flows"])
    present = params["state"] == "present"
    if present and not flows:
        raise InvalidInput("flows", [], "at least one flow", "Name the flows, or use state=absent to remove all")
    chain = params["chain"]
    named = (chain["family"], chain["table"], chain["name"]) if chain else None
    return Opening(params["hook"], named, flows, present)


def main() -> None:
    chain = {
        "family": {"type": "str", "choices": ["inet", "ip", "ip6"], "default": "inet"},
        "table": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
            "hook": {"type": "str", "choices": ["forward", "input", "output"], "default": "forward"},
            "chain": {"type": "dict", "options": chain},
        },
        supports_check_mode=True,
    )
    made: list[Flows] = []

    def make_resource() -> Flows:
        made.append(Flows(NftRunner(module), _opening(module.params)))
        return made[0]

    def describe(outcome: Outcome[Ruleset]) -> dict[str, t.Any]:
        return {"opened": made[0].opened(outcome.after)}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
