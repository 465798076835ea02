#!/usr/bin/python
# Copyright: (c) 2026, the pushops.securemail contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: push_proxy_squid
short_description: Let the Exchange hosts reach the push service's listener through Squid
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - For estates where traffic to the listener must go through the web proxy instead of past it.
  - Allows C(CONNECT) from the sources of each flow to its name and port in a file of its own. Nothing else is allowed,
    and nothing is denied. Names are matched as asked (C(dstdomain -n)), so an address that resolves backwards to the
    name does not pass.
  - Squid's own configuration is only read. Something in it must include the file, before whatever denies the flows.
    Where nothing does, or where an earlier C(http_access deny) may match, the module fails, names the line, and changes
    nothing.
  - Before the file is live, Squid parses a copy of the whole configuration as it will be. Then a running Squid is told
    to read it again, which leaves open tunnels open.
notes:
  - Each of O(flows) needs its C(fqdn), which is what C(CONNECT) names, and at least one of C(sources). Its
    C(destinations) are only compared with what earlier lines deny.
  - Needs root, or the account that may signal Squid.
  - Squid stops listening for a moment while it reads its configuration again. Established connections stay.
  - Tested with Squid 5.7.
requirements:
  - Squid 5 or later on the host
extends_documentation_fragment:
  - pushops.securemail.flows
options:
  state:
    description:
      - V(present) allows exactly O(flows). V(absent) removes the file.
    type: str
    choices: [present, absent]
    default: present
  config_path:
    description:
      - Squid's own configuration file.
    type: path
    default: /etc/squid/squid.conf
  path:
    description:
      - The file that is written. Its default stands first in the folder that Debian's configuration includes.
    type: path
    default: /etc/squid/conf.d/00-pushops-securemail.conf
  service_name:
    description:
      - The name that Squid was started with (C(squid -n)).
    type: str
    default: squid
attributes:
  check_mode:
    support: full
    description: Reads, plans, has Squid parse a copy of the configuration as it would be, and writes nothing.
  diff_mode:
    support: full
    description: Shows the file before and after.
  platform:
    support: full
    description: Linux hosts with Squid.
    platforms: linux
  idempotent:
    support: full
    description: Compares the content of the file.
  action_group:
    description: Use C(group/pushops.securemail.firewall) in C(module_defaults) to set options once.
    support: full
    membership:
      - pushops.securemail.firewall
"""

EXAMPLES = r"""
- name: Let Exchange reach the listener of its region through this proxy
  pushops.securemail.push_proxy_squid:
    flows:
      - name: listener
        fqdn: eu-west-1.mailboxlistener.xm.citrix.com
        sources: [192.0.2.11, 192.0.2.12]
        destinations: [54.77.174.172, 52.17.147.220]
  become: true

- name: Take it back
  pushops.securemail.push_proxy_squid:
    state: absent
  become: true
"""

RETURN = r"""
reloaded:
  description: Whether a running Squid read its configuration again. False in check mode.
  type: bool
  returned: success
  sample: true
changes:
  description: What differed, and the link of the push path that was broken by it.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The file.
      type: str
      sample: /etc/squid/conf.d/00-pushops-securemail.conf
    before:
      description: What it held. Null where it was not there.
      type: str
      sample: null
    after:
      description: What it has to hold. Null where it goes away.
      type: str
      sample: "acl pushops_connect method CONNECT"
    link:
      description: Id of the link of the push path. Empty where the change mends none.
      type: str
      sample: listener-egress
remedy:
  description: What to do now.
  type: str
  returned: failure
  sample: "Move that line below the include of /etc/squid/conf.d/00-pushops-securemail.conf"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import FLOW_OPTIONS, parse_flows
from ansible_collections.pushops.securemail.plugins.module_utils.core.module import run
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome
from ansible_collections.pushops.securemail.plugins.module_utils.linux import squid_access
from ansible_collections.pushops.securemail.plugins.module_utils.linux.squid import Proxy, ProxyState


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
            "config_path": {"type": "path", "default": "/etc/squid/squid.conf"},
            "path": {"type": "path", "default": "/etc/squid/conf.d/00-pushops-securemail.conf"},
            "service_name": {"type": "str", "default": "squid"},
        },
        supports_check_mode=True,
    )
    made: list[Proxy] = []

    def make_resource() -> Proxy:
        params = module.params
        flows = parse_flows(params["flows"])
        present = params["state"] == "present"
        if present and not flows:
            raise InvalidInput("flows", [], "at least one flow", "Name the flows, or use state=absent to remove all")
        squid_access.check(flows)
        wanted = flows if present else ()
        made.append(Proxy(module, wanted, params["config_path"], params["path"], params["service_name"]))
        return made[0]

    def describe(outcome: Outcome[ProxyState]) -> dict[str, t.Any]:
        if module.check_mode and outcome.changed:
            made[0].validate(outcome.plan)
        return {"reloaded": made[0].reloaded}

    run(module, make_resource, describe)


if __name__ == "__main__":
    main()
