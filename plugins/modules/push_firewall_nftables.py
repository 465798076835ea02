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
  - Reads with C(nft -j -t list ruleset) and one C(nft -j list set) for each set of its own, so that large sets of
    others cost nothing. Writes with one C(nft -j -f -). Needs root.
  - A rule set that somebody else changes between read and write is noticed by the kernel's generation of it. Nothing is
    written then; it is read, planned and tried once more, and reported where that happens again.
  - The host's own rule set file is never written. Whoever loads it by hand removes the flows until the next run, which
    says so and puts them back. C(systemctl reload nftables) and C(systemctl restart nftables) bring them back at once.
  - The sets have no auto-merge. Overlaps are resolved before anything is sent, so that what nft lists stays what was
    sent, and a single address can be taken out again.
  - Sees nftables only. Rules of iptables-legacy, and chains of the families bridge and netdev, are not opened.
  - Use one task for each O(hook), with all its flows.
requirements:
  - nftables 1.0.6 or later with JSON support on the host
  - systemd on the host with O(persist=true)
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
  persist:
    description:
      - Whether the flows are loaded at boot, too. With V(true), a unit C(pushops-nftables-HOOK.service) loads
        C(/etc/pushops.securemail/nftables-HOOK.json) after C(nftables.service) at boot, and whenever that one is
        reloaded or restarted. Needs systemd.
      - With V(false), both are removed if they are there. The flows end with the next boot.
      - A change that waits to be confirmed is not loaded at boot before it is confirmed.
    type: bool
    default: true
    version_added: "0.1.0"
  confirm_timeout:
    description:
      - Seconds within which a change of the running rule set has to be confirmed over a fresh connection. Before
        anything changes, a process on the host is set to take the change back after that time. Then the change is made,
        the connection is closed, and the host is asked again over another one, which ends that process.
      - The default is long enough for a few attempts to connect, and bounds how long a host can be locked out. Raise it
        where a connection takes longer than a quarter of it.
      - V(0) changes without a way back. Any other value is between V(5) and V(3600).
      - Nothing is armed in check mode, where nothing differs, and where only what is loaded at boot differs.
      - A run that finds an armed revert of another one waits until it has acted.
    type: int
    default: 60
    version_added: "0.1.0"
  confirm_token:
    description:
      - Set by the action plugin when it asks the host again, and by nobody else.
    type: str
    version_added: "0.1.0"
attributes:
  check_mode:
    support: full
    description: Reads, plans, writes nothing and arms nothing.
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

- name: Let the flow of administration in, and have two minutes to reach the host again before it is taken back
  pushops.securemail.push_firewall_nftables:
    hook: input
    flows:
      - name: administration
        sources: [192.0.2.0/28]
        destinations: [192.0.2.254]
        port: 22
    confirm_timeout: 120
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
confirm:
  description:
    - The revert of this run, where it was armed. Null where it was not.
  type: dict
  returned: success
  contains:
    token:
      description: What names the revert.
      type: str
      sample: 0f3c2b1a99d84e57
    seconds:
      description: The value of O(confirm_timeout).
      type: int
      sample: 60
    confirmed:
      description: The host was asked over a fresh connection, and keeps the change.
      type: bool
      sample: true
pending:
  description:
    - Seconds until a revert acts that another run armed and did not confirm. Null where there is none. Only check mode
      returns it, because any other run waits.
  type: float
  returned: success
  sample: null
undone:
  description:
    - Whether flows that are loaded at boot were gone, because somebody loaded the host's rule set anew.
  type: bool
  returned: success
  sample: false
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
from ansible_collections.pushops.securemail.plugins.module_utils.linux.boot import Boot
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import CommitConfirm
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_runner import NftRunner
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Filter, Flows

SHORTEST = 5
LONGEST = 3600


def _opening(params: dict[str, t.Any]) -> Opening:
    flows = parse_flows(params["flows"])
    present = params["state"] == "present"
    if present and not flows:
        raise InvalidInput("flows", [], "at least one flow", "Name the flows, or use state=absent to remove all")
    if params["confirm_timeout"] and not SHORTEST <= params["confirm_timeout"] <= LONGEST:
        expected = f"0, or {SHORTEST} to {LONGEST} seconds"
        raise InvalidInput("confirm_timeout", params["confirm_timeout"], expected, "Leave it out for 60")
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
            "persist": {"type": "bool", "default": True},
            "confirm_timeout": {"type": "int", "default": 60},
            "confirm_token": {"type": "str", "no_log": False},
        },
        supports_check_mode=True,
    )
    guard = CommitConfirm()
    made: list[Flows] = []

    def make_resource() -> Flows:
        opening = _opening(module.params)
        runner = NftRunner(module)
        boot = Boot(module, opening.hook, lambda: runner.program)
        token, seconds = module.params["confirm_token"], module.params["confirm_timeout"]
        if token:
            guard.confirm(token)
        elif not module.check_mode and (waited := guard.wait()):
            module.warn(f"Waited {waited:.0f} s: the host took back a change that another run had not confirmed.")
        persist = module.params["persist"]
        made.append(Flows(runner, boot, guard, opening, persist=persist, seconds=0 if token else seconds))
        return made[0]

    def describe(outcome: Outcome[Filter]) -> dict[str, t.Any]:
        flows = made[0]
        undone = flows.undone(outcome.before)
        if undone:
            module.warn("The flows that are loaded at boot were gone: somebody loaded the host's rule set anew.")
        armed = {"token": flows.token, "seconds": module.params["confirm_timeout"], "confirmed": False}
        pending = guard.seconds_left() if module.check_mode else None
        return {
            "opened": flows.opened(outcome.after),
            "confirm": armed if flows.token else None,
            "pending": pending,
            "undone": undone,
        }

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
