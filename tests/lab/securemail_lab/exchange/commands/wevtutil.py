# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wevtutil qe`` over the machine's Application log."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from ..events import CHANNEL, Event, EventLog
from ..machine import CommandResult
from .event_query import InvalidQuery, compile_query
from .session import Session, Stdin

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
#: Windows error codes, which wevtutil exits with: ERROR_EVT_INVALID_QUERY, ERROR_EVT_CHANNEL_NOT_FOUND.
INVALID_QUERY, CHANNEL_NOT_FOUND, INVALID_PARAMETER = 15001, 15007, 87

_LEVELS = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information", 5: "Verbose"}
_OPTION = re.compile(r"[-/](\w+)(?::(.*))?", re.S)
_LONG = {"q": "query", "c": "count", "f": "format", "rd": "reversedirection", "e": "element", "uni": "unicode"}


def run(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    verb = arguments[0].lower() if arguments else ""
    if verb not in ("qe", "query-events") or len(arguments) < 2:
        return session.fail(f"Command {verb} is not supported by the lab; it knows: wevtutil qe", INVALID_PARAMETER)
    options: dict[str, str] = {}
    for argument in arguments[2:]:
        found = _OPTION.fullmatch(argument)
        name = _LONG.get(found[1].lower(), found[1].lower()) if found else ""
        if found is None or name not in _LONG.values():
            return session.fail(f"Invalid option {argument}. Option is not supported.", INVALID_PARAMETER)
        options[name] = found[2] or ""
    if arguments[1].lower() != CHANNEL.lower():
        return session.fail("Failed to read events. The specified channel could not be found.", CHANNEL_NOT_FOUND)
    return _query(session, options)


def _query(session: Session, options: dict[str, str]) -> CommandResult:
    count, style = options.get("count", ""), options.get("format", "xml").lower()
    if style not in ("xml", "text", "renderedxml") or not (count.isdigit() or "count" not in options):
        return session.fail("The parameter is incorrect.", INVALID_PARAMETER)
    try:
        query = compile_query(options.get("query", "*"))
    except InvalidQuery:
        return session.fail("Failed to read events. The specified query is invalid.", INVALID_QUERY)
    now, computer = session.machine.now, session.machine.name
    events = [event for event in EventLog(session.machine).read() if query.matches(_element(event, computer), now)]
    if options.get("reversedirection", "").lower() == "true":
        events.reverse()
    events = events[: int(count)] if count else events
    if style == "text":
        return session.done("".join(_text(number, event, computer) for number, event in enumerate(events)))
    lines = [_xml(event, computer, rendered=style == "renderedxml") for event in events]
    if "element" in options:
        lines = [f"<{options['element']}>", *lines, f"</{options['element']}>"]
    return session.done("".join(f"{line}\r\n" for line in lines))


def _element(event: Event, computer: str) -> ET.Element:
    root = ET.Element("Event")
    system = ET.SubElement(root, "System")
    ET.SubElement(system, "Provider", Name=event.provider)
    for name, number in (("EventID", event.event_id), ("Level", event.level), ("Task", 0)):
        ET.SubElement(system, name).text = str(number)
    ET.SubElement(system, "Keywords").text = "0x80000000000000"
    ET.SubElement(system, "TimeCreated", SystemTime=f"{event.time:%Y-%m-%dT%H:%M:%S.%f}000Z")
    for name, text in (("EventRecordID", str(event.record)), ("Channel", CHANNEL), ("Computer", computer)):
        ET.SubElement(system, name).text = text
    ET.SubElement(system, "Security")
    ET.SubElement(ET.SubElement(root, "EventData"), "Data").text = event.message
    return root


def _xml(event: Event, computer: str, rendered: bool) -> str:
    root = _element(event, computer)
    root.set("xmlns", NAMESPACE)
    if rendered:
        information = ET.SubElement(root, "RenderingInfo", Culture="en-US")
        ET.SubElement(information, "Message").text = event.message
        ET.SubElement(information, "Level").text = _LEVELS.get(event.level, "")
    return ET.tostring(root, encoding="unicode").replace("\r", "&#13;")


def _text(number: int, event: Event, computer: str) -> str:
    return (
        f"Event[{number}]\r\n  Log Name: {CHANNEL}\r\n  Source: {event.provider}\r\n"
        f"  Date: {event.time:%Y-%m-%dT%H:%M:%S.%f}0Z\r\n  Event ID: {event.event_id}\r\n  Task: N/A\r\n"
        f"  Level: {_LEVELS.get(event.level, 'N/A')}\r\n  Opcode: Info\r\n  Keyword: Classic\r\n  User: N/A\r\n"
        f"  User Name: N/A\r\n  Computer: {computer}\r\n  Description: \r\n{event.message}\r\n\r\n"
    )
