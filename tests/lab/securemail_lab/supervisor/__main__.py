# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor process: ``python -m securemail_lab.supervisor DIRECTORY``, inside namespaces of its own.

Prints one line a step, then ``ready`` or ``failed: why``. Every program dies with it, whatever ends it: each is tied
to it by a parent-death signal, and the kernel takes the namespaces back.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import sys
import time

from ..gateway import rules
from ..lab import Lab
from ..network import topology
from . import estate
from .answers import wait_for

START_SECONDS = 40.0
STOP_SECONDS = 5.0
_AWAITED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


class Supervisor:
    """Starts, watches and stops the programs of one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._running: dict[estate.Program, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring up the network, the state and every program; returns when each of them answers.

        :raises RuntimeError: names what did not start.
        """
        if self._lab.kind == "namespaces":
            say("network: namespaces, bridge, routes")
            topology.build(self._lab)
        say("state: what a fresh installation looks like, where there is none yet")
        estate.seed(self._lab)
        estate.write_controller_file(self._lab)
        if self._lab.kind == "namespaces":
            say("gateway: its own nftables rule set")
            rules.load(self._lab)
        for program in estate.PROGRAMS:
            self._running[program] = self._spawn(program)
        deadline = time.monotonic() + START_SECONDS
        for program, process in self._running.items():
            for door in program.doors:
                if not wait_for(self._lab, door, deadline, functools.partial(_lives, process)):
                    raise RuntimeError(f"{program.host} does not answer on {door.service}; see {self._log(program)}")
            say(f"{program.host}: {'answers' if program.doors else 'started'}")

    def _log(self, program: estate.Program) -> pathlib.Path:
        return self._lab.directory / "logs" / f"{program.host}.log"

    def _spawn(self, program: estate.Program) -> subprocess.Popen[bytes]:
        words = estate.command(self._lab, program)
        if self._lab.kind == "namespaces":
            words = [*topology.inside(topology.namespace(program.name, program.host)), *words]
        with open(self._log(program), "ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A program would inherit the mask of blocked signals, and never hear that it shall stop.
                preexec_fn=functools.partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, _AWAITED),
            )

    def watch(self) -> str:
        """Wait for a request to stop, or for a program that ends by itself; returns why."""
        while True:
            received = signal.sigwait(_AWAITED)
            if received != signal.SIGCHLD:
                return "asked to stop"
            for program, process in self._running.items():
                if process.poll() is not None:
                    return f"{program.host} ended with status {process.returncode}; see {self._log(program)}"

    def stop(self) -> None:
        """Stop every program: politely, then for good."""
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        estate.remove_shared_memory(self._lab)


def _lives(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def say(line: str) -> None:
    print(line, flush=True)


def _leave_the_terminal(log: pathlib.Path) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def main() -> int:
    lab = Lab(pathlib.Path(sys.argv[1]))
    (lab.directory / "logs").mkdir(mode=0o700, exist_ok=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    supervisor = Supervisor(lab)
    try:
        supervisor.start()
    except (RuntimeError, OSError) as problem:
        supervisor.stop()
        say(f"failed: {problem}")
        return 1
    say("ready")
    _leave_the_terminal(lab.directory / "logs" / "supervisor.log")
    why = supervisor.watch()
    say(why)
    supervisor.stop()
    with contextlib.suppress(FileNotFoundError):
        (lab.directory / "supervisor.json").unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
