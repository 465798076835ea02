# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all; and the lock."""

from __future__ import annotations

import os
import pathlib
import signal
import stat

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple.lock import Lock
from ansible_collections.pushops.securemail.plugins.module_utils.core import files
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused, UnexpectedState


def test_a_new_file_never_takes_the_place_of_another(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key.pem"
    files.write_new(path, b"first")
    with pytest.raises(UnexpectedState, match="never overwritten"):
        files.write_new(path, b"second")
    assert path.read_bytes() == b"first" and [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dangling_link_is_not_written_through(tmp_path: pathlib.Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnexpectedState):
        files.write_new(tmp_path / "key.pem", b"key")
    assert not (tmp_path / "elsewhere").exists()


def test_replacing_keeps_permissions_closed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "portal.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    files.replace(path, b"new")
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_regular_file_is_not_read(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnexpectedState, match="not a regular file"):
        files.read(tmp_path / "pipe")
    with pytest.raises(UnexpectedState, match="cannot be read"):
        files.read(tmp_path)
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(UnexpectedState, match="larger than"):
        files.read(tmp_path / "large")
    assert files.read(tmp_path / "absent") is None


def test_leftovers_go_and_nothing_else(tmp_path: pathlib.Path) -> None:
    for name in (".pushops-0a.tmp", ".other.tmp", "key.pem"):
        (tmp_path / name).write_bytes(b"")
    files.tidy(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".other.tmp", "key.pem"]


def test_the_lock_of_a_killed_process_does_not_stay(tmp_path: pathlib.Path) -> None:
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        Lock(tmp_path / "lock").acquire()
        os.write(tell, b"x")
        signal.pause()
        os._exit(0)
    os.read(ready, 1)
    with pytest.raises(Refused, match=f"process {child} of "):
        Lock(tmp_path / "lock").acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    lock.release()
    os.close(ready)
    os.close(tell)
