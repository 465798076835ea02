# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a request in one folder: rendered, compared, written whole, removed. It touches no file of others."""

from __future__ import annotations

import pathlib
import typing as t

from ..core import files
from ..core.errors import InvalidInput, UnexpectedState
from ..core.reconcile import Change, Plan, Resource
from .asa import render_asa
from .fortios import render_fortios
from .request import AUTHOR, RENDERED, Request
from .tables import render_csv, render_markdown

#: By format: the file, and what renders it.
FORMATS: dict[str, tuple[str, t.Callable[[Request], str]]] = {
    "csv": ("push-flows.csv", render_csv),
    "markdown": ("push-flows.md", render_markdown),
    "asa": ("push-flows.asa.txt", render_asa),
    "fortios": ("push-flows.fortios.txt", render_fortios),
}

_LARGEST = 64 << 20
_State: t.TypeAlias = "dict[str, str | None]"


class Package(Resource[_State]):
    """What a folder holds of a request.

    :param request: what to render; ``None`` for nothing, so that the files go away.
    :param formats: which files there should be; others of this module's go away.
    """

    def __init__(self, folder: pathlib.Path, request: Request | None, formats: t.Collection[str]) -> None:
        self._folder = folder
        self.header = str(folder)
        self.wanted: _State = {
            name: render(request) if request and form in formats else None for form, (name, render) in FORMATS.items()
        }

    def read(self) -> _State:
        """The text of each file, ``None`` where there is none.

        :raises InvalidInput: the folder is none.
        :raises UnexpectedState: a file of that name which this module did not write.
        """
        if self._folder.exists() and not self._folder.is_dir():
            raise InvalidInput("path", str(self._folder), "a folder", "Name another one, or move away what is there")
        return {name: self._present(self._folder / name) for name in self.wanted}

    def _present(self, path: pathlib.Path) -> str | None:
        content = files.read(path, _LARGEST)
        if content is None:
            return None
        text = content.decode("utf-8", errors="replace")
        if AUTHOR not in text or RENDERED not in text.lower():
            raise UnexpectedState(
                f"{path} is there, but {AUTHOR} did not write it", "Move it away, or name another folder"
            )
        return text

    def plan(self, present: _State) -> Plan:
        return Plan(
            tuple(
                Change(name, _lines(present[name]), _lines(wanted), action=(name, wanted))
                for name, wanted in self.wanted.items()
                if present[name] != wanted
            )
        )

    def apply(self, plan: Plan) -> None:
        for change in plan.changes:
            name, text = change.action
            if text is None:
                files.remove(self._folder / name)
            else:
                files.make_folder(self._folder, 0o755)
                files.replace(self._folder / name, text.encode("utf-8"), 0o644)

    def paths(self) -> dict[str, str]:
        """By format: where its file is."""
        return {form: str(self._folder / name) for form, (name, _render) in FORMATS.items() if self.wanted[name]}


def _lines(text: str | None) -> list[str] | None:
    return None if text is None else text.splitlines()
