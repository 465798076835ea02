# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Concurrent runs: one says who holds the lock, or waits; a holder that was killed holds nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import lock
from ansible_collections.pushops.securemail.plugins.module_utils.apple.lock import Lock
from ansible_collections.pushops.securemail.plugins.module_utils.apple.order import Order
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, Stale
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import COMMANDS, Bench


@contextlib.contextmanager
def held_by_another(path: pathlib.Path) -> t.Iterator[int]:
    """Another process that holds the lock until it is killed; its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        Lock(path).acquire()
        os.write(writing, b"x")
        signal.pause()
    os.read(reading, 1)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


def test_a_second_run_says_who_holds_the_lock(bench: Bench) -> None:
    with held_by_another(bench.home / "lock") as holder:
        for seconds, waited in ((0, "certificates: "), (1, "also after 1 s")):
            with pytest.raises(Refused, match=rf"{waited}.*process {holder} of ") as caught:
                bench.run(lock_timeout=seconds)
            assert "lock_timeout" in caught.value.remedy
        assert bench.run(check=True)["changed"], "reading needs no lock"
    assert bench.run()["changed"]


def test_a_holder_that_was_killed_holds_nothing(bench: Bench) -> None:
    with held_by_another(bench.home / "lock") as holder:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        assert f"process {holder}" in (bench.home / "lock").read_text(), "its name is still there"
        assert bench.run()["stage"] == "in-service"


def test_a_run_that_may_wait_goes_on_once_the_other_has_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: looked.set())
    holder = Lock(bench.home / "lock")
    holder._path.parent.mkdir(parents=True)
    holder.acquire()
    done: list[dict[str, t.Any]] = []
    waiting = threading.Thread(target=lambda: done.append(bench.run(lock_timeout=60)))
    waiting.start()
    assert looked.wait(30) and not done
    holder.release()
    waiting.join(30)
    assert [one["stage"] for one in done] == ["in-service"]


def test_a_plan_that_another_run_overtook_is_not_applied(bench: Bench) -> None:
    with contextlib.closing(Order(bench.params(**COMMANDS)).rotation) as slow:
        plan = slow.plan(slow.read())
        bench.run()
        before = bench.snapshot()
        with pytest.raises(Stale, match="Another run changed"):
            slow.apply(plan)
    assert bench.snapshot() == before and not bench.run()["changed"]


def test_a_run_that_was_overtaken_plans_anew_and_does_nothing_twice(bench: Bench) -> None:
    order = Order(bench.params(**COMMANDS))
    with contextlib.closing(order.rotation) as slow:
        read, overtaken = slow.read, []

        def overtake() -> t.Any:
            state = read()
            if not overtaken:
                overtaken.append(bench.run())
            return state

        slow.read = overtake  # type: ignore[method-assign]
        outcome = reconcile(slow, check_mode=False)
    assert not outcome.changed and [gate for gate, _argv, _stdin in bench.calls] == ["signing", "portal"]
