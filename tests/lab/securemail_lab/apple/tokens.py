# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device tokens that APNs knows, each with its app and the last push that waits for it."""

from __future__ import annotations

import typing as t

from ..lab import Lab
from ..state import JsonFile

Push = dict[str, t.Any]


class Tokens:
    """``state/apns/tokens.json``: token -> {bundle_id, waiting}."""

    def __init__(self, lab: Lab) -> None:
        self._file = JsonFile(lab.state("apns") / "tokens.json")

    def bundle_id(self, token: str) -> str | None:
        """The app that a token belongs to, none for an unknown token."""
        known = self._file.read().get(token)
        return str(known["bundle_id"]) if known else None

    def announce(self, token: str, bundle_id: str) -> Push | None:
        """A device is there with its token; returns the push that waited for it, once."""
        with self._file.edit() as tokens:
            known = tokens.setdefault(token, {"bundle_id": bundle_id, "waiting": None})
            known["bundle_id"], waiting, known["waiting"] = bundle_id, known["waiting"], None
        return t.cast("Push | None", waiting)

    def keep(self, token: str, push: Push) -> None:
        """Keep a push for a device that is away; only the last one is kept."""
        with self._file.edit() as tokens:
            tokens[token]["waiting"] = push
