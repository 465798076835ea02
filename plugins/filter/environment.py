# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.pushops.securemail.plugins.module_utils.core.environment import parse_environment
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import PushOpsError

DOCUMENTATION = """
name: environment
short_description: Check the declared model of an environment and complete it
version_added: "0.1.0"
author: pushops.securemail contributors (@pushops)
description:
  - Checks the C(push_*) variables of one environment before anything connects, and derives everything else from them.
  - All problems are reported at once. Each names the variable, its value and the remedy.
positional: _input
options:
  _input:
    description:
      - The declared values, with the keys C(region), C(bundle_id), C(customer_id), C(client_certificate_auth),
        C(proxy), C(firewall_sources), C(endpoints), C(endpoint_groups), C(endpoints_previous),
        C(endpoints_max_lost_share) and C(endpoints_accepted).
    type: dict
    required: true
"""

EXAMPLES = """
- name: Derive the flows of the environment
  ansible.builtin.debug:
    msg: "{{ (push_declared | pushops.securemail.environment).flows }}"
"""

RETURN = """
_value:
  description:
    - The checked model with the keys C(region), C(region_label), C(bundle_id), C(customer_id),
      C(client_certificate_auth), C(proxy), C(listener), C(registration), C(flows), C(provenance),
      C(special_purpose), C(endpoints_source), C(endpoints_date) and C(endpoints_changes).
  type: dict
"""


def environment(declared: t.Any) -> dict[str, t.Any]:
    if not isinstance(declared, dict):
        raise AnsibleFilterError(f"The environment filter takes a mapping, not {type(declared).__name__}.")
    try:
        return parse_environment(declared).as_vars()
    except PushOpsError as problem:
        raise AnsibleFilterError(str(problem)) from None


class FilterModule:
    """Filters of the environment model."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"environment": environment}
