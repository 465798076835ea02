# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that the machine's own systemd boots, in namespaces of its own, from an overlay over the machine's files.

No image is needed and nothing is written to the machine: what the host writes is in a tmpfs that ends with the test.
A reboot ends every process of the host and starts systemd again with the same files and a fresh, empty network.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import subprocess
import sys
import time
import typing as t

import pytest

SYSTEMD = pathlib.Path("/lib/systemd/systemd")
_FILES = """\
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
rm -rf etc/systemd/system/*.wants etc/systemd/system/*.service etc/pushops.securemail
echo up
read end
"""
# What a container manager hands to systemd: /proc, /sys with its cgroups, /dev with a few devices, /run.
_BOOT = """\
set -e
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/unified sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
for path in "$2" "$3" "$4"; do mkdir -p ".$path"; mount --bind "$path" ".$path"; done
# systemd leaves this to who starts it in a container; without it a service never sees its credentials.
mount --make-rshared .
exec chroot . /usr/bin/env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --unit=multi-user.target --log-target=journal </dev/null
"""


class BootedHost:
    """One host.

    :param folder: a folder that the host and the test see at the same path.
    """

    def __init__(self, folder: pathlib.Path, holder: int, mounted: pathlib.Path) -> None:
        self.folder = folder
        self._holder, self._root = holder, mounted / "root"
        self._stack = contextlib.ExitStack()
        self._pid = 0

    def boot(self) -> None:
        """Start systemd and wait until it has started everything."""
        seen = [str(self.folder), str(pathlib.Path(__file__).resolve().parents[2]), sys.base_prefix]
        command = ["nsenter", "-t", str(self._holder), "-m", "unshare", "-mpnuiC", "--fork", "--kill-child"]
        command += ["--propagation", "private", "sh", "-c", _BOOT, "boot", str(self._root), *seen]
        outer = self._stack.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        self._stack.callback(outer.kill)
        ends = time.monotonic() + 60
        state = ""
        while time.monotonic() < ends and outer.poll() is None:
            children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="ascii").split()
            if children:
                self._pid = int(children[0])
                state = self.ask("systemctl", "is-system-running").strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        pytest.skip(f"systemd does not boot in namespaces here ({state or 'no process'})")

    def power_off(self) -> None:
        """End every process of the host at once, as a power cut does."""
        self._stack.close()
        self._stack = contextlib.ExitStack()

    def reboot(self) -> None:
        self.power_off()
        self.boot()

    def words(self, *command: str) -> list[str]:
        return ["nsenter", "-t", str(self._pid), "-a", "-r", "-w", "env", "-i", *_PATH, *command]

    def ask(self, *command: str) -> str:
        """What a command prints, whatever its exit code."""
        return subprocess.run(self.words(*command), capture_output=True, text=True, timeout=60, check=False).stdout

    def run(self, *command: str, text: str | None = None) -> str:
        finished = subprocess.run(
            self.words(*command), input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 0, (command, finished.stderr)
        return finished.stdout

    def write(self, path: str, text: str) -> None:
        self.run("tee", path, text=text)

    def interpreter(self) -> str:
        """A Python that runs inside, for ``ansible_python_interpreter``."""
        path = self.folder / "host-python"
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self.words(sys.executable))} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)


_PATH = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]


@contextlib.contextmanager
def booted_host(folder: pathlib.Path) -> t.Iterator[BootedHost]:
    """A host that is up."""
    if os.geteuid() != 0 or not SYSTEMD.exists():
        pytest.skip("needs root and systemd's program on this machine")
    mounted = folder / "mounted"
    mounted.mkdir()
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", _FILES, "files", str(mounted)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin and holder.stdout
        host = BootedHost(folder, holder.pid, mounted)
        try:
            if holder.stdout.readline() != "up\n":
                pytest.skip("this kernel allows no overlay over its root")
            host.boot()
            yield host
        finally:
            host.power_off()
            holder.stdin.close()
