# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit of our own that loads our rules after the host's: two files and what systemd knows of them.

The host's own rule set file stays untouched. An include in it would be simpler, but one mistake in what it includes
would leave the host without any rule set at boot.
"""

from __future__ import annotations

import json
import os
import pathlib
import typing as t
from dataclasses import dataclass

from ..core import files
from ..core.errors import Refused
from .host import Host
from .nft_model import Json

_LARGEST = 64 << 20
_UNIT = """\
# Kept by push_firewall_nftables of pushops.securemail. It goes away with persist=false or state=absent.
[Unit]
Description=Flows of push on hook {hook}, put into the host's own nftables rule set
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
DefaultDependencies=no
ConditionPathExists={path}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={load}
ExecReload={load}

[Install]
WantedBy=multi-user.target nftables.service
"""


@dataclass(frozen=True)
class Step:
    """One thing to do for the next boot: ``commands`` or ``unit`` with its text, or ``remove`` both."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class BootState:
    """What is there.

    :param commands: what is loaded at boot; ``None`` where there is no file, empty where it is unreadable to nft.
    :param running: the unit is enabled and was started.
    :param systemd: systemd runs this host, and this network namespace is its own.
    """

    systemd: bool
    nft: str
    commands: list[Json] | None = None
    unit: str | None = None
    running: bool = False


def boot_file(hook: str) -> str:
    return f"/etc/pushops.securemail/nftables-{hook}.json"


def unit_name(hook: str) -> str:
    return f"pushops-nftables-{hook}.service"


def unit_file(hook: str) -> str:
    return f"/etc/systemd/system/{unit_name(hook)}"


def unit_text(hook: str, nft: str) -> str:
    """The unit. It loads nothing where our sets are there already: the host's own file may hold a saved copy."""
    guard = f'{nft} -t list ruleset | grep -q " pushops_{hook}_"'
    load = f"/bin/sh -c '{guard} || exec {nft} -j -f {boot_file(hook)}'"
    return _UNIT.format(hook=hook, path=boot_file(hook), load=load)


def systemd_is_here() -> bool:
    """Whether systemd runs this host. A unit would load into its network namespace, so it must be this one."""
    if not os.path.isdir("/run/systemd/system"):
        return False
    try:
        return os.stat("/proc/1/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return False


class Boot:
    """Our files of one hook, and the commands that tell systemd about them."""

    def __init__(self, host: Host, hook: str, nft: t.Callable[[], str]) -> None:
        self._host, self._hook, self._nft = host, hook, nft
        self._file, self._unit = pathlib.Path(boot_file(hook)), pathlib.Path(unit_file(hook))

    def read(self) -> BootState:
        content, unit = files.read(self._file, _LARGEST), files.read(self._unit)
        here = systemd_is_here()
        return BootState(
            here,
            self._nft(),
            None if content is None else _commands(content),
            None if unit is None else unit.decode("utf-8", errors="replace"),
            here and unit is not None and self._is_running(),
        )

    def apply(self, steps: t.Iterable[Step]) -> None:
        """Do what the plan found, files first."""
        for step in steps:
            if step.kind == "commands":
                files.make_folder(self._file.parent, 0o755)
                files.replace(self._file, step.text.encode(), 0o644)
            elif step.kind == "unit":
                files.replace(self._unit, step.text.encode(), 0o644)
                self._systemctl("daemon-reload")
                self._systemctl("enable", "--quiet", "--now", unit_name(self._hook))
            else:
                self._remove()

    def _remove(self) -> None:
        here = systemd_is_here()
        if here and self._unit.exists():
            self._systemctl("disable", "--quiet", "--now", unit_name(self._hook))
        files.remove(self._unit)
        files.remove(self._file)
        if here:
            self._systemctl("daemon-reload")

    def _is_running(self) -> bool:
        """The unit is enabled and did its work."""
        output = self._systemctl("show", "--property=UnitFileState,ActiveState", unit_name(self._hook))
        return {"UnitFileState=enabled", "ActiveState=active"} <= set(output.split())

    def _systemctl(self, *words: str) -> str:
        program = self._host.get_bin_path("systemctl")
        if program is None:
            raise Refused("The host has no systemctl", "Set persist to false, or install systemd")
        status, output, errors = self._host.run_command([program, *words], environ_update={"LC_ALL": "C"})
        if status != 0:
            message = " ".join((errors or output).split()) or "no message"
            raise Refused(
                f"systemctl {' '.join(words)} ended with status {status}: {message}",
                "The flows run. Correct what it names and run this again, so that they are loaded at boot, too",
            )
        return output


def _commands(content: bytes) -> list[Json]:
    try:
        listed = json.loads(content)["nftables"]
    except (ValueError, KeyError, TypeError):
        return []
    return listed if isinstance(listed, list) else []
