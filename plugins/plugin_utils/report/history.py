# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of reports: a page and its evidence for each run, and an index over them."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.pushops.securemail.plugins.module_utils.core import files
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, UnexpectedState
from ansible_collections.pushops.securemail.plugins.module_utils.core.evidence_document import Document, check, parse

INDEX = "index.html"
_LARGEST = 256 << 20  # bytes of evidence of one run, far above hundreds of hosts
_NAME = re.compile(r"^run-[0-9]{8}T[0-9]{6}Z\.json$")
_READABLE = 0o644


def moment(text: str) -> datetime.datetime:
    """A time of the evidence; UTC where it does not say."""
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Run:
    """What one run found, in one or several environments. ``name`` is that of its files, without an ending."""

    name: str
    documents: tuple[Document, ...]

    @property
    def page(self) -> str:
        return f"{self.name}.html"

    @property
    def ended(self) -> str:
        return max((str(document["ended"]) for document in self.documents), key=moment)

    def of(self, environment: str) -> Document | None:
        return next((each for each in self.documents if each["environment"]["name"] == environment), None)


def read_evidence(paths: t.Sequence[str]) -> tuple[Run, list[str]]:
    """The evidence files of one run, and a sentence for each that is not there.

    :raises InvalidInput: none of them is there, or two are of environments with one name.
    :raises UnexpectedState: one cannot be read.
    """
    documents, missing = [], []
    for path in paths:
        content = files.read(pathlib.Path(path), _LARGEST)
        if content is None:
            missing.append(f"There is no evidence at {path}: that environment came to no verdict")
        else:
            documents.append(parse(path, content))
    if not documents:
        raise InvalidInput("evidence", list(paths), "files that verify wrote", "Run playbooks/verify.yml first")
    names = [document["environment"]["name"] for document in documents]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInput(
            "evidence", twice, "one file for each environment", "Give each environment a push_environment_name"
        )
    return Run(_name(max(moment(document["ended"]) for document in documents)), tuple(documents)), missing


def _name(ended: datetime.datetime) -> str:
    return f"run-{ended.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}"


class History:
    """The folder of reports.

    :param keep: how many runs stay.
    """

    def __init__(self, folder: str, keep: int) -> None:
        self._folder = pathlib.Path(folder)
        self.keep = keep

    def check(self) -> None:
        """
        :raises InvalidInput: the folder cannot be written; found before anything is.
        """
        nearest = self._folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise InvalidInput(
                "path", str(self._folder), "a folder that can be written", f"Look at the permissions of {nearest}"
            )

    def runs(self) -> tuple[list[Run], list[str]]:
        """The runs that are kept, newest first, and a sentence for each file that cannot be read."""
        found, left_out = [], []
        for path in sorted(self._folder.glob("run-*.json"), reverse=True):
            if not _NAME.match(path.name):
                continue
            try:
                content = json.loads(files.read(path, _LARGEST) or b"")
                documents = tuple(check(str(path), document) for document in content["environments"])
                found.append(Run(path.stem, documents))
            except UnexpectedState as problem:
                left_out.append(str(problem))
            except (ValueError, KeyError, TypeError):
                left_out.append(f"{path} is no run of this report")
        return found, left_out

    def differing(self, contents: t.Mapping[str, bytes]) -> list[str]:
        """Names of the files that do not hold this yet."""
        return [name for name, content in contents.items() if files.read(self._folder / name, _LARGEST) != content]

    def write(self, contents: t.Mapping[str, bytes]) -> None:
        """Write files, each whole, in the order given; the index comes last."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            files.replace(self._folder / name, content, _READABLE)

    def forget(self, runs: t.Sequence[Run]) -> list[str]:
        """Remove what is older than the newest runs to keep. ``runs`` are all there are, newest first."""
        gone = [run.name for run in runs[self.keep :]]
        for name in gone:
            for ending in (".html", ".json"):
                with contextlib.suppress(FileNotFoundError):
                    (self._folder / f"{name}{ending}").unlink()
        return gone


def kept(run: Run) -> bytes:
    """A run as it is kept."""
    return (json.dumps({"environments": run.documents}, indent=1) + "\n").encode()
