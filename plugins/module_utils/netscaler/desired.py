# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for on a NetScaler, checked before anything connects."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from ..core.endpoints import parse_address
from ..core.errors import InvalidInput
from ..core.reconcile import Change
from . import expressions
from .expressions import Network
from .nitro import NitroClient

LINK = "registration-egress"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

Step = t.Callable[[NitroClient], None]


@dataclass(frozen=True)
class Desired:
    """What is asked for.

    :param policy: name of our policy; our ACLs are named ``<policy>_<address>``.
    :param groups: AAA groups whose tunneled sessions shall reach ``networks`` on ``port``.
    :param save_others: whether saving may take unsaved changes of others with it.
    """

    policy: str
    groups: tuple[str, ...]
    networks: tuple[Network, ...]
    port: int = 443
    present: bool = True
    save_others: bool = True

    @property
    def rule(self) -> str:
        return expressions.opening(self.networks, self.port)


def change(name: str, before: t.Any, after: t.Any, *steps: Step, link: str = "") -> Change:
    """A change that these requests make, one after the other."""
    return Change(name, before, after, steps, link)


def parse_networks(values: t.Sequence[str]) -> tuple[Network, ...]:
    """Addresses and CIDRs in one form; overlaps and doubles count once.

    :raises InvalidInput: names the entry.
    """
    parsed = [ipaddress.ip_network(parse_address(f"destinations[{n}]", value)) for n, value in enumerate(values)]
    fours = [network for network in parsed if isinstance(network, ipaddress.IPv4Network)]
    sixes = [network for network in parsed if isinstance(network, ipaddress.IPv6Network)]
    return (*ipaddress.collapse_addresses(fours), *ipaddress.collapse_addresses(sixes))


def check(desired: Desired) -> Desired:
    """:raises InvalidInput: names the field; nothing has been connected to yet."""
    if not _NAME.fullmatch(desired.policy):
        raise InvalidInput("policy_name", desired.policy, "a letter or _, then letters, digits, _ . -", "Correct it")
    if len(set(desired.groups)) < len(desired.groups) or not all(group.strip() for group in desired.groups):
        raise InvalidInput("groups", list(desired.groups), "each group once, none empty", "Correct the list")
    if not 0 < desired.port < 65536:
        raise InvalidInput("port", desired.port, "a TCP port from 1 to 65535", "Leave it out for 443")
    if not desired.present:
        return desired
    named: tuple[tuple[str, t.Sequence[t.Any]], ...] = (
        ("groups", desired.groups),
        ("destinations", desired.networks),
    )
    for field, values in named:
        if not values:
            raise InvalidInput(field, [], "at least one entry", "Name it, or use state=absent to remove the access")
    if len(desired.rule) > expressions.LONGEST:
        raise InvalidInput(
            "destinations",
            f"{len(desired.networks)} networks",
            f"as many as an expression of {expressions.LONGEST} characters holds",
            "Name CIDRs in place of single addresses",
        )
    return desired
