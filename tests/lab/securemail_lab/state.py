# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""State on disk: services read it for every decision, so an edit by hand acts at once."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import tempfile
import typing as t


def write_atomically(path: pathlib.Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


class JsonFile:
    """A JSON document in one file, shared by processes.

    ``read`` is always the file's present content; ``edit`` holds a lock, yields the document and writes it back.
    """

    def __init__(self, path: pathlib.Path, default: t.Any = None) -> None:
        self.path = path
        self._default = {} if default is None else default

    def read(self) -> t.Any:
        try:
            return json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return json.loads(json.dumps(self._default))

    def write(self, document: t.Any) -> None:
        write_atomically(self.path, json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")

    @contextlib.contextmanager
    def edit(self) -> t.Iterator[t.Any]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.path.with_name(f".{self.path.name}.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = self.read()
            yield document
            self.write(document)


class Faults:
    """What is broken about a service right now, by an edit of its ``faults.json``.

    ``"times": n`` beside a fault ends it after n requests; ``expire_sessions`` is over once it was met.
    """

    def __init__(self, file: JsonFile) -> None:
        self._file = file

    def peek(self) -> dict[str, t.Any]:
        """The fault that waits; not counted."""
        present: dict[str, t.Any] = self._file.read()
        return present

    def take(self) -> dict[str, t.Any]:
        """The fault that meets this request, counted."""
        present = self.peek()
        if not present.keys() & {"times", "expire_sessions"}:
            return present
        with self._file.edit() as document:
            present = dict(document)
            document.pop("expire_sessions", None)
            if "times" in document:
                document["times"] -= 1
                if document["times"] <= 0:
                    document.clear()
        return present


def append_line(path: pathlib.Path, line: str) -> None:
    """Add a line to a log, whole even where several processes write."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
