# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One revert at a time, confirmed or acting, never both: with real processes and an nft that only records."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import stat
import subprocess
import time
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.plugins.module_utils.linux import commit_confirm
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import CommitConfirm


class Host(t.NamedTuple):
    guard: CommitConfirm
    folder: pathlib.Path
    record: dict[str, t.Any]

    def restored(self) -> bool:
        sent = self.folder / "sent"
        return sent.exists() and sent.stat().st_size > 0

    def until(self, what: t.Callable[[], bool]) -> bool:
        ends = time.monotonic() + 15
        while not what() and time.monotonic() < ends:
            time.sleep(0.02)
        return what()

    def processes(self) -> list[int]:
        """The processes that wait."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(str(self.folder / "run" / "revert-").encode()) for word in words):
                found.append(int(path.parent.name))
        return found


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Host]:
    monkeypatch.setattr(commit_confirm, "systemd_is_here", lambda: False)
    nft = tmp_path / "nft"
    nft.write_text(f'#!/bin/sh\ncase "$*" in *list*) echo \'{{"nftables": []}}\' ;; *) cat > {tmp_path}/sent ;; esac\n')
    nft.chmod(nft.stat().st_mode | stat.S_IXUSR)
    body = {"family": "inet", "table": "filter", "name": "pushops_forward_a_dst4", "type": "ipv4_addr"}
    sets = [{"set": body, "elem": ["203.0.113.1"]}]
    made = Host(
        CommitConfirm(tmp_path / "run"),
        tmp_path,
        {"hook": "forward", "nft": str(nft), "prefix": "pushops_forward_", "chains": [], "sets": sets},
    )
    yield made
    for process in made.processes():
        os.kill(process, signal.SIGKILL)


def test_what_is_not_confirmed_is_restored_and_cannot_be_confirmed_then(host: Host) -> None:
    token = host.guard.arm(host.record, 1)
    assert 0 < (host.guard.seconds_left() or 0) <= 1 and not host.restored()
    assert host.until(host.restored)
    sent = json.loads((host.folder / "sent").read_text(encoding="utf-8"))["nftables"]
    assert [next(iter(command)) for command in sent] == ["create", "create"]
    with pytest.raises(Refused, match="not confirmed in time and the host took it back"):
        host.guard.confirm(token)
    assert host.until(lambda: host.guard.seconds_left() is None and not host.processes())


def test_what_is_confirmed_stays_and_the_process_ends(host: Host) -> None:
    token = host.guard.arm(host.record, 2)
    host.guard.confirm(token)
    assert host.guard.seconds_left() is None and host.until(lambda: not host.processes())
    assert not host.restored()
    with pytest.raises(Refused):
        host.guard.confirm(token)


def test_a_token_of_another_change_confirms_nothing(host: Host) -> None:
    token = host.guard.arm(host.record, 60)
    with pytest.raises(Refused):
        host.guard.confirm("0" * 16)
    assert host.guard.seconds_left()
    host.guard.confirm(token)


def test_there_is_never_a_second_one(host: Host) -> None:
    token = host.guard.arm(host.record, 60)
    with pytest.raises(Refused, match="waiting to be confirmed, so nothing was changed"):
        host.guard.arm(host.record, 60)
    assert len(host.processes()) == 1
    host.guard.confirm(token)


def test_arming_right_after_a_confirmation_leaves_nothing_of_the_first(host: Host) -> None:
    """The first process may not have seen yet that it was confirmed."""
    host.guard.confirm(host.guard.arm(host.record, 1))
    second = host.guard.arm(host.record, 60)
    assert host.until(lambda: len(host.processes()) == 1)
    time.sleep(1.2)
    assert not host.restored() and host.guard.seconds_left()
    host.guard.confirm(second)


def test_waiting_ends_when_it_has_acted(host: Host) -> None:
    assert host.guard.wait() == 0
    host.guard.arm(host.record, 1)
    assert host.guard.wait() > 0 and host.restored()


def test_a_process_that_was_ended_by_force_stands_in_nobodys_way(host: Host) -> None:
    host.guard.arm(host.record, 60)
    (process,) = host.processes()
    os.kill(process, signal.SIGKILL)
    assert host.until(lambda: host.guard.seconds_left() is None) and host.guard.wait() == 0
    token = host.guard.arm(host.record, 60)
    host.guard.confirm(token)


def test_nothing_is_armed_where_no_process_starts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_confirm, "_STARTS_WITHIN", 0.2)
    monkeypatch.setattr(commit_confirm, "_start", lambda *_: None)
    with pytest.raises(Refused, match="did not start, so nothing was changed"):
        host.guard.arm(host.record, 60)
    assert not list((host.folder / "run").glob("revert-*"))


def test_the_copy_on_the_host_needs_nothing_of_the_collection(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "revert.py"
    script.write_bytes(commit_confirm._source())
    finished = subprocess.run(
        ["/usr/bin/env", "python3", "-I", str(script), "/nowhere"], capture_output=True, text=True, check=False
    )
    assert "No such file or directory: '/nowhere'" in finished.stderr
