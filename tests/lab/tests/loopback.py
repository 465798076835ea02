# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A freshly installed lab of kind loopback on free ports, and its programs inside the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import pathlib
import socket
import threading
import time
import typing as t

from securemail_lab.lab import Lab, create
from securemail_lab.serve import PROGRAMS, Stop
from securemail_lab.supervisor import estate

_PATIENCE = 20.0  # seconds, for whatever ought to happen at once


def make_lab(folder: pathlib.Path) -> Lab:
    """A lab as the supervisor seeds it, on ports that were free a moment ago."""
    create(folder, "loopback", unprivileged=True)
    plan = json.loads((folder / "lab.json").read_bytes())
    with contextlib.ExitStack() as taken:
        for service in plan["ports"]:
            probe = taken.enter_context(socket.socket())
            probe.bind(("", 0))  # all addresses: each service has one of its own
            plan["ports"][service] = probe.getsockname()[1]
    (folder / "lab.json").write_text(json.dumps(plan), encoding="ascii")
    lab = Lab(folder)
    estate.seed(lab)
    return lab


class Running:
    """Programs of one lab, in an event loop of another thread; entered, it has started those named."""

    def __init__(self, lab: Lab, *programs: str) -> None:
        self.lab = lab
        self._first = programs
        self._stops: dict[str, Stop] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="lab")

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._ready.wait(_PATIENCE)
        try:
            for program in self._first:
                self.start(program)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for program in reversed(list(self._stops)):
                self.stop(program)
        finally:
            self._loop.call_soon_threadsafe(self._done.set)
            self._thread.join(_PATIENCE)

    def start(self, program: str) -> None:
        """Start a program by its name in ``serve.PROGRAMS``, an Exchange host by its own; it then listens."""
        module = importlib.import_module(PROGRAMS["exchange" if program.startswith("exch") else program])
        self._stops[program] = self.run(module.serve(self.lab, program))

    def stop(self, program: str) -> None:
        self.run(t.cast("t.Coroutine[t.Any, t.Any, None]", self._stops.pop(program)()))

    def run(self, coroutine: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE)

    async def _live(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._done.wait()


def wait(condition: t.Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait until something is so, and fail by its name where it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen in {seconds} s: {what}"
        time.sleep(0.02)
