# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management envelopes: requests taken apart, replies and faults built. Source: MS-WSMV, DSP0226."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import uuid
from xml.sax.saxutils import escape, quoteattr

import defusedxml.ElementTree as DefusedTree

if t.TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SHELL_RESOURCE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
WSMAN_FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "x": TRANSFER,
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": SHELL,
}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class NotSoap(ValueError):
    """The body is no WS-Management request."""


@dataclasses.dataclass(eq=False)
class Fault(Exception):
    """A WS-Management fault. ``code`` is the Windows error number; ``provider`` says that WMI reports it."""

    subcode: str
    code: int
    message: str
    provider: bool = False
    sender: bool = True


@dataclasses.dataclass(frozen=True)
class Request:
    """One request: what it asks, and the body to read the rest from."""

    action: str
    resource: str
    message_id: str
    shell_id: str
    options: t.Mapping[str, str]
    operation_timeout: float
    max_envelope: int
    body: Element

    @classmethod
    def parse(cls, content: bytes) -> Request:
        """:raises NotSoap: not XML, or without the headers that every request has."""
        try:
            envelope = DefusedTree.fromstring(content)
        except (DefusedTree.ParseError, ValueError) as error:
            raise NotSoap(str(error)) from error
        header, body = envelope.find("s:Header", NAMESPACES), envelope.find("s:Body", NAMESPACES)
        if header is None or body is None:
            raise NotSoap("no header or no body")
        selectors = header.findall("w:SelectorSet/w:Selector", NAMESPACES)
        options = header.findall("w:OptionSet/w:Option", NAMESPACES)
        size = _text(header, "w:MaxEnvelopeSize")
        return cls(
            action=_text(header, "a:Action"),
            resource=_text(header, "w:ResourceURI"),
            message_id=_text(header, "a:MessageID"),
            shell_id=next((node.text or "" for node in selectors if node.get("Name") == "ShellId"), ""),
            options={node.get("Name", "").upper(): node.text or "" for node in options},
            operation_timeout=seconds(_text(header, "w:OperationTimeout"), 60.0),
            max_envelope=int(size) if size.isdigit() else 153600,
            body=body,
        )

    def find(self, path: str) -> Element | None:
        return self.body.find(path, NAMESPACES)

    def text(self, path: str) -> str:
        return _text(self.body, path)


def _text(node: Element, path: str) -> str:
    return (node.findtext(path, "", NAMESPACES) or "").strip()


def seconds(duration: str, default: float) -> float:
    """An XML duration (``PT20S``) in seconds, or the default where there is none."""
    found = _DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        return default
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def reply(request: Request, action: str, body: str) -> bytes:
    """An envelope around a body that is XML already; prefixes are those of ``NAMESPACES``."""
    return _envelope(action, request.message_id, body)


def fault_reply(message_id: str, fault: Fault, machine: str) -> bytes:
    """The fault's envelope; HTTP sends it with status 500."""
    message = escape(fault.message)
    detail = (
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{fault.code}" '
        f"Machine={quoteattr(machine)}><f:Message>{message}</f:Message></f:WSManFault>"
    )
    if fault.provider:
        detail = (
            '<m:MSFT_WmiError xmlns:m="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError">'
            f"<m:CIMStatusCode>27</m:CIMStatusCode><m:Message>{message}</m:Message>"
            f"<m:error_Category>30</m:error_Category><m:error_Code>{fault.code}</m:error_Code>"
            f"<m:error_Type>HRESULT</m:error_Type></m:MSFT_WmiError>"
        )
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{message}</s:Text></s:Reason>'
        f"<s:Detail>{detail}</s:Detail></s:Fault>"
    )
    return _envelope(ADDRESSING_FAULT if fault.subcode.startswith("a:") else WSMAN_FAULT, message_id, body)


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        f'<s:Envelope xml:lang="en-US" {declared}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()
