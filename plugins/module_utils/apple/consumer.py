# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate the consumer, the vendor's listener, was seen to use. What a site cannot see is never made up."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from ..core.errors import Refused
from . import gates
from .journal import SEEN, UPLOADED, Journal
from .state import Sighting
from .versions import version_name

IN_USE, NOT_YET_IN_USE, NOT_OBSERVED = "in-use", "not-yet-in-use", "not-observed"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Use:
    """Whether the certificate in service is in use.

    :param sha256: of the certificate that the consumer was seen to use; empty where none was seen.
    :param version: the version that it belongs to; empty where it is none of the store's.
    :param since: ISO 8601: when it was first seen in use, or since when it is uploaded and not; empty where not
        observed.
    """

    status: str
    sentence: str
    sha256: str = ""
    version: str = ""
    since: str = ""


class Observer:
    """Asks the site's command, once in a run: every plan of the run sees the same answer.

    :param command: empty: there is no way to see the consumer.
    """

    def __init__(
        self, command: t.Sequence[str], values: t.Mapping[str, str], timeout: int, secrets: t.Sequence[str]
    ) -> None:
        self._argv = gates.words(command, values)
        self._timeout = timeout
        self._secrets = tuple(secrets)
        self._known: Sighting | None = None

    def look(self) -> Sighting | None:
        """What was seen; ``None`` where nobody looks. A command that fails is no failure of the rotation."""
        if self._argv and self._known is None:
            try:
                self._known = _read(gates.run(gates.CONSUMER, self._argv, self._timeout, self._secrets))
            except Refused as problem:
                self._known = Sighting(why=str(problem))
        return self._known


def _read(output: str) -> Sighting:
    """What the command printed, which is not quoted: it may hold secrets."""
    try:
        document = json.loads(output)
        value = document["sha256"]
    except (ValueError, TypeError, KeyError):
        return Sighting(why='The consumer command did not print {"sha256": "..."}')
    sha256 = str(value or "").replace(":", "").strip().lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        return Sighting(why="The consumer command printed a sha256 that is none")
    return Sighting(sha256=sha256)


def judge(
    version: int, sha256: str, sighting: Sighting | None, journal: Journal, known: t.Mapping[str, int], now: str
) -> Use:
    """Whether the version in service is in use.

    :param sha256: of its certificate.
    :param known: SHA-256 -> version, of all certificates of the store.
    :param now: ISO 8601.
    """
    first = first_seen(version, sha256, journal)
    before = f"; it was seen in use at {first}" if first else ""
    if sighting is None:
        return Use(NOT_OBSERVED, f"No consumer_command says which certificate is in use{before}")
    if sighting.why:
        return Use(NOT_OBSERVED, f"{sighting.why.rstrip('.')}{before}")
    name = version_name(known[sighting.sha256]) if sighting.sha256 in known else ""
    if sighting.sha256 == sha256:
        return Use(IN_USE, f"The consumer uses version {version_name(version)}", sha256, name, first or now)
    uploaded = journal.last(version, UPLOADED)
    since = uploaded.at if uploaded else ""
    other = f"version {name}" if name else f"the certificate {sighting.sha256}, which is none of the store's"
    what = f"uses {other}" if sighting.sha256 else "was not seen to sign in"
    sentence = f"Version {version_name(version)} is uploaded and not yet seen in use; the consumer {what}{before}"
    return Use(NOT_YET_IN_USE, sentence, sighting.sha256, name, since)


def first_seen(version: int, sha256: str, journal: Journal) -> str:
    """When a version's certificate was first seen in use, ISO 8601; empty where it was not."""
    seen = [entry for entry in journal.all(SEEN) if (entry.version, entry.facts.get("sha256")) == (version, sha256)]
    return seen[0].at if seen else ""


def remembered(version: int, sha256: str, journal: Journal) -> Use:
    """What the journal knows of the version in service, where nobody looks now."""
    first, uploaded = first_seen(version, sha256, journal), journal.last(version, UPLOADED)
    if first:
        name = version_name(version)
        return Use(IN_USE, f"The consumer was seen to use version {name} at {first}", sha256, name, first)
    if any(journal.all(SEEN)):
        sentence = f"Version {version_name(version)} is uploaded, and no run has seen it in use yet"
        return Use(NOT_YET_IN_USE, sentence, since=uploaded.at if uploaded else "")
    return Use(NOT_OBSERVED, "No run has seen which certificate is in use")
