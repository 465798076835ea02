# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that was registered in one run of one environment, brought to one verdict."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

from . import agreement, observations
from .badge import check_probe
from .errors import InvalidInput
from .evidence import Finding, Verdict, judge
from .path import LINKS
from .textfile import newest

_LAST_SUCCESS = "pushops_rotation_last_success_timestamp_seconds"
_KEY_STORE = "key-store"
_NAMES = "names"  # asked for as a matter of its own, not by link

Params = t.Mapping[str, t.Any]


def verdict_of(params: Params, now: datetime.datetime) -> Verdict:
    """The verdict over what push_path_verdict was given.

    :raises InvalidInput: a link that is none, or a probe that is not complete.
    """
    findings: list[Finding] = []
    for entry in params["results"]:
        unknown = sorted(set(entry["links"]) - set(LINKS))
        if unknown:
            raise InvalidInput("results.links", unknown, f"some of {', '.join(LINKS)}", "Correct the id")
        findings += judge(entry["asked"], entry["links"], entry["hosts"])
    findings += _observed(params, now)
    wanted = LINKS if params["links"] is None else params["links"]
    findings = [finding for finding in findings if finding.link in wanted or finding.asked == _NAMES]
    probe = params["probe"]
    seen = None if probe is None else check_probe(probe)
    notes = [*params["notes"], *agreement.sentences(findings)]
    return Verdict(tuple(findings), seen, tuple(params["warnings"]), tuple(notes), exchange=params["exchange"])


def _observed(params: Params, now: datetime.datetime) -> t.Iterator[Finding]:
    environment, regions, controller = params["environment"], params["regions"], params["controller"]
    for entry in params["results"]:
        for host, result in entry["hosts"].items():
            if entry["asked"] == "xms":
                yield from agreement.of_xms(host, result, environment)
            if entry["asked"] == _KEY_STORE:
                yield from observations.of_rotation(host, result)
    for host, result in params["exchange"].items():
        yield from observations.of_exchange(host, result, params["client_certificate_auth"])
        yield from agreement.of_bypass(host, result, environment, regions)
    if params["names"] is not None:
        yield from observations.of_names(controller, params["names"])
    if params["ews_probe"] is not None:
        yield observations.of_ews_probe(controller, params["ews_probe"])
    for bundle in params["bundles"]:
        yield from observations.of_bundle(controller, bundle)
        yield observations.of_journal(controller, bundle)
        yield from agreement.of_upload(controller, bundle, environment, regions)
    if params["rotation"]:
        last, most = _last_rotation(params["rotation"]["metrics_path"]), params["rotation"]["most_days"]
        yield observations.of_schedule(controller, last, most, now)


def _last_rotation(path: str) -> float | None:
    """Unix seconds; ``None`` where there is no file, or it says nothing of it."""
    try:
        return newest(pathlib.Path(path).read_text(encoding="utf-8", errors="replace"), _LAST_SUCCESS)
    except OSError:
        return None
