# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab from outside: choose what the kernel allows, start the supervisor, enter its network, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import typing as t

from . import lab as plan
from .lab import Lab
from .state import write_atomically

STOP_SECONDS = 10.0


class LabError(Exception):
    """Something an operator of the lab can act on."""


def _unshare() -> list[str] | None:
    """The words that give a program namespaces of its own, or ``None`` where the kernel or the host allows none."""
    words = ["unshare", "--net", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        words[1:1] = ["--user", "--map-root-user"]
    needed = [program for program in ("unshare", "nsenter", "ip", "nft", "setpriv") if not _which(program)]
    if needed:
        return None
    trial = [*words, "sh", "-c", "mount -t tmpfs tmpfs /run && ip link set lo up"]
    return words if subprocess.run(trial, capture_output=True, check=False).returncode == 0 else None


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _may_bind_privileged_ports() -> bool:
    lowest = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return os.geteuid() == 0 or int(lowest.read_text(encoding="ascii")) <= min(plan.PORTS.values())


@contextlib.contextmanager
def _process(pid: int) -> t.Iterator[int]:
    """A file descriptor of a process, readable once it has ended."""
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


class Launcher:
    """Starts, enters and stops the lab of one directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory.resolve()

    @property
    def _pid_file(self) -> pathlib.Path:
        return self.directory / "supervisor.json"

    def _supervisor(self) -> int | None:
        """The supervisor's process id, if it is alive and really ours."""
        try:
            pid = int(json.loads(self._pid_file.read_bytes())["pid"])
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError, KeyError):
            return None
        return pid if b"securemail_lab.supervisor" in command and str(self.directory).encode() in command else None

    @property
    def running(self) -> bool:
        return self._supervisor() is not None

    @property
    def lab(self) -> Lab:
        if not (self.directory / "lab.json").exists():
            raise LabError(f"There is no lab in {self.directory}. Start one: make lab")
        return Lab(self.directory)

    def up(self, kind: str | None = None) -> None:
        """Start the lab, or leave a running one alone.

        :param kind: ``namespaces`` or ``loopback``; by default the best that the kernel allows.
        :raises LabError: what did not start, and where its log lies.
        """
        if self.running:
            print("lab: already running")
            return
        unshare = None if kind == "loopback" else _unshare()
        if kind == "namespaces" and unshare is None:
            raise LabError("This kernel or host allows no namespaces of our own. Run as root, or use the loopback lab")
        kind = "namespaces" if unshare else "loopback"
        if (self.directory / "lab.json").exists() and self.lab.kind != kind:
            raise LabError(f"The lab in {self.directory} is one of kind {self.lab.kind}. Remove it first: make clean")
        if unshare is None:
            print("lab: no network namespaces here, so the services share the loopback network.")
            print("lab: left out: the gateway, its nftables rules and the packets that they decide about.")
        plan.create(self.directory, kind, not (unshare or _may_bind_privileged_ports()))
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        supervisor = subprocess.Popen(
            [*(unshare or []), sys.executable, "-m", "securemail_lab.supervisor", str(self.directory)],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env=environment,
        )
        write_atomically(self._pid_file, json.dumps({"pid": supervisor.pid}).encode())
        assert supervisor.stdout is not None
        with supervisor.stdout as said:
            for line in said:
                print(f"lab: {line.rstrip()}", flush=True)
                if line.startswith("ready"):
                    return
        supervisor.wait()
        self._pid_file.unlink(missing_ok=True)
        raise LabError(f"The lab did not start. Its logs lie in {self.directory / 'logs'}")

    def down(self) -> None:
        """Stop the lab; state and logs stay."""
        pid = self._supervisor()
        if pid is None:
            return
        with _process(pid) as process:
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(process, number)
                if select.select([process], [], [], STOP_SECONDS)[0]:
                    break
        self._pid_file.unlink(missing_ok=True)

    def purge(self) -> None:
        """Stop the lab and remove all that it wrote."""
        self.down()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.directory)

    def environment(self) -> dict[str, str]:
        """What a program inside needs to know: which lab it is in, and that no proxy of the outside leads there."""
        return {**os.environ, "SECUREMAIL_LAB": str(self.directory), "no_proxy": "*"}

    def entering(self, host: str | None = None) -> list[str]:
        """The words that run a command in the controller's network, or in that of another host of the lab."""
        pid = self._supervisor()
        if pid is None:
            raise LabError("The lab is not running. Start it: make lab")
        if self.lab.kind == "loopback":
            return []
        words = ["nsenter", f"--target={pid}", "--net", "--mount", f"--wd={os.getcwd()}"]
        if os.geteuid() != 0:
            words[2:2] = ["--user", "--preserve-credentials"]
        return [*words, "ip", "netns", "exec", host] if host else words
