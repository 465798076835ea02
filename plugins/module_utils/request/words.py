# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and comments that are safe on any firewall's command line."""

from __future__ import annotations

import re

from .request import AUTHOR, RENDERED, Request

#: What neither a shell of a firewall nor its help, history or quoting takes for its own.
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:;/()@_+-]")


def comment(text: str, longest: int) -> str:
    """Free text as a comment: characters that could mean something become ``_``, and the rest is cut off."""
    return _UNSAFE.sub("_", text)[:longest].rstrip()


def object_name(*parts: object) -> str:
    """The name of an object that the request brings along."""
    return "_".join(["pushops", *map(str, parts)])


def until(request: Request) -> str:
    """The name of the object that ends the request."""
    return object_name("until", f"{request.expires:%Y%m%d}")


def header(request: Request, mark: str, product: str, *hints: str) -> list[str]:
    """The comment lines at the head of a file; ``mark`` begins a comment of the product."""
    lines = [
        f"{product}: {RENDERED}. {AUTHOR} wrote this file; what the firewall holds it does not say.",
        f"Owner: {request.owner}",
        f"Justification: {request.justification}",
        *([f"Reference: {request.reference}"] if request.reference else []),
        f"Valid: {request.starts.isoformat()} to {request.expires.isoformat()}",
        *hints,
    ]
    for each in request.flows:
        lines.append(f"{each.flow.name}: {each.purpose}")
        lines.append(f"{each.flow.name}: addresses from {each.source}, {each.date.isoformat()}")
    return [f"{mark} {comment(line, 600)}" for line in lines]
