# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ansible-playbook processes for tests, in a home of their own, with every result as data."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field

from ansible_collections.pushops.securemail.tests.integration.terminal import run_on_terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.executable).parent
_CALLBACKS = pathlib.Path(__file__).resolve().parent / "callbacks"
_CONNECTIONS = pathlib.Path(__file__).resolve().parent / "connections"

Inventory = t.Mapping[str, t.Any]
Task = t.Mapping[str, t.Any]
#: The controller itself, with the Python that runs the tests.
CONTROLLER: Inventory = {
    "all": {"hosts": {"controller": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}
}


@dataclass(frozen=True)
class TaskResult:
    """What one task left on one host.

    :param status: ``ok``, ``failed``, ``unreachable`` or ``skipped``.
    :param value: the result as a callback gets it.
    """

    task: str
    host: str
    status: str
    value: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        return bool(self.value.get("changed", False))

    def __getitem__(self, name: str) -> t.Any:
        return self.value[name]


@dataclass(frozen=True)
class Run:
    """A finished ansible-playbook.

    :param recap: host -> the counters of PLAY RECAP: ok, changed, failures, unreachable, skipped, rescued, ignored.
    """

    status: int
    stdout: str
    stderr: str
    tasks: tuple[TaskResult, ...]
    recap: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    def result(self, task: str = "", host: str = "") -> TaskResult:
        """The only result of a task (by a part of its name) on a host; empty means any."""
        found = [one for one in self.tasks if task in one.task and host in ("", one.host)]
        assert len(found) == 1, (task, host, found, self.output)
        return found[0]


class Ansible:
    """Runs of one test.

    :param folder: where inventories and playbooks are put (``given``), and everything that Ansible writes by itself
        (``home``, ``temporary``).
    :param within: words that run a command inside another network.
    :param environment: what Ansible is started with; by default this process's own environment.
    :param settings: settings of Ansible's, by the names of their variables, beside those of the tests.
    :param terminal: whether standard output is one.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        within: t.Sequence[str] = (),
        environment: t.Mapping[str, str] | None = None,
        *,
        settings: t.Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        self._within = list(within)
        self._settings, self._terminal = dict(settings or {}), terminal
        self._outside = dict(os.environ if environment is None else environment)
        self.given, self.home, self.temporary = (folder / name for name in ("given", "home", "temporary"))
        for path in (self.given, self.home, self.temporary):
            path.mkdir(mode=0o700, parents=True)
        self._count = itertools.count(1)

    def play(
        self, inventory: Inventory, *tasks: Task, check: bool = False, diff: bool = False, verbosity: int = 0
    ) -> Run:
        """Run tasks on all hosts of an inventory, without gathering facts."""
        number = next(self._count)
        play = {"name": "Test", "hosts": "all", "gather_facts": False, "tasks": list(tasks)}
        path = self._write(f"play-{number}.json", [play])
        return self._run(number, str(path), inventory, check, diff, verbosity)

    def playbook(
        self,
        name: str,
        inventory: Inventory | pathlib.Path,
        *,
        check: bool = False,
        diff: bool = False,
        verbosity: int = 0,
        limit: str = "all",
        variables: t.Mapping[str, t.Any] | None = None,
        tags: str = "all",
    ) -> Run:
        """Run a playbook of a collection by its full name, such as ``pushops.securemail.site``."""
        more = ["--limit", limit, "--tags", tags, "--extra-vars", json.dumps(dict(variables or {}))]
        return self._run(next(self._count), name, inventory, check, diff, verbosity, more)

    def environment(self) -> dict[str, str]:
        """This process's environment without its Ansible settings, and with a home where nothing is set."""
        return {
            **{name: value for name, value in self._outside.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(self.home),
            "PATH": f"{BIN}:{self._outside['PATH']}:/usr/sbin:/sbin",
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary),
            "ANSIBLE_REMOTE_TEMP": str(self.temporary),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "task_record",
            "ANSIBLE_CONNECTION_PLUGINS": str(_CONNECTIONS),
            **self._settings,
        }

    def _write(self, name: str, document: t.Any) -> pathlib.Path:
        path = self.given / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def _run(
        self,
        number: int,
        playbook: str,
        inventory: Inventory | pathlib.Path,
        check: bool,
        diff: bool,
        verbosity: int,
        more: t.Sequence[str] = (),
    ) -> Run:
        record = self.home / f"record-{number}.jsonl"
        if not isinstance(inventory, pathlib.Path):
            inventory = self._write(f"inventory-{number}.json", inventory)
        command = [*self._within, str(BIN / "ansible-playbook"), "-i", str(inventory), *more]
        command += [*(["--check"] if check else []), *(["--diff"] if diff else []), *(["-v"] * verbosity), playbook]
        environment = {**self.environment(), "TASK_RECORD_PATH": str(record)}
        if self._terminal:
            status, stdout, stderr = *run_on_terminal(command, environment, self.given), ""
        else:
            status, stdout, stderr = run_bounded(command, environment, self.given)
        lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        tasks = tuple(TaskResult(**line["task"]) for line in lines if "task" in line)
        recaps = [line["recap"] for line in lines if "recap" in line]
        return Run(status, stdout, stderr, tasks, recaps[0] if recaps else {})


def run_bounded(
    command: list[str], environment: dict[str, str], folder: pathlib.Path, seconds: float = 120
) -> tuple[int, str, str]:
    """Exit code, output and error output of a program that ends with everything that it started."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,  # away from the project's ansible.cfg
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, stdout, stderr
