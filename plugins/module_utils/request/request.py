# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change request for firewalls of other teams: the flows, why, for whom, and until when."""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass

from ..core.addresses import of_version, without_overlaps
from ..core.errors import InvalidInput
from ..core.flows import Flow
from ..core.text import check_date, check_line

#: Stands in every file, so that nobody takes it for a record of what a firewall holds.
RENDERED = "rendered, not applied"
#: Stands in every file beside it: whose file it is.
AUTHOR = "pushops.securemail"

_ACCESS_LIST = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,34}")


@dataclass(frozen=True)
class RequestedFlow:
    """One flow, with what it is for and where its addresses come from."""

    flow: Flow
    purpose: str
    source: str
    date: datetime.date

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of IP in which both ends have addresses."""
        return tuple(
            version
            for version in (4, 6)
            if of_version(self.flow.destinations, version)
            and (not self.flow.sources or of_version(self.flow.sources, version))
        )

    def destinations(self, version: int) -> tuple[str, ...]:
        return without_overlaps(of_version(self.flow.destinations, version))

    def sources(self, version: int) -> tuple[str, ...]:
        """Empty for any."""
        return without_overlaps(of_version(self.flow.sources, version))


@dataclass(frozen=True)
class Request:
    """All of a request. No field is free to hold a line break or a control character.

    :param starts, expires: first and last day on which the flows may pass.
    :param access_list: the access list of the Cisco ASA that gets the entries.
    :param interfaces: source and destination interface of the FortiGate policy.
    """

    flows: tuple[RequestedFlow, ...]
    owner: str
    justification: str
    reference: str
    starts: datetime.date
    expires: datetime.date
    access_list: str
    interfaces: tuple[str, str]


def parse_request(params: t.Mapping[str, t.Any], flows: t.Sequence[Flow], now: datetime.date) -> Request:
    """Check everything that a request says.

    :param params: ``provenance`` (by name of the flow), ``owner``, ``justification``, ``reference``, ``starts``,
        ``expires``, ``asa_access_list``, ``fortios_source_interface`` and ``fortios_destination_interface``.
    :param now: today; a request that has expired is refused.
    :raises InvalidInput: names the field, its value and the remedy.
    """
    if not flows:
        raise InvalidInput(
            "flows", [], "at least one flow", "Name the flows, or use state=absent to remove the request"
        )
    starts = check_date("starts", params.get("starts"), "Name the first day on which the flows may pass")
    expires = check_date("expires", params.get("expires"), "Name the last day on which the flows may pass")
    if expires < starts:
        raise InvalidInput(
            "expires", expires.isoformat(), f"a day from {starts.isoformat()} on", "Correct one of the two"
        )
    if expires < now:
        remedy = "Ask for a later day, or use state=absent to remove the request"
        raise InvalidInput("expires", expires.isoformat(), f"a day from {now.isoformat()} on", remedy)
    reference = params.get("reference") or ""
    return Request(
        tuple(_requested(flow, params.get("provenance") or {}) for flow in flows),
        check_line("owner", params.get("owner"), "who answers for the flows"),
        check_line("justification", params.get("justification"), "why the flows are needed"),
        check_line("reference", reference, "a ticket") if reference else "",
        starts,
        expires,
        _word("asa_access_list", params["asa_access_list"], _ACCESS_LIST),
        (
            _word("fortios_source_interface", params["fortios_source_interface"], _INTERFACE),
            _word("fortios_destination_interface", params["fortios_destination_interface"], _INTERFACE),
        ),
    )


def _requested(flow: Flow, provenance: t.Mapping[str, t.Any]) -> RequestedFlow:
    at = f"provenance.{flow.name}"
    known = provenance.get(flow.name)
    if not isinstance(known, t.Mapping):
        raise InvalidInput(at, known, "purpose, source and date of the flow", "Pass push_environment_model.provenance")
    return RequestedFlow(
        flow,
        check_line(f"{at}.purpose", known.get("purpose"), "what the traffic is for"),
        check_line(f"{at}.source", known.get("source"), "where the addresses come from"),
        check_date(f"{at}.date", known.get("date"), "Say when the source was written or read"),
    )


def _word(field: str, value: str, allowed: re.Pattern[str]) -> str:
    if not allowed.fullmatch(value):
        raise InvalidInput(field, value, "a name of letters, digits, '.', '_' and '-'", "Name it as the firewall does")
    return value
