# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages out of evidence. Every value is escaped by Jinja2, and the page allows nothing but its own style and script."""

from __future__ import annotations

import base64
import datetime
import hashlib
import pathlib
import typing as t
from dataclasses import dataclass

import jinja2

from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document

from . import drawing, timeline
from .actions import actions
from .history import INDEX, Run, moment

_TEMPLATES = pathlib.Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Row:
    """One environment's line in the index."""

    run: Run
    sound: int
    broken: tuple[tuple[str, str], ...]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = lambda text: f"{moment(text).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    return environment


def _source(text: str) -> str:
    """A source expression of a Content-Security-Policy that allows exactly this text."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _render(template: str, script: str, **values: t.Any) -> bytes:
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    allowed = [f"style-src {_source(style)}", f"script-src {_source(script)}" if script else "script-src 'none'"]
    policy = "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])
    rendered = (
        _environment()
        .get_template(template)
        .render(policy=policy, style=style, script=script, symbols=drawing.SYMBOLS, **values)
    )
    return rendered.encode()


def run_page(run: Run, changes: t.Mapping[str, list[str] | None], missing: t.Sequence[str]) -> bytes:
    """The page of one run.

    :param changes: by name of the environment, what differs from its last run; ``None`` where there was none.
    :param missing: a sentence for each environment that came to no verdict.
    """
    documents = run.documents
    return _render(
        "page.html.j2",
        (_TEMPLATES / "table.js").read_text(encoding="utf-8"),
        run=run,
        documents=documents,
        actions=actions(documents),
        changes=changes,
        bars=timeline.bars(documents),
        span=timeline.SPAN,
        drawing=drawing,
        missing=missing,
        index=INDEX,
    )


def index_page(runs: t.Sequence[Run], left_out: t.Sequence[str]) -> bytes:
    """The page over all runs, newest first.

    :param left_out: sentences about files that could not be read.
    """
    rows = [
        Row(
            run,
            sum(document["sound"] for document in run.documents),
            tuple(
                (document["environment"]["name"], _trouble(document))
                for document in run.documents
                if _trouble(document)
            ),
        )
        for run in runs
    ]
    return _render("index.html.j2", "", rows=rows, left_out=left_out)


def _trouble(document: Document) -> str:
    """Why an environment is not sound, in a few words; empty where it is."""
    if document["sound"]:
        return ""
    parts = [*document.get("broken", [])] + [f"{link} not tested" for link in document.get("not_tested", [])]
    if document["badge"] in ("missing", "carries content"):
        parts.append(f"badge {document['badge']}")
    return ", ".join(parts)
