# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated Windows machine: its drive on disk, its environment, and what a program run on it returns."""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import json
import pathlib
import re
from typing import Any

_VARIABLE = re.compile(r"%([^%]+)%")


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """What a finished program leaves: exit code and raw output, CRLFs included."""

    rc: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine by its NetBIOS-like name and the folder that holds its state.

    ``C:\\Windows`` lies at ``<state>/C/Windows``. Names on the drive are found in any case, as on NTFS.
    """

    name: str
    state: pathlib.Path

    def _settings(self) -> dict[str, Any]:
        path = self.state / "machine.json"
        settings: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return settings

    def torn_copy_room(self, file: pathlib.Path) -> int | None:
        """How many bytes of this file a copy writes before the full disk ends it.

        ``None``: it asks for room before it writes, and so leaves the file as it was. ``{"torn_copies": true}`` in
        ``machine.json`` has it find out halfway.
        """
        settings = self._settings()
        if not settings.get("torn_copies"):
            return None
        return int(settings["free_bytes"]) + (file.stat().st_size if file.exists() else 0)

    def take_space(self, file: pathlib.Path, size: int) -> None:
        """Ask for room for a file that will be ``size`` bytes long; ``machine.json`` says how much is left.

        ``{"free_bytes": N}`` there is counted down by what files grow; without it the disk has no end.

        :raises OSError: ENOSPC.
        """
        settings = self._settings()
        if "free_bytes" not in settings:
            return
        left = settings["free_bytes"] - (size - (file.stat().st_size if file.exists() else 0))
        if left < 0:
            raise OSError(errno.ENOSPC, "no space left on the simulated disk", str(file))
        (self.state / "machine.json").write_text(json.dumps(settings | {"free_bytes": left}), encoding="ascii")

    @property
    def now(self) -> dt.datetime:
        """UTC by this machine's clock. ``{"clock_ahead": N}`` in ``machine.json`` has it N seconds ahead."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._settings().get("clock_ahead", 0))

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables, keys in lower case."""
        return {
            "windir": r"C:\Windows",
            "systemroot": r"C:\Windows",
            "systemdrive": "C:",
            "programfiles": r"C:\Program Files",
            "exchangeinstallpath": "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\",
            "computername": self.name.upper(),
            "temp": r"C:\Windows\Temp",
        }

    def expand(self, text: str) -> str:
        """Replace ``%name%``; an unknown name stays as it is, as in cmd.exe."""
        return _VARIABLE.sub(lambda found: self.environment.get(found[1].lower(), found[0]), text)

    def path(self, windows_path: str) -> pathlib.Path:
        """The file on this disk for an absolute Windows path (variables expanded), which may not exist.

        :raises ValueError: not an absolute path, or one that leaves the drive.
        """
        parts = self.expand(windows_path).replace("/", "\\").split("\\")
        drive = parts[0].upper()
        if len(drive) != 2 or drive[1] != ":" or not drive[0].isalpha() or ".." in parts:
            raise ValueError(f"not an absolute Windows path: {windows_path}")
        found = self.state / drive[0]
        for part in parts[1:]:
            if part and part != ".":
                found = _in_any_case(found, part)
        return found


def _in_any_case(folder: pathlib.Path, name: str) -> pathlib.Path:
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    for entry in folder.iterdir():
        if entry.name.lower() == name.lower():
            return entry
    return exact
