# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of ``push_report`` to files, and from those to its result."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core import files
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.textfile import check_metrics_path

from . import junit, prometheus
from .actions import actions
from .drift import drift
from .history import INDEX, History, Run, kept, read_evidence
from .page import index_page, run_page

ARGUMENTS = {
    "evidence": {"type": "list", "elements": "path", "required": True},
    "path": {"type": "path", "required": True},
    "keep": {"type": "int", "default": 100},
    "junit_path": {"type": "path"},
    "metrics_path": {"type": "path"},
}


class Report:
    """One task's report.

    :param params: the module's parameters, by the names that its documentation gives.
    :raises InvalidInput: an argument that cannot be right; nothing is written then.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        if params["keep"] < 1:
            raise InvalidInput("keep", params["keep"], "at least 1", "Name how many runs stay")
        if params["junit_path"] and junit.junitparser is None:
            raise InvalidInput(
                "junit_path", params["junit_path"], "none without junitparser", "Install requirements/controller.txt"
            )
        self._history = History(params["path"], params["keep"])
        self._history.check()
        self._folder = pathlib.Path(params["path"])
        self._run, self.warnings = read_evidence(params["evidence"])
        self._single = self._single_files(params["junit_path"], check_metrics_path(params["metrics_path"]))

    def _single_files(self, junit_path: str | None, metrics_path: pathlib.Path | None) -> dict[pathlib.Path, bytes]:
        found = {}
        if junit_path:
            path = pathlib.Path(junit_path)
            if not path.parent.is_dir():
                raise InvalidInput("junit_path", junit_path, "a file in a folder that exists", "Make the folder first")
            found[path] = junit.junit(self._run.documents)
        if metrics_path:
            found[metrics_path] = prometheus.metrics(self._run.documents)
        return found

    def make(self, check_mode: bool) -> dict[str, t.Any]:
        """Write what differs; returns the module's result."""
        known, left_out = self._history.runs()
        earlier = [run for run in known if run.name < self._run.name]
        later = [run for run in known if run.name > self._run.name]
        changes = {each["environment"]["name"]: _since(each, earlier) for each in self._run.documents}
        runs = [*later, self._run, *earlier]
        contents = {
            f"{self._run.name}.json": kept(self._run),
            self._run.page: run_page(self._run, changes, self.warnings),
            INDEX: index_page(runs[: self._history.keep], left_out),
        }
        differing = self._history.differing(contents)
        stale = {path: content for path, content in self._single.items() if files.read(path) != content}
        if not check_mode:
            self._history.write({name: contents[name] for name in differing})
            self._history.forget(runs)
            for path, content in stale.items():
                files.replace(path, content, 0o644)
        return {
            "changed": bool(differing or stale),
            "page": str(self._folder / self._run.page),
            "index": str(self._folder / INDEX),
            "sound": all(document["sound"] for document in self._run.documents),
            "environments": [document["environment"]["name"] for document in self._run.documents],
            "drift": {name: changed or [] for name, changed in changes.items()},
            "actions": [f"{each.environment}: {each.about}: {each.remedy}" for each in actions(self._run.documents)],
        }


def _since(document: t.Mapping[str, t.Any], earlier: t.Sequence[Run]) -> list[str] | None:
    """What changed since the last run that verified this environment; none where there was no such run."""
    name = document["environment"]["name"]
    before = next((found for run in earlier if (found := run.of(name)) is not None), None)
    return None if before is None else drift(before, dict(document))
