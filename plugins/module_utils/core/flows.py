# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows: the one shape in which everything that opens, renders or checks a way gets what must pass."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .addresses import is_fqdn, is_within, parse_address, versions
from .errors import InvalidInput

#: The suboptions of a module's ``flows``; plugins/doc_fragments/flows.py documents them.
FLOW_OPTIONS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "fqdn": {"type": "str"},
    "sources": {"type": "list", "elements": "str", "default": []},
    "destinations": {"type": "list", "elements": "str", "required": True},
    "ports": {"type": "list", "elements": "int", "default": [443], "aliases": ["port"]},
}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Flow:
    """Traffic that must be let through: TCP from ``sources`` (empty: any) to ``destinations`` on any of ``ports``."""

    name: str
    fqdn: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[int, ...]

    def as_vars(self) -> dict[str, t.Any]:
        """The flow as a module takes it."""
        return {
            "name": self.name,
            "fqdn": self.fqdn,
            "sources": list(self.sources),
            "destinations": list(self.destinations),
            "ports": list(self.ports),
        }


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


def permits(flows: t.Iterable[Flow], source: str, destination: str, port: int) -> bool:
    """Whether declared flows let a TCP connection pass: what every device has to answer once they are applied.

    :param source: an address.
    :param destination: an address of the source's version of IP, or the host name by which a proxy is asked for it.
    """
    if is_fqdn(destination):
        return any(_begins(flow, source, port) and flow.fqdn.lower() == destination.lower() for flow in flows)
    return len(versions((source, destination))) == 1 and any(
        _begins(flow, source, port) and is_within(destination, flow.destinations) for flow in flows
    )


def _begins(flow: Flow, source: str, port: int) -> bool:
    return port in flow.ports and (not flow.sources or is_within(source, flow.sources))


def check_name(field: str, name: object) -> str:
    """The name of a flow: it becomes part of the names of sets, rules and objects."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a letter, then at most 31 letters, digits, '-' or '_'"
        raise InvalidInput(field, name, expected, "Shorten or respell it")
    return name


def check_ports(field: str, ports: object) -> tuple[int, ...]:
    """TCP ports, each once and sorted."""
    if not isinstance(ports, (list, tuple)) or not ports:
        raise InvalidInput(field, ports, "a list of TCP ports", "Leave it out for 443")
    return tuple(sorted({check_port(f"{field}[{number}]", port) for number, port in enumerate(ports)}))


def check_port(field: str, port: object) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise InvalidInput(field, port, "a TCP port from 1 to 65535", "Leave it out for 443")
    return port


def _flow(at: str, entry: t.Mapping[str, t.Any]) -> Flow:
    name, fqdn = check_name(f"{at}.name", entry["name"]), entry.get("fqdn") or ""
    if fqdn and not is_fqdn(fqdn):
        raise InvalidInput(f"{at}.fqdn", fqdn, "a fully qualified host name", "Correct it or leave it out")
    ports = check_ports(f"{at}.ports", entry.get("ports", (443,)))
    sources = _addresses(f"{at}.sources", entry.get("sources") or ())
    destinations = _addresses(f"{at}.destinations", entry["destinations"])
    if not destinations:
        raise InvalidInput(f"{at}.destinations", [], "at least one address", "Name the service's addresses")
    if sources and not versions(sources) & versions(destinations):
        raise InvalidInput(
            f"{at}.sources", list(sources), "addresses of a family that destinations has", "Add the other family's"
        )
    return Flow(name, fqdn, sources, destinations, ports)


def _addresses(at: str, values: t.Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_address(f"{at}[{number}]", value) for number, value in enumerate(values)))
