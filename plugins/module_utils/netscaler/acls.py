# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extended ACLs: which of them would stop a flow, and the ones that let it pass before.

They are matched against incoming IPv4 packets in the order of their priorities; where none matches, the packet passes.
Source: Citrix, NITRO ``nsacl`` and "Extended ACLs and Extended ACL6s".
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from ..core.errors import UnexpectedState
from ..core.https import Json
from .expressions import Answer, Network

#: Conditions that narrow an ACL in ways that nothing is known about from here.
_NARROWING = (
    *("srcip", "srcipval", "srcipdataset", "srcport", "srcportval", "srcportdataset", "srcmac", "destipdataset"),
    *("destportdataset", "vlan", "vxlan", "Interface", "interface", "established", "ttl", "td"),
)
_NOTHING = (None, "", False, 0, "0", "false", "NO", "000000000000")
_NOT = ("!=", "NEQ")


@dataclass(frozen=True)
class Acl:
    """One extended ACL.

    :param destination: first and last address as numbers; ``None`` for any.
    :param ports: first and last destination port; ``None`` for any.
    :param inverted: whether addresses, and whether ports, are those that do *not* match.
    :param narrowed: it has other conditions, so that it matches some of these packets at most.
    :param applied: the packet engine has it as it stands here.
    """

    name: str
    action: str
    priority: int
    destination: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None
    inverted: tuple[bool, bool] = (False, False)
    tcp: bool = True
    narrowed: bool = False
    enabled: bool = True
    applied: bool = True

    @classmethod
    def of(cls, found: Json) -> Acl:
        """Read an ``nsacl`` as NITRO shows it; numbers may come as text.

        :raises UnexpectedState: an address, a port or a priority of another form.
        """
        name = str(found.get("aclname"))
        protocol = str(found.get("protocol") or found.get("protocolnumber") or "TCP").upper()
        state = str(found.get("kernelstate") or "APPLIED")
        try:
            return cls(
                name,
                str(found.get("aclaction")),
                int(found.get("priority") or 0),
                _span(found.get("destipval"), lambda text: int(ipaddress.IPv4Address(text))),
                _span(found.get("destportval"), int),
                (found.get("destipop") in _NOT, found.get("destportop") in _NOT),
                protocol in ("TCP", "6", "0"),
                any(found.get(field) not in _NOTHING for field in _NARROWING),
                found.get("state") != "DISABLED",
                state != "RE-APPLY" and "NOTAPPLIED" not in state,
            )
        except ValueError as problem:
            raise UnexpectedState(
                f"The ACL {name!r} cannot be read: {problem}", "Report it together with the NetScaler's version"
            ) from None

    @classmethod
    def opening(cls, prefix: str, network: ipaddress.IPv4Network, port: int, priority: int) -> Acl:
        """The ACL that lets TCP to a network pass. Its name says which, so that none is ever edited."""
        first, last = network[0], network[-1]
        name = f"{prefix}_{first}" if first == last else f"{prefix}_{first}-{last}"
        return cls(name, "ALLOW", priority, (int(first), int(last)), (port, port))

    def fields(self) -> Json:
        """What NITRO takes to add it."""
        first, last = (ipaddress.IPv4Address(number) for number in self.destination or (0, 2**32 - 1))
        ports = self.ports or (0, 65535)
        return {
            "aclname": self.name,
            "aclaction": self.action,
            "destip": True,
            "destipop": "=",
            "destipval": str(first) if first == last else f"{first}-{last}",
            "destport": True,
            "destportop": "=",
            "destportval": str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}",
            "protocol": "TCP",
            "priority": self.priority,
        }

    def matches(self, network: Network, port: int) -> Answer:
        """Whether it matches TCP to every address of a network; ``None`` for some packets, or not known."""
        if not self.enabled or not self.tcp or network.version != 4:
            return False
        addresses = _within(self.destination, int(network[0]), int(network[-1]), self.inverted[0])
        ports = _within(self.ports, port, port, self.inverted[1])
        if addresses is False or ports is False:
            return False
        return None if self.narrowed or None in (addresses, ports) else True


def _span(value: t.Any, number: t.Callable[[str], int]) -> tuple[int, int] | None:
    """``a`` or ``a-b`` as numbers, or ``None`` where there is no such condition."""
    if value in (None, ""):
        return None
    first, _dash, last = str(value).strip("[]").partition("-")
    return number(first.strip()), number(last.strip() or first.strip())


def _within(span: tuple[int, int] | None, first: int, last: int, inverted: bool) -> Answer:
    if span is None:
        return True
    if last < span[0] or first > span[1]:
        return inverted
    return not inverted if span[0] <= first and last <= span[1] else None


def in_order(acls: t.Iterable[Acl]) -> list[Acl]:
    return sorted(acls, key=lambda acl: acl.priority)


def stopping(acls: t.Iterable[Acl], network: Network, port: int) -> tuple[Acl, bool] | None:
    """The first ACL that denies TCP to a network, or may deny some of it, and whether it surely denies all of it.

    ``None`` where all of it passes.
    """
    certain = True
    for acl in in_order(acls):
        answer = acl.matches(network, port)
        certain = certain and answer is not None
        if answer is not False and acl.action == "DENY":
            return acl, certain
        if answer:
            return None
    return None
