# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as a playbook declares them, checked before anything is asked of the host."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..core.endpoints import is_fqdn, parse_address
from ..core.environment import Flow
from ..core.errors import InvalidInput

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")


def parse_flows(declared: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[Flow, ...]:
    """Read the ``flows`` option: addresses in canonical form, duplicates dropped.

    :raises InvalidInput: names the entry, its value and the remedy.
    """
    flows = tuple(_flow(f"flows[{number}]", entry) for number, entry in enumerate(declared))
    names = [flow.name for flow in flows]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InvalidInput(f"flows[{number}].name", name, "a name of its own", "Rename one or merge the two")
    return flows


def _flow(at: str, entry: t.Mapping[str, t.Any]) -> Flow:
    name, fqdn, port = entry["name"], entry.get("fqdn") or "", entry.get("port", 443)
    if not _NAME.match(name):
        expected = "a letter, then at most 31 letters, digits, '-' or '_'"
        raise InvalidInput(f"{at}.name", name, expected, "Shorten or respell it")
    if fqdn and not is_fqdn(fqdn):
        raise InvalidInput(f"{at}.fqdn", fqdn, "a fully qualified host name", "Correct it or leave it out")
    if not 0 < port < 65536:
        raise InvalidInput(f"{at}.port", port, "a TCP port from 1 to 65535", "Leave it out for 443")
    sources = _addresses(f"{at}.sources", entry.get("sources") or ())
    destinations = _addresses(f"{at}.destinations", entry["destinations"])
    if not destinations:
        raise InvalidInput(f"{at}.destinations", [], "at least one address", "Name the service's addresses")
    if sources and not _versions(sources) & _versions(destinations):
        raise InvalidInput(
            f"{at}.sources", list(sources), "addresses of a family that destinations has", "Add the other family's"
        )
    return Flow(name, fqdn, sources, destinations, port)


def _addresses(at: str, values: t.Sequence[str]) -> tuple[str, ...]:
    for number, value in enumerate(values):
        if "%" in str(value):
            raise InvalidInput(f"{at}[{number}]", value, "an address without a zone", "Leave out '%' and what follows")
    return tuple(dict.fromkeys(parse_address(f"{at}[{number}]", value) for number, value in enumerate(values)))


def _versions(addresses: t.Iterable[str]) -> set[int]:
    return {ipaddress.ip_network(address).version for address in addresses}
