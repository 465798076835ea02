# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is killed before any of its writes: the next run reaches the same end, and no key is lost."""

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import (
    Bench,
    certificate_key,
    private_key,
    request_key,
)

KILLED = 77
WRITES = ("link", "replace", "symlink", "mkdir", "unlink", "fsync", "chmod", "ftruncate")


class Interrupter:
    """Lets the first ``allowed`` writes pass, then does ``then`` instead of the next one."""

    def __init__(self, patch: pytest.MonkeyPatch, allowed: int, then: t.Callable[[], None]) -> None:
        self.left = allowed
        self.struck = False
        self._then = then
        for name in WRITES:
            patch.setattr(os, name, self._guarded(getattr(os, name)))

    def _guarded(self, real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def guarded(*arguments: t.Any, **options: t.Any) -> t.Any:
            if self.left == 0:
                self.struck = True
                self._then()
            self.left -= 1
            return real(*arguments, **options)

        return guarded


def killed_after(writes: int, task: t.Callable[[], object]) -> bool:
    """Run a task in a process of its own that is killed before its next write; whether it came to that."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            Interrupter(patch, writes, lambda: os._exit(KILLED))
            task()
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), code
    return code == KILLED


def keys_in(bench: Bench) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in bench.home.glob("versions/*/key.pem")}


def assert_whole(bench: Bench) -> None:
    version = bench.version()
    key = private_key(version / "key.pem")
    assert key == request_key(version / "request.csr") == certificate_key(version / "certificate.pem")
    assert sorted(path.name for path in bench.home.glob("versions/*")) == ["0001"]
    assert not [path for path in bench.path.rglob("*") if path.name.endswith((".tmp", ".part"))]
    assert not list(bench.handed_out().glob("*.p12"))


@pytest.mark.parametrize("by_hand", [False, True])
def test_killed_before_any_write_the_next_run_finishes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    writes, interrupted = 0, True
    while interrupted:
        bench = Bench(tmp_path / str(writes), monkeypatch)
        interrupted = killed_after(writes, lambda bench=bench: _round(bench, by_hand))  # type: ignore[misc]
        survived = keys_in(bench)
        _round(bench, by_hand)
        result = bench.run() if not by_hand else bench.by_hand()
        assert result["stage"] == "in-service" and not result["changed"], writes
        assert survived.items() <= keys_in(bench).items(), "a key that was there is still there"
        assert_whole(bench)
        writes += 1
    assert writes > 30


def _round(bench: Bench, by_hand: bool) -> None:
    """From wherever things stand to "in service", with a person who acts at once where one must."""
    if not by_hand:
        bench.run()
        return
    for _visit in range(3):
        gate = bench.by_hand()["gate"]
        if gate and gate["name"] == "signing":
            bench.sign_by_hand()
        elif gate:
            bench.fill_in()


def test_a_full_disk_at_any_write_is_one_clear_error_and_the_next_run_finishes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for writes in range(0, 60, 4):
        bench = Bench(tmp_path / str(writes), monkeypatch)
        with monkeypatch.context() as patch:
            interrupter = Interrupter(patch, writes, full)
            try:
                bench.run()
                assert not interrupter.struck
            except Refused as problem:
                assert "No space left" in str(problem)
        survived = keys_in(bench)
        assert bench.run()["stage"] == "in-service"
        assert survived.items() <= keys_in(bench).items()
        assert_whole(bench)
