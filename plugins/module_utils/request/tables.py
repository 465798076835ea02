# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request as tables: CSV (RFC 4180) for ticket systems and spreadsheets, Markdown for people.

A cell that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP advises ("CSV Injection").
"""

from __future__ import annotations

import csv
import io
import re

from .request import AUTHOR, RENDERED, Request, RequestedFlow

_COLUMNS = (
    "status",
    "rendered by",
    "flow",
    "purpose",
    "protocol",
    "sources",
    "destinations",
    "ports",
    "service name",
    "owner",
    "justification",
    "reference",
    "starts",
    "expires",
    "source of addresses",
    "date of addresses",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")


def render_csv(request: Request) -> str:
    """One line for each flow and family of addresses; lists within a cell are separated by blanks."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for each in request.flows:
        for version in each.versions:
            writer.writerow(map(_cell, _row(request, each, version)))
    return text.getvalue()


def _row(request: Request, each: RequestedFlow, version: int) -> tuple[str, ...]:
    return (
        RENDERED,
        AUTHOR,
        each.flow.name,
        each.purpose,
        "tcp",
        " ".join(each.sources(version)) or "any",
        " ".join(each.destinations(version)),
        " ".join(map(str, each.flow.ports)),
        each.flow.fqdn,
        request.owner,
        request.justification,
        request.reference,
        request.starts.isoformat(),
        request.expires.isoformat(),
        each.source,
        each.date.isoformat(),
    )


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def render_markdown(request: Request) -> str:
    """A page for a ticket or a review."""
    lines = [
        "# Firewall change request",
        "",
        f"**{RENDERED.capitalize()}.** {AUTHOR} wrote this page; what a firewall holds it does not say.",
        "",
        "| | |",
        "|---|---|",
        f"| Owner | {_text(request.owner)} |",
        f"| Justification | {_text(request.justification)} |",
        f"| Reference | {_text(request.reference) or 'none'} |",
        f"| Valid | from {request.starts.isoformat()} to {request.expires.isoformat()} |",
        "",
        "Connections begin at the sources, and replies pass, too. Service names are for people: open the addresses.",
    ]
    for each in request.flows:
        lines += [
            "",
            f"## {_text(each.flow.name)}",
            "",
            f"{_text(each.purpose)}.",
            "",
            "| | |",
            "|---|---|",
            f"| Sources | {_listed(each, 'sources')} |",
            f"| Destinations | {_listed(each, 'destinations')} |",
            f"| TCP ports | {', '.join(map(str, each.flow.ports))} |",
            f"| Service name | {_text(each.flow.fqdn) or 'none'} |",
            f"| Source of the addresses | {_text(each.source)}, {each.date.isoformat()} |",
        ]
    return "\n".join([*lines, ""])


def _listed(each: RequestedFlow, side: str) -> str:
    addresses = [address for version in each.versions for address in getattr(each, side)(version)]
    return "<br>".join(addresses) or "any"


def _text(value: str) -> str:
    """Text that means nothing to Markdown, and no link."""
    return _MARKDOWN.sub(r"\\\1", value).replace("://", ":\\/\\/")
