# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The flows, in the shape in which C(push_environment_model.flows) has them."""

    DOCUMENTATION = r"""
options:
  flows:
    description:
      - What is to pass. Required unless O(state=absent).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the flow, unique in the list; it becomes part of the names of sets, rules and objects.
        type: str
        required: true
      fqdn:
        description:
          - Name of the service, for people. No firewall resolves it.
        type: str
      sources:
        description:
          - Addresses and CIDRs where connections begin. Empty means any.
        type: list
        elements: str
        default: []
      destinations:
        description:
          - Addresses and CIDRs of the service. Overlaps and duplicates count once.
        type: list
        elements: str
        required: true
      ports:
        description:
          - TCP ports of the service.
        type: list
        elements: int
        default: [443]
        aliases: [port]
"""
