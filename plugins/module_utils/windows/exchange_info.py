# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that an Exchange host says about push, asked with one command and put together. Nothing is changed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput
from ..core.flows import FLOW_OPTIONS, Flow, parse_flows
from ..core.redact import without_userinfo
from .app_pool import POOL
from .appcmd_reads import Question
from .ews_iis_spec import ARGUMENT_SPEC as EWS_SPEC
from .ews_iis_spec import application_path
from .ews_iis_state import EwsState, read_state
from .exchange_events import SendEvent, recent, summarize
from .exchange_product import pool_state, product
from .firewall import read_lines, read_policy
from .firewall_plan import own_rules
from .firewall_policy import PROFILES, Policy
from .firewall_verdict import judge_flow
from .firewall_wanted import shown
from .health import Expected, HealthGate
from .listener import Listener
from .outbound_proxy import SystemProxy, proxy_for, read_system, system_line
from .place import Place
from .proxy_bypass import invalid_entries
from .registry import parse_values
from .runner import CommandResult, Runner
from .ssl_flags import asks_for_certificate
from .way_back_spec import ARGUMENT_SPEC as WAY_BACK_SPEC

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "flows": {"type": "list", "elements": "dict", "default": [], "options": FLOW_OPTIONS},
    "profile": {"type": "str", "choices": list(PROFILES), "default": "domain"},
    "max_event_age": {"type": "int", "default": 86400},
    "max_events": {"type": "int", "default": 20},
    "front_end": EWS_SPEC["front_end"],
    "back_end": EWS_SPEC["back_end"],
    "health": WAY_BACK_SPEC["health"],
}
_LONGEST_AGE, _MOST_EVENTS = 30 * 86400, 200


@dataclass(frozen=True)
class Asked:
    """What is asked of one host.

    :param max_event_age: seconds.
    """

    flows: tuple[Flow, ...]
    profile: str
    max_event_age: int
    max_events: int
    front_end: str
    back_end: str


def parse_asked(params: t.Mapping[str, t.Any]) -> Asked:
    """Turn validated module arguments into what is asked.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    flows = parse_flows(params["flows"])
    if not flows:
        raise InvalidInput("flows", [], "at least one flow", "Name the flow of the listener")
    for number, flow in enumerate(flows):
        if not flow.fqdn:
            raise InvalidInput(
                f"flows[{number}].fqdn", flow.fqdn, "the name of the listener", "The proxy goes by names: name it"
            )
    for option, most in (("max_event_age", _LONGEST_AGE), ("max_events", _MOST_EVENTS)):
        if not 0 < params[option] <= most:
            raise InvalidInput(option, params[option], f"a number from 1 to {most}", "Leave it out for the default")
    front_end, back_end = (application_path(option, params[option]) for option in ("front_end", "back_end"))
    return Asked(flows, params["profile"], params["max_event_age"], params["max_events"], front_end, back_end)


class _Together:
    """A runner whose first batch of reads takes more of them along, so that a host is asked once."""

    def __init__(self, runner: Runner, lines: t.Sequence[str]) -> None:
        self._runner = runner
        self._more = list(lines)
        self.results: list[CommandResult] = []

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        return self._runner.run(command_line, writes=writes)

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        results = self._runner.read_all([*lines, *self._more])
        self.results += results[len(lines) :]
        self._more = []
        return results[: len(lines)]


def read_info(runner: Runner, asked: Asked, gate: HealthGate | None = None) -> dict[str, t.Any]:
    """Ask a host and return the module's own return values.

    :param gate: asks EWS itself; without one nobody does.
    :raises PushOpsError: something cannot be read.
    """
    questions: list[Question[t.Any]] = [
        product(),
        pool_state(),
        recent(asked.max_event_age, asked.max_events),
        Question(system_line(), lambda result: read_system(parse_values(result.stdout).key(""))),
    ]
    together = _Together(runner, [*(question.line for question in questions), *read_lines()])
    ews = read_state(together, asked.front_end, asked.back_end)
    answers, firewall = together.results[: len(questions)], together.results[len(questions) :]
    exchange, pool, events, system = (
        question.understand(result) for question, result in zip(questions, answers, strict=True)
    )
    policy = read_policy(runner, firewall, asked.flows)
    return {
        "exchange": exchange,
        "app_pool": {"name": POOL, "state": pool},
        "health": _health(gate, ews),
        "front_end": _front_end(ews, asked),
        "back_end": _back_end(ews, asked),
        "system_proxy": _system_proxy(system),
        "firewall": _firewall(policy),
        "events": len(events),
        "flows": [_flow(flow, ews, system, policy, events, asked.profile) for flow in asked.flows],
    }


def _health(gate: HealthGate | None, ews: EwsState) -> dict[str, t.Any]:
    if gate is None:
        return {"lives": None, "sentence": "nobody asked whether EWS lives", "warnings": [], "clock_ahead": None}
    wrong = gate.before(Expected.of(ews.ssl_flags, ews.read_ahead))
    return {
        "lives": not wrong,
        "sentence": wrong or "EWS answers as it does where it lives",
        "warnings": gate.warnings,
        "clock_ahead": None if gate.clock_ahead is None else round(gate.clock_ahead),
    }


def _system_proxy(system: SystemProxy) -> dict[str, t.Any]:
    return {
        "server": without_userinfo(system.server),
        "script": without_userinfo(system.script),
        "overrides": list(system.overrides),
    }


def _front_end(ews: EwsState, asked: Asked) -> dict[str, t.Any]:
    return {
        "application": asked.front_end,
        "upload_read_ahead_size": ews.read_ahead,
        "upload_read_ahead_size_defined_in": _defined_in(ews.read_ahead_place),
        "ssl_flags": ews.ssl_flags,
        "ssl_flags_defined_in": _defined_in(ews.ssl_flags_place),
        "asks_for_client_certificate": asks_for_certificate(ews.ssl_flags),
    }


def _back_end(ews: EwsState, asked: Asked) -> dict[str, t.Any]:
    acting = ews.acting_proxy
    inherited = ews.default_proxy is None and ews.inherited_proxy
    bypass = list(acting.bypass) if acting else []
    return {
        "application": asked.back_end,
        "proxy": acting.shown_attributes() if acting else None,
        "proxy_defined_in": inherited[1] if inherited else str(ews.back_end_file) if acting else "",
        "proxy_bypass": bypass,
        "invalid_entries": invalid_entries(bypass),
    }


def _defined_in(place: Place | None) -> str:
    return str(place) if place else ""


def _firewall(policy: Policy) -> dict[str, t.Any]:
    return {
        "profiles": {
            name: {
                "enabled": profile.enabled,
                "blocks_by_default": profile.blocks_by_default,
                "merges_local_rules": profile.merges_local,
            }
            for name, profile in policy.profiles.items()
        },
        "own_rules": [
            {"name": stored.rule.name, "rule": shown(stored.rule)}
            for rules in own_rules(policy).values()
            for stored in rules
        ],
    }


def _flow(
    flow: Flow, ews: EwsState, system: SystemProxy, policy: Policy, events: t.Sequence[SendEvent], profile: str
) -> dict[str, t.Any]:
    listeners = [Listener(flow.fqdn, port) for port in flow.ports]
    acting = ews.acting_proxy
    refused = bool(acting and invalid_entries(acting.bypass))  # .NET then throws, and no request leaves
    verdict = judge_flow(policy, profile, flow)
    proxy = next((found for one in listeners if (found := proxy_for(one, acting, system)) != ""), "")
    return {
        "name": flow.name,
        "fqdn": flow.fqdn,
        "ports": list(flow.ports),
        "bypasses_proxy": not refused
        and all(acting and any(map(listener.passes, acting.bypass)) for listener in listeners),
        "proxy": None if refused or proxy is None else without_userinfo(proxy),
        "firewall": {"passes": verdict.passes, "reasons": list(verdict.reasons)},
        "events": summarize(events, flow.fqdn),
    }
