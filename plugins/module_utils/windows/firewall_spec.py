# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of a host's Windows Firewall: the arguments of push_firewall_windows, checked."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput
from ..core.flows import FLOW_OPTIONS, Flow, parse_flows
from .firewall_policy import PROFILES

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
    "profile": {"type": "str", "choices": list(PROFILES), "default": "domain"},
}


@dataclass(frozen=True)
class Desired:
    """What is asked of one host.

    :param profile: the kind of network by which a flow is judged.
    """

    absent: bool
    flows: tuple[Flow, ...]
    profile: str = "domain"


def parse_desired(params: t.Mapping[str, t.Any]) -> Desired:
    """Turn validated module arguments into what is asked.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    absent = params["state"] == "absent"
    flows = parse_flows(params["flows"])
    if not (flows or absent):
        raise InvalidInput("flows", [], "at least one flow", "Name the flows, or use state=absent to remove all")
    seen: set[str] = set()
    for number, flow in enumerate(flows):
        if flow.name.lower() in seen:
            raise InvalidInput(
                f"flows[{number}].name",
                flow.name,
                "a name that differs from the others in more than case",
                "Rename it: Windows finds rules by name in any case",
            )
        seen.add(flow.name.lower())
    return Desired(absent, flows, params["profile"])
