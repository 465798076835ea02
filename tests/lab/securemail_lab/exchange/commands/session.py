# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running cmd.exe knows besides the machine: code page, current directory, variables, last exit code."""

from __future__ import annotations

import dataclasses
import ntpath
import pathlib
import re
import typing as t

from ...state import JsonFile
from ..machine import CommandResult, Machine

#: Reads all of standard input; waits until its writer has closed it.
Stdin = t.Callable[[], bytes]
#: A program gets its arguments without its own name.
Program = t.Callable[["Session", list[str], Stdin], CommandResult]
#: An internal command gets the rest of the line as it was typed.
Internal = t.Callable[["Session", str, Stdin], CommandResult]

UTF8 = 65001
_VARIABLE = re.compile(r"%([^%]+)%")
_DELAYED = re.compile(r"!([^!]+)!")

_TEXTS = {
    "en": {
        "not_recognized": "'{}' is not recognized as an internal or external command,\r\n"
        "operable program or batch file.",
        "no_path": "The system cannot find the path specified.",
        "no_file": "The system cannot find the file specified.",
        "bad_name": "The filename, directory name, or volume label syntax is incorrect.",
        "bad_syntax": "The syntax of the command is incorrect.",
        "denied": "Access is denied.",
        "disk_full": "There is not enough space on the disk.",
        "no_key": "ERROR: The system was unable to find the specified registry key or value.",
        "done": "The operation completed successfully.",
        "line_too_long": "Line {} is too long.",
        "ok": "Ok.",
        "updated": "Updated {} rule(s).",
        "deleted": "Deleted {} rule(s).",
        "no_rules": "No rules match the specified criteria.",
    },
    "de": {
        "not_recognized": 'Der Befehl "{}" ist entweder falsch geschrieben oder\r\nkonnte nicht gefunden werden.',
        "no_path": "Das System kann den angegebenen Pfad nicht finden.",
        "no_file": "Das System kann die angegebene Datei nicht finden.",
        "bad_name": "Die Syntax f\xfcr den Dateinamen, Verzeichnisnamen oder die Datentr\xe4gerbezeichnung ist falsch.",
        "bad_syntax": "Syntaxfehler.",
        "denied": "Zugriff verweigert",
        "disk_full": "Es steht nicht genug Speicherplatz auf dem Datentr\xe4ger zur Verf\xfcgung.",
        "no_key": "FEHLER: Der angegebene Registrierungsschl\xfcssel bzw. Wert wurde nicht gefunden.",
        "done": "Der Vorgang wurde erfolgreich beendet.",
        "line_too_long": "Zeile {} ist zu lang.",
        "ok": "OK.",
        "updated": "{} Regel(n) aktualisiert.",
        "deleted": "{} Regel(n) gel\xf6scht.",
        "no_rules": "Es stimmen keine Regeln mit den angegebenen Kriterien \xfcberein.",
    },
}


class Failed(Exception):
    """A command that ends here, with this result."""

    def __init__(self, result: CommandResult) -> None:
        super().__init__(result)
        self.result = result


@dataclasses.dataclass
class Session:
    """One cmd.exe. ``variables`` are those of the shell, keys in lower case; they stand before the machine's."""

    machine: Machine
    codepage: int = UTF8
    directory: str = r"C:\Windows\System32"
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    errorlevel: int = 0
    delayed: bool = False

    # --- text

    @property
    def german(self) -> bool:
        """The display language, from ``machine.json``."""
        return bool(JsonFile(self.machine.state / "machine.json").read().get("language") == "de")

    def text(self, key: str, *values: object) -> str:
        return _TEXTS["de" if self.german else "en"][key].format(*values)

    def encode(self, text: str) -> bytes:
        """Text in the session's code page; what it lacks becomes ``?``, as on Windows."""
        return text.encode(self._codec, "replace")

    def decode(self, content: bytes) -> str:
        return content.decode(self._codec, "replace")

    @property
    def _codec(self) -> str:
        return "utf-8" if self.codepage == UTF8 else f"cp{self.codepage}"

    def done(self, text: str = "", rc: int = 0) -> CommandResult:
        return CommandResult(rc, stdout=self.encode(text))

    def fail(self, text: str, rc: int = 1) -> CommandResult:
        """A message with its line end on standard error."""
        return CommandResult(rc, stderr=self.encode(f"{text}\r\n"))

    def failed(self, key: str, *values: object) -> Failed:
        """A message of the system, to raise."""
        return Failed(self.fail(self.text(key, *values)))

    # --- variables

    def variable(self, name: str) -> str | None:
        own = {"cd": self.directory, "errorlevel": str(self.errorlevel), "path": r"C:\Windows\System32;C:\Windows"}
        for source in (self.variables, own, self.machine.environment):
            if name.lower() in source:
                return source[name.lower()]
        return None

    def expand(self, text: str) -> str:
        """``%name%``, as on a command line: an unknown name stays as it is."""
        return self._replace(_VARIABLE, text)

    def expand_delayed(self, text: str) -> str:
        """``!name!``, where ``cmd /v:on`` asked for it."""
        return self._replace(_DELAYED, text) if self.delayed else text

    def _replace(self, pattern: re.Pattern[str], text: str) -> str:
        def value(found: re.Match[str]) -> str:
            known = self.variable(found[1])
            return found[0] if known is None else known

        return pattern.sub(value, text)

    # --- files

    def full_path(self, path: str) -> str:
        """The absolute form of a path that may be relative to the current directory."""
        return ntpath.normpath(ntpath.join(self.directory, path.strip('"').replace("/", "\\")))

    def file(self, path: str) -> pathlib.Path:
        """The file on this disk, which may not exist.

        :raises Failed: a name that Windows would not take either.
        """
        try:
            return self.machine.path(self.full_path(path))
        except ValueError:
            raise self.failed("bad_name") from None

    def read(self, path: str) -> bytes:
        """A file's bytes; ``nul`` has none.

        :raises Failed: with the system's own words, where it cannot be read.
        """
        if path.strip('"').lower() == "nul":
            return b""
        file = self.file(path)
        if not file.parent.is_dir():
            raise self.failed("no_path")
        if file.is_dir():
            raise self.failed("denied")
        if not file.exists():
            raise self.failed("no_file")
        return file.read_bytes()

    def write(self, path: str, content: bytes, append: bool = False) -> None:
        """Write a file, or nothing for ``nul``.

        :raises Failed: no such folder, or the path is one.
        :raises OSError: the disk is full.
        """
        if path.strip('"').lower() == "nul":
            return
        file = self.file(path)
        if not file.parent.is_dir():
            raise self.failed("no_path")
        if file.is_dir():
            raise self.failed("denied")
        present = file.stat().st_size if append and file.exists() else 0
        self.machine.take_space(file, present + len(content))
        with open(file, "ab" if append else "wb") as stream:
            stream.write(content)
