# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``netsh advfirewall firewall add|set|delete|show rule`` on the registry's rule strings.

Syntax: Microsoft's netsh advfirewall reference. Texts follow the display language; exit codes do not.
"""

from __future__ import annotations

import ipaddress
import uuid

from ..firewall import LOCAL_POLICY, RULES, Rule
from ..machine import CommandResult
from ..registry import Registry
from .netsh_rule import FIELDS, BadParameter, Fields, build, fields_of, ports_without_protocol
from .session import Session, Stdin

KEY = rf"{LOCAL_POLICY}\{RULES}"
#: Parameters that choose rules in set and delete.
_CHOOSING = (
    "name", "dir", "profile", "program", "service", "localip", "remoteip", "localport", "remoteport", "protocol",
)  # fmt: skip
_LABELS = {
    "en": (
        "Rule Name:", "Enabled:", "Direction:", "Profiles:", "Grouping:", "LocalIP:", "RemoteIP:", "Protocol:",
        "LocalPort:", "RemotePort:", "Edge traversal:", "Action:", "Description:", "Program:", "Service:",
    ),
    "de": (
        "Regelname:", "Aktiviert:", "Richtung:", "Profile:", "Gruppierung:", "Lokales IP:", "Remote-IP:", "Protokoll:",
        "Lokaler Port:", "Remoteport:", "Edgeausnahme:", "Aktion:", "Beschreibung:", "Programm:", "Dienst:",
    ),
}  # fmt: skip
_GERMAN = {"Yes": "Ja", "No": "Nein", "In": "Eingehend", "Out": "Ausgehend", "Any": "Beliebig"} | {
    "Allow": "Zulassen",
    "Block": "Blocken",
}


def run(session: Session, arguments: list[str], stdin: Stdin) -> CommandResult:
    words = [word.lower() for word in arguments[:4]]
    if words[:2] != ["advfirewall", "firewall"] or words[3:] != ["rule"] or words[2] not in _VERBS:
        line = " ".join(arguments)
        return session.done(f"The following command was not found: {line}.\r\n", 1)
    try:
        return _VERBS[words[2]](session, arguments[4:])
    except BadParameter as refused:
        return session.done(f"\r\n{refused}\r\n\r\n", 1)


def _parameters(words: list[str], allowed: tuple[str, ...] = tuple(FIELDS)) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name.lower() not in allowed or name.lower() in parameters:
            raise BadParameter(f"'{word}' is not a valid argument for this command.")
        parameters[name.lower()] = value
    return parameters


def _add(session: Session, words: list[str]) -> CommandResult:
    parameters = _parameters(words)
    if not {"name", "dir", "action"} <= set(parameters):
        raise BadParameter("One or more essential parameters were not entered.")
    fields: Fields = [] if "enable" in parameters else [("Active", "TRUE")]
    for name, value in parameters.items():
        fields += fields_of(name, value)
    rule = build(fields)
    _accept(rule)
    identity = f"{{{str(uuid.uuid4()).upper()}}}"
    Registry(session.machine).set(KEY, identity, str(rule))
    return session.done(f"{session.text('ok')}\r\n\r\n")


def _set(session: Session, words: list[str]) -> CommandResult:
    lower = [word.lower() for word in words]
    if "new" not in lower:
        raise BadParameter("One or more essential parameters were not entered.")
    at = lower.index("new")
    chosen = _chosen(session, words[:at])
    changes = _parameters(words[at + 1 :])
    updated = {}
    for identity, rule in chosen.items():
        gone = {field for name in changes for field in FIELDS[name]}
        fields = [field for field in rule.fields if field[0] not in gone]
        for name, value in changes.items():
            fields += fields_of(name, value)
        updated[identity] = build(fields, rule.version)
        _accept(updated[identity])
    if not updated:
        return _none(session)
    for identity, rule in updated.items():
        Registry(session.machine).set(KEY, identity, str(rule))
    return session.done(f"\r\n{session.text('updated', len(updated))}\r\n{session.text('ok')}\r\n\r\n")


def _delete(session: Session, words: list[str]) -> CommandResult:
    chosen = _chosen(session, words)
    if not chosen:
        return _none(session)
    for identity in chosen:
        Registry(session.machine).delete(KEY, identity)
    return session.done(f"\r\n{session.text('deleted', len(chosen))}\r\n{session.text('ok')}\r\n\r\n")


def _show(session: Session, words: list[str]) -> CommandResult:
    verbose = bool(words) and words[-1].lower() == "verbose"
    chosen = _chosen(session, words[:-1] if verbose else words)
    if not chosen:
        return _none(session)
    shown = "".join(f"\r\n{_listing(session, rule, verbose)}" for rule in chosen.values())
    return session.done(f"{shown}{session.text('ok')}\r\n\r\n")


_VERBS = {"add": _add, "set": _set, "delete": _delete, "show": _show}


def _accept(rule: Rule) -> None:
    if ports_without_protocol(rule):
        raise BadParameter("A port can be specified only if the protocol is TCP or UDP.")


def _none(session: Session) -> CommandResult:
    return session.done(f"\r\n{session.text('no_rules')}\r\n\r\n", 1)


def _chosen(session: Session, words: list[str]) -> dict[str, Rule]:
    """Rules by value name that fit every given parameter; names are compared without case and need not be unique."""
    parameters = _parameters(words, _CHOOSING)
    if "name" not in parameters:
        raise BadParameter("One or more essential parameters were not entered.")
    name = parameters.pop("name").lower()
    wanted = {fields: fields_of(given, value) for given, value in parameters.items() for fields in [FIELDS[given]]}
    found = {}
    for identity, (_rest, data) in Registry(session.machine).values(KEY).items():
        rule = Rule.parse(str(data))
        if rule is None or name not in ("all", rule.first("Name").lower()):
            continue
        if all(sorted(f for f in rule.fields if f[0] in fields) == sorted(given) for fields, given in wanted.items()):
            found[identity] = rule
    return found


def _listing(session: Session, rule: Rule, verbose: bool) -> str:
    labels = _LABELS["de" if session.german else "en"]
    protocol = {"6": "TCP", "17": "UDP", "1": "ICMPv4", "58": "ICMPv6", "": "Any"}
    values = [
        rule.first("Name"),
        "Yes" if rule.first("Active") == "TRUE" else "No",
        rule.first("Dir"),
        ",".join(rule.all("Profile") or ["Domain", "Private", "Public"]),
        rule.first("EmbedCtxt"),
        _addresses(rule.all("LA4", "LA6")),
        _addresses(rule.all("RA4", "RA6")),
        protocol.get(rule.first("Protocol"), rule.first("Protocol")),
    ]
    lines = list(zip(labels, values, strict=False))
    if rule.first("Protocol") in ("6", "17"):
        lines.append((labels[8], ",".join(rule.all("LPort", "LPort2_10")) or "Any"))
        lines.append((labels[9], ",".join(rule.all("RPort", "RPort2_10")) or "Any"))
    lines.append((labels[10], "Yes" if rule.first("Edge") == "TRUE" else "No"))
    if verbose:
        lines[1:1] = [(labels[12], rule.first("Desc"))] if rule.first("Desc") else []
        lines += [(labels[13], rule.first("App"))] if rule.first("App") else []
        lines += [(labels[14], rule.first("Svc"))] if rule.first("Svc") else []
    lines.append((labels[11], rule.first("Action")))
    words = _GERMAN if session.german else {}
    head, *rest = [f"{label:<38}{words.get(value, value)}\r\n" for label, value in lines]
    return "".join([head, "-" * 70, "\r\n", *rest])


def _addresses(entries: list[str]) -> str:
    """As netsh prints them: each with its prefix length, a keyword once though it stands for both families."""
    shown = []
    for entry in entries:
        text = entry if "-" in entry or entry.isalpha() else str(ipaddress.ip_network(entry, strict=False))
        if text not in shown:
            shown.append(text)
    return ",".join(shown) or "Any"
