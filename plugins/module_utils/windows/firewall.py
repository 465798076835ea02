# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of one host: read from the registry, written with netsh, judged by what was read.

The registry has no display language and answers in one command. netsh tells the firewall service, which writes the
registry; a value written there by hand would count only when the service starts again.
"""

from __future__ import annotations

import typing as t

from ..core.errors import Refused
from ..core.flows import Flow
from ..core.path import LINKS
from ..core.reconcile import Outcome, Plan, Resource
from .cmdline import command_line, piped, tolerated
from .firewall_plan import after, plan, surplus
from .firewall_policy import (
    GROUP_POLICY_KEY,
    LOCAL_KEY,
    LOCAL_PROFILES,
    RULES,
    Policy,
    read_profiles,
    read_rules,
)
from .firewall_spec import Desired
from .firewall_verdict import Verdict, judge_flow
from .firewall_wanted import PREFIX
from .registry import parse_values, query
from .runner import CommandResult, Runner

_LOCAL_RULES = rf"{LOCAL_KEY}\{RULES}"
_INBOUND = "|Dir=In|"


class Firewall(Resource[Policy]):
    """The flows that one host must let out."""

    def __init__(self, runner: Runner, desired: Desired, host: str) -> None:
        self.header = f"{host}: Windows Firewall"
        self._runner = runner
        self._desired = desired

    def read(self) -> Policy:
        return read_policy(self._runner, self._runner.read_all(read_lines()), self._desired.flows)

    def plan(self, present: Policy) -> Plan:
        return plan(present, self._desired)

    def apply(self, plan: Plan) -> None:
        for change in plan.changes:
            for line in change.action:
                result = self._runner.run(line, writes=True)
                if result.rc != 0:
                    output = " ".join((result.stdout or result.stderr).split())[:300]
                    raise Refused(
                        f"{change.name} was not written: netsh ended with exit code {result.rc}: {output}",
                        "Connect as a member of the host's Administrators group, and see that the Windows Defender"
                        " Firewall service (MpsSvc) runs; the next run carries on from what is there",
                    )

    # --- what is known afterwards

    def verdicts(self, policy: Policy) -> dict[str, Verdict]:
        """Flow name to verdict, for the profile that is asked for."""
        return {flow.name: judge_flow(policy, self._desired.profile, flow) for flow in self._desired.flows}

    def describe(self, outcome: Outcome[Policy]) -> dict[str, t.Any]:
        """The module's own return values; ``after`` is what would be, in check mode."""
        desired = self._desired
        predicted = after(outcome.after, desired)
        now, then = self.verdicts(outcome.before), self.verdicts(predicted)
        obstacles = [] if desired.absent else _obstacles(then)
        unproved = [
            f"{name}: {reason}"
            for name, verdict in then.items()
            for reason in verdict.reasons
            if verdict.passes is None and not desired.absent
        ]
        return {
            "flows": [
                {
                    "name": flow.name,
                    "passes": {"before": now[flow.name].passes, "after": then[flow.name].passes},
                    "reasons": list(then[flow.name].reasons),
                }
                for flow in desired.flows
            ],
            "duplicates": surplus(outcome.before, desired.flows),
            "obstacles": obstacles,
            "warnings": [obstacle["sentence"] for obstacle in obstacles] + unproved,
        }


def read_lines() -> list[str]:
    """The commands that print what decides: profiles, Group Policy, rules that block, and this project's own.

    findstr leaves out what cannot matter, because a server has hundreds of inbound rules. Its messages are taken
    along (``2>&1``): a line that is too long for it must be seen to be missing.
    """
    rules = piped(
        query(_LOCAL_RULES),
        command_line("findstr", "/i", "/l", "/c:|Action=Block|", f"/c:|Name={PREFIX}"),
        command_line("findstr", "/i", "/l", "/v", f"/c:{_INBOUND}"),
    )
    group_policy = piped(query(GROUP_POLICY_KEY, "/s"), command_line("findstr", "/i", "/l", "/v", f"/c:{_INBOUND}"))
    profiles = [query(rf"{LOCAL_KEY}\{key}") for key in LOCAL_PROFILES.values()]
    return [*profiles, tolerated(group_policy), tolerated(rules)]


def read_policy(runner: Runner, results: t.Sequence[CommandResult], flows: t.Sequence[Flow]) -> Policy:
    """The firewall that :func:`read_lines` printed, with more read where that does not decide.

    Others' rules that allow something are read only where outbound is blocked by default and a flow has no rule of this
    project's own; everything is read where a rule is too long for findstr.

    :raises Refused: the profiles cannot be read, so nothing can be said.
    """
    *profiles, group_policy, rules = results
    for result in profiles:
        if result.rc != 0:
            raise Refused(
                f"{LOCAL_KEY} cannot be read: {' '.join((result.stderr or result.stdout).split())[:300]}",
                "Connect as a member of the host's Administrators group; the host must have the Windows Firewall",
            )
    by_policy, local = parse_values(group_policy.stdout), parse_values(rules.stdout)
    if by_policy.noise:
        by_policy = parse_values(runner.run(query(GROUP_POLICY_KEY, "/s")).stdout)
    own = parse_values("\n".join(result.stdout for result in profiles))
    foreign = read_rules(by_policy.key(rf"{GROUP_POLICY_KEY}\{RULES}"), group_policy=True)
    policy = Policy(read_profiles(own, by_policy), (*read_rules(local.key("")), *foreign))
    if local.noise or any(_undecided(policy, profile, flow) for profile in policy.profiles for flow in flows):
        every = parse_values(runner.run(query(_LOCAL_RULES)).stdout)
        return policy.with_local(read_rules(every.key(_LOCAL_RULES)))
    return policy


def _undecided(policy: Policy, profile: str, flow: Flow) -> bool:
    """Whether rules of others that allow something could let the flow out."""
    settings = policy.profiles[profile]
    counts = settings.enabled and settings.blocks_by_default and settings.merges_local
    return counts and judge_flow(policy, profile, flow).passes is not True


def _obstacles(verdicts: t.Mapping[str, Verdict]) -> list[dict[str, str]]:
    """What keeps a flow from passing though its rule is there; this project changes no rule of others."""
    found = []
    for name, verdict in verdicts.items():
        if verdict.passes is False:
            link = f"{name}-egress" if f"{name}-egress" in LINKS else ""
            sentence = f"Windows Firewall does not let the {name} flow out: {'; '.join(verdict.reasons)}"
            found.append({"link": link, "sentence": sentence})
    return found
