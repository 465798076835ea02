# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of which resolver, and what came back."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from ..core.errors import InvalidInput
from ..core.flows import check_port

FAMILIES = {"A": 4, "AAAA": 6}

NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"
#: Beside the codes of RFC 6895, such as SERVFAIL and REFUSED: no code came back.
TIMEOUT, UNREACHABLE, MALFORMED = "TIMEOUT", "UNREACHABLE", "MALFORMED"


@dataclass(frozen=True)
class Resolver:
    """A name server that resolves for its clients."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return self.address if self.port == 53 else f"{self.address} port {self.port}"


@dataclass(frozen=True)
class Answer:
    """What one resolver says to one question.

    :param family: ``A`` or ``AAAA``.
    :param status: the response code in words, or one of the three above.
    :param addresses: sorted; empty where there is none of the family, or where the status is not ``NOERROR``.
    :param ttl: seconds for which the resolver vouches for it; ``None`` where nothing came back.
    :param chain: the names that CNAME records lead through, the last one being where the addresses stand.
    """

    resolver: Resolver
    family: str
    status: str
    addresses: tuple[str, ...] = ()
    ttl: int | None = None
    chain: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the resolver spoke about the name, and not about itself."""
        return self.status in (NOERROR, NXDOMAIN)

    def as_vars(self) -> dict[str, t.Any]:
        return {
            "resolver": str(self.resolver),
            "type": self.family,
            "status": self.status,
            "addresses": list(self.addresses),
            "ttl": self.ttl,
            "cname_chain": list(self.chain),
        }


def parse_resolvers(declared: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[Resolver, ...]:
    """Read the ``resolvers`` option, each once.

    :raises InvalidInput: names the entry, its value and the remedy.
    """
    resolvers = []
    for number, entry in enumerate(declared):
        at = f"resolvers[{number}]"
        try:
            address = str(ipaddress.ip_address(entry["address"].strip()))
        except ValueError:
            raise InvalidInput(
                f"{at}.address", entry["address"], "an IPv4 or IPv6 address", "A resolver cannot be named by name"
            ) from None
        resolvers.append(Resolver(address, check_port(f"{at}.port", entry["port"])))
    return tuple(dict.fromkeys(resolvers))
