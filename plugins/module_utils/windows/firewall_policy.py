# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of a host as its registry proves it: profiles, rules, and who has the last word. No I/O.

Group Policy's settings win over the host's own, and its rules count beside them, unless it turns the merging of local
rules off (MS-GPFAS 2.2.3: EnableFirewall, DefaultOutboundAction, AllowLocalPolicyMerge; MS-FASP 2.2.38).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..core.errors import UnexpectedState
from .firewall_rules import Rule
from .registry import Values, number

LOCAL_KEY = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
GROUP_POLICY_KEY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall"
RULES = "FirewallRules"
#: Registry keys of the profiles. The host's own private profile bears its name of Windows XP.
LOCAL_PROFILES = {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"}
GROUP_POLICY_PROFILES = {"domain": "DomainProfile", "private": "PrivateProfile", "public": "PublicProfile"}
PROFILES = tuple(LOCAL_PROFILES)

_BLOCK = 1


@dataclass(frozen=True)
class Profile:
    """What counts on networks of one kind.

    :param enabled: whether the firewall is on there.
    :param blocks_by_default: what no rule lets out is dropped.
    :param merges_local: the host's own rules count.
    """

    enabled: bool
    blocks_by_default: bool
    merges_local: bool


@dataclass(frozen=True)
class StoredRule:
    """A rule and where it is stored.

    :param id: name of the registry value.
    :param group_policy: set by Group Policy, which this project never changes.
    """

    id: str
    rule: Rule
    group_policy: bool = False

    def __str__(self) -> str:
        return f"{'Group Policy ' if self.group_policy else ''}rule {self.rule.name!r} ({self.id})"


@dataclass(frozen=True)
class Policy:
    """A host's firewall.

    :param profiles: ``domain``, ``private`` and ``public``.
    :param rules: outbound rules, local ones first; which of them were read, the reader says.
    """

    profiles: dict[str, Profile]
    rules: tuple[StoredRule, ...]

    @property
    def local(self) -> tuple[StoredRule, ...]:
        return tuple(stored for stored in self.rules if not stored.group_policy)

    @property
    def group_policy(self) -> tuple[StoredRule, ...]:
        return tuple(stored for stored in self.rules if stored.group_policy)

    def with_local(self, rules: t.Iterable[StoredRule]) -> Policy:
        """The same host with these local rules."""
        return replace(self, rules=(*rules, *self.group_policy))


def read_profiles(local: Values, group_policy: Values) -> dict[str, Profile]:
    """The profiles in force; what is set nowhere is as Windows ships it: on, outbound allowed, local rules count."""
    profiles = {}
    for profile in PROFILES:
        settings = group_policy.key(rf"{GROUP_POLICY_KEY}\{GROUP_POLICY_PROFILES[profile]}")
        own = local.key(rf"{LOCAL_KEY}\{LOCAL_PROFILES[profile]}")

        def effective(name: str, settings: dict[str, str] = settings, own: dict[str, str] = own) -> int | None:
            set_by_policy = number(settings, name)
            return number(own, name) if set_by_policy is None else set_by_policy

        profiles[profile] = Profile(
            enabled=effective("EnableFirewall") != 0,
            blocks_by_default=effective("DefaultOutboundAction") == _BLOCK,
            merges_local=number(settings, "AllowLocalPolicyMerge") != 0,
        )
    return profiles


def read_rules(values: t.Mapping[str, str], *, group_policy: bool = False) -> list[StoredRule]:
    """The outbound rules among a key's values. What is no rule is left out, as the firewall service leaves it out."""
    found = []
    for identity, text in values.items():
        try:
            rule = Rule.parse(text)
        except UnexpectedState:
            continue
        if rule.outbound:
            found.append(StoredRule(identity, rule, group_policy))
    return found
