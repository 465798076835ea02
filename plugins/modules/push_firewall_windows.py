#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_firewall_windows
short_description: Let the push path's flows out of a Windows host's own firewall
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
extends_documentation_fragment: [pushops.securemail.flows]
description:
  - Keeps one outbound allow rule for each flow in the Windows Firewall of an Exchange host, with all addresses of the
    flow in it, IPv4 and IPv6. Its name is C(pushops.securemail) and the name of the flow. More addresses than one line
    of C(cmd.exe) holds, about 500, are spread over several rules of that name.
  - The rule is kept also where outbound traffic is allowed by default, as Windows ships it. It changes nothing there,
    and it stays in force when a baseline blocks outbound traffic later.
  - Says whether the flow passes. A rule that blocks wins over every rule that allows, Group Policy's settings win over
    the host's own, and Group Policy may keep all rules of the host from counting. What stands in the way is named in
    RV(obstacles); this module does not change it.
  - Rules of others stay as they are. Doubles of its own rules, and own rules that are no longer declared, are removed.
  - Reads the registry's rule strings and writes with C(netsh), in one WinRM shell of the host's ordinary session. No
    PowerShell starts, and no text that depends on the display language is read.
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may administer the host.
  - Name all flows of a host in one task, by names that differ in more than case.
  - Sources of a flow are addresses of the host itself here. Leave them out where the host has one address.
  - The registry does not hold which addresses a keyword such as Internet stands for, nor a rule's users and interfaces
    in a form that can be compared. Where a rule depends on them, RV(flows) says that nothing is proved.
options:
  state:
    description:
      - V(present) lets out exactly O(flows). V(absent) removes the rules of O(flows), or all of its own where none is
        named.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description:
      - Kind of network by which it is judged whether a flow passes. Exchange servers are members of a domain. The rules
        themselves hold on networks of every kind.
    type: str
    choices: [domain, private, public]
    default: domain
attributes:
  check_mode:
    support: full
    description: Reads, plans, and runs no command that changes.
  diff_mode:
    support: full
    description: Shows each rule that differs, before and after.
  platform:
    support: full
    description: Acts on Windows; runs on the controller as an action plugin.
    platforms: windows
  idempotent:
    support: full
    description: Compares what a rule means, not how its addresses are written.
  action_group:
    description: Use C(group/pushops.securemail.firewall) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.firewall
"""

EXAMPLES = r"""
- name: Let Exchange reach the listener of its region
  pushops.securemail.push_firewall_windows:
    flows:
      - name: listener
        fqdn: eu-west-1.mailboxlistener.xm.citrix.com
        destinations: [54.77.174.172, 52.17.147.220]
  register: firewall

- name: Say what Group Policy or somebody's rule still stops
  ansible.builtin.debug:
    msg: "{{ firewall.obstacles | map(attribute='sentence') | join(' ') }}"
  when: firewall.obstacles | length > 0

- name: Take back everything that this module let out
  pushops.securemail.push_firewall_windows:
    state: absent
"""

RETURN = r"""
flows:
  description: Whether each flow passes. In check mode C(after) is what would be.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the flow.
      type: str
      sample: listener
    passes:
      description: C(before) and C(after). Null where the registry does not prove it.
      type: dict
      sample:
        before: false
        after: true
    reasons:
      description: Why it does not pass, or why that is not proved.
      type: list
      elements: str
      sample: []
obstacles:
  description:
    - What keeps a flow from passing although its rule is there, or would be in check mode. Empty with O(state=absent).
  type: list
  elements: dict
  returned: success
  contains:
    link:
      description: Id of the link of the push path that is broken by it.
      type: str
      sample: listener-egress
    sentence:
      description: What was found.
      type: str
      sample: >-
        Windows Firewall does not let the listener flow out: 52.17.147.220 blocked by Group Policy rule 'Deny'
        ({0F1E2D3C-0000-4000-8000-000000000001})
duplicates:
  description: Names of rules of O(flows) that were there more often than the flow needs.
  type: list
  elements: str
  returned: success
  sample: []
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The rule.
      type: str
      sample: outbound rule 'pushops.securemail listener'
    before:
      description: What the rule said, or a list where there were several of its name. Null where there was none.
      type: raw
      sample: null
    after:
      description: What was asked for, a list where several rules are needed. Null where the rule goes away.
      type: raw
      sample: allow TCP port 443 to 52.17.147.220,54.77.174.172 (eu-west-1.mailboxlistener.xm.citrix.com)
    link:
      description: Id of the link of the push path. Empty where the flow passes also without the change.
      type: str
      sample: listener-egress
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Name the flows, or use state=absent to remove all
"""
