# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on purpose between a client and the service: ``faults.schedule`` of ``winrm.json``.

Each entry of the list strikes once:

``kind``
    ``reset``, ``half-close``, ``short`` (the connection ends within the answer), ``truncated``, ``garbled``,
    ``http-500`` (without a fault), ``http-503``, ``proxy-page`` (with ``status``, 502 by default), ``unauthorized``,
    ``slow`` (with ``seconds``), and the SOAP faults ``timed-out``, ``quota-operations``, ``quota-shells``,
    ``access-denied``, and ``shell-lost``, which ends the user's shells.
``on``
    Create, Command, Send, Receive, Signal or Delete; any request where it is not given.
``line``
    Only while the latest command line holds this text.
``nth``
    The how many-th matching request it is; 1 by default.
``after``
    Whether the service acts on the request before the answer is spoilt; false by default. It never does where the
    answer is a refusal: ``unauthorized``, a quota, ``access-denied``.
"""

from __future__ import annotations

import dataclasses
import typing as t

from aiohttp import web

from ...mishaps import Turns, cut, hang_up
from ...state import JsonFile
from ..machine import Machine
from .shells import OPERATION_TIMED_OUT, QUOTA_OPERATIONS, QUOTA_SHELLS
from .soap import Fault, Request

ACCESS_DENIED = 5
#: Kinds that are SOAP faults: subcode, Windows error number, whether WMI reports it.
_FAULTS = {
    "timed-out": ("w:TimedOut", OPERATION_TIMED_OUT, False),
    "quota-operations": ("w:InternalError", QUOTA_OPERATIONS, True),
    "quota-shells": ("w:QuotaLimit", QUOTA_SHELLS, False),
    "access-denied": ("w:AccessDenied", ACCESS_DENIED, False),
}
#: Kinds that spoil the service's own answer, so that it must have acted first.
_SPOIL_ANSWERS = frozenset({"short", "truncated", "garbled"})
#: Kinds that say that the service has not acted, which clients rely on when they send the request again.
_REFUSALS = frozenset({"unauthorized", "quota-operations", "quota-shells", "access-denied"})
#: No XML, as the pages of HTTP.sys and of web proxies.
_PAGE = '<!DOCTYPE html><html><head><title>{0}</title><meta charset="us-ascii"></head><body><h2>{0}</h2></body></html>'
KINDS = frozenset(
    {*_FAULTS, *_SPOIL_ANSWERS, "reset", "half-close", "http-500", "http-503", "proxy-page", "unauthorized"}
    | {"slow", "shell-lost"}
)


@dataclasses.dataclass(frozen=True)
class Mishap:
    """One entry of the schedule that strikes now."""

    kind: str
    after: bool = False
    seconds: float = 0.0
    status: int = 502

    @property
    def acts(self) -> bool:
        """Whether the service acts on the request."""
        if self.kind in _REFUSALS:
            return False
        return self.after or self.kind in _SPOIL_ANSWERS | {"slow", "shell-lost"}

    def fault(self) -> Fault | None:
        """The SOAP fault in place of the service's own answer."""
        if self.kind not in _FAULTS:
            return None
        subcode, code, provider = _FAULTS[self.kind]
        return Fault(subcode, code, f"The lab's schedule says {self.kind}.", provider=provider, sender=False)

    async def spoil(self, http: web.Request, answer: web.Response) -> web.StreamResponse:
        """What the client gets in place of ``answer``."""
        if self.kind == "http-500":
            return web.Response(status=500)
        if self.kind == "http-503":
            return web.Response(status=503, text=_PAGE.format("Service Unavailable"), content_type="text/html")
        if self.kind == "proxy-page":
            return web.Response(status=self.status, text=_PAGE.format("Proxy"), content_type="text/html")
        body = answer.body if isinstance(answer.body, bytes) else b""
        if self.kind == "truncated":
            answer.body = body[: len(body) // 2]
        elif self.kind == "garbled":
            answer.body = bytes(byte ^ 0x2A if place % 7 == 3 else byte for place, byte in enumerate(body))
        elif self.kind in ("reset", "half-close"):
            await hang_up(http, reset=self.kind == "reset")
        elif self.kind == "short":
            return await cut(http, answer, body)
        return answer


class Schedule:
    """The entries of a machine's schedule, and how many requests each has seen (``winrm-mishaps.json``)."""

    def __init__(self, machine: Machine) -> None:
        self._turns = Turns(JsonFile(machine.state / "winrm-mishaps.json"))
        self._line = ""

    def strikes(self, schedule: t.Sequence[t.Mapping[str, t.Any]], request: Request) -> Mishap | None:
        """The first entry whose turn it is; every matching entry has seen the request then.

        :raises ValueError: an entry of an unknown kind.
        """
        action = request.action.rpartition("/")[2]
        if action == "Command":
            self._line = request.text("rsp:CommandLine/rsp:Command")
        entry = self._turns.take(
            schedule, KINDS, lambda entry: entry.get("on", action) == action and entry.get("line", "") in self._line
        )
        if not entry:
            return None
        return Mishap(entry["kind"], entry.get("after", False), entry.get("seconds", 0.0), entry.get("status", 502))
