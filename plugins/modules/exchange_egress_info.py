#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_egress_info
short_description: Try from an Exchange host itself whether it reaches the listener
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
extends_documentation_fragment: [pushops.securemail.flows]
description:
  - Opens a TLS connection from the host to every address of every flow, and to whatever the host itself resolves the
    name to, and says how far each came. So it sees every firewall on the way, whoever keeps it.
  - Uses Windows' own C(curl.exe) in one WinRM shell, past every proxy, as notifications go once the listener is on the
    bypass list. It asks for the headers of C(/) and reads nothing but the exit code and the certificates. Nothing is
    changed, and no PowerShell starts.
  - Windows has C(curl.exe) since Server 2019. Where it is missing, RV(unable) says so, and nothing is claimed.
notes:
  - Needs C(ansible_connection=winrm), pywinrm 0.5 on the controller, and an account that may run programs.
  - A firewall rule of the host for one program alone, such as IIS's worker process, does not meet C(curl.exe). What the
    host's own firewall does with notifications, M(pushops.securemail.push_firewall_windows) judges.
  - Where Exchange must use a web proxy, that way is not tried.
options:
  flows:
    description:
      - What to try, at least one, each with the C(fqdn) of its service. Destinations that are single addresses are
        tried one by one; networks are not. At most 64 connections a task, one by name and one for each address, on each
        port.
  timeout:
    description:
      - Seconds for a connection, from 1 to 50. An answer may take twice as long. Addresses are tried one after the
        other.
    type: int
    default: 5
  link:
    description:
      - Id of the link of the push path that is broken where an address is not reached, for RV(obstacles).
    type: str
    default: listener-egress
attributes:
  check_mode:
    support: full
    description: Opens the same connections, and never changes anything.
  diff_mode:
    support: none
    description: There is nothing that could differ.
  platform:
    support: full
    description: Asks Windows; runs on the controller as an action plugin.
    platforms: windows
  idempotent:
    support: full
    description: Never reports a change.
  action_group:
    description: Use C(group/pushops.securemail.exchange) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.exchange
"""

EXAMPLES = r"""
- name: Does what was asked of the firewall team pass already?
  pushops.securemail.exchange_egress_info:
    flows:
      - name: listener
        fqdn: eu-west-1.mailboxlistener.xm.citrix.com
        destinations: [54.77.174.172, 52.17.147.220]
  register: egress

- name: Name what does not
  ansible.builtin.debug:
    msg: "{{ egress.unable or (egress.obstacles | map(attribute='sentence') | list) }}"
"""

RETURN = r"""
probes:
  description: What was tried, an entry for each address.
  type: list
  elements: dict
  returned: success
  contains:
    flow:
      description: Name of the flow.
      type: str
      sample: listener
    fqdn:
      description: Name of the service.
      type: str
      sample: eu-west-1.mailboxlistener.xm.citrix.com
    address:
      description: The address. Empty for whatever the host resolves the name to.
      type: str
      sample: 54.77.174.172
    port:
      description: The TCP port.
      type: int
      sample: 443
    reached:
      description:
        - Whether TLS stood, with a certificate that the host trusts for this name. Null where that is not known.
      type: bool
      sample: false
    reason:
      description:
        - Stable code, one of V(reached), V(not-resolved), V(not-connected), V(timed-out), V(tls-failed),
          V(broken-off), V(not-trusted) and V(no-verdict).
      type: str
      sample: timed-out
    sentence:
      description: The same for people.
      type: str
      sample: >-
        eu-west-1.mailboxlistener.xm.citrix.com:443 at 54.77.174.172: no answer in time: something on the way drops it
    certificates:
      description:
        - The certificates that the host saw, the server's own first, each with C(subject), C(issuer), C(not_after) and
          C(sha256). Empty where none was seen, and where the host's curl is older than 7.88.
      type: list
      elements: dict
      sample: []
obstacles:
  description: What is not reached, an entry each, as M(pushops.securemail.push_firewall_windows) has them.
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
        eu-west-1.mailboxlistener.xm.citrix.com:443 at 54.77.174.172: no answer in time: something on the way drops it
unable:
  description: Why nothing could be tried. Empty otherwise.
  type: str
  returned: success
  sample: ""
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: Name the flow of the listener
"""
