# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One unattended rotation: ``python rotate.py SETTINGS``. One at a time, bounded, with an exit status of its own.

ansible-playbook ends with 0 where a gate waits for a person, and where an inventory has no host to rotate for. This
reads what playbooks/rotate.yml came to, and ends with

0   everything is in service
75  a gate waits for a person, and nothing failed (EX_TEMPFAIL: the next run carries on)
1   something failed
2   a run did not come to its end: no outcome, too slow, could not be started
3   another run is at work

It needs nothing but Python itself, and says nothing of its own that could hold a secret.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import typing as t

IN_SERVICE, FAILED, INCOMPLETE, BUSY, WAITING = 0, 1, 2, 3, 75
_WORST_FIRST = (INCOMPLETE, FAILED, WAITING, IN_SERVICE)
_ROTATE = "pushops.securemail.rotate"

Settings = dict[str, t.Any]


class Report(t.TypedDict):
    """What stays of a run, for whoever is told. Status 2 stands there from the start, in case that nothing follows."""

    began: str
    ended: str
    invocation: str
    exit_status: int
    problems: list[str]
    items: list[dict[str, t.Any]]
    table: list[str]


def rotate(settings: Settings) -> int:
    """Run what the settings name, and leave ``last.json`` in the state folder."""
    state = pathlib.Path(settings["state_directory"])
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context((state / "lock").open("a"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another rotation is at work. Nothing was done.", file=sys.stderr)
            return BUSY
        report: Report = {
            "began": _now(),
            "ended": "",
            "invocation": os.environ.get("INVOCATION_ID", ""),
            "exit_status": INCOMPLETE,
            "problems": ["The run was stopped before it came to its end."],
            "items": [],
            "table": [],
        }
        last = state / "last.json"
        _write(last, report)
        problems: list[str] = []
        statuses = [_inventory(settings, state, inventory, report, problems) for inventory in settings["inventories"]]
        worst = next(status for status in _WORST_FIRST if status in {*statuses, IN_SERVICE})
        report.update({"ended": _now(), "exit_status": worst, "problems": problems})
        _write(last, report)
        for problem in problems:
            print(problem, file=sys.stderr)
    return worst


def _inventory(settings: Settings, state: pathlib.Path, inventory: str, report: Report, problems: list[str]) -> int:
    """One inventory: the rotation, then the other playbooks, whatever it came to."""
    outcome = state / "outcome.json"
    outcome.unlink(missing_ok=True)
    status = _playbook(settings, inventory, _ROTATE, {"apns_certificate_outcome_path": str(outcome)})
    found = _read(outcome)
    if found is None:
        problems.append(f"{inventory}: the rotation left no outcome (ansible-playbook: {status}).")
        worst = INCOMPLETE
    else:
        report["items"] += found["items"]
        report["table"] += found["table"]
        worst = found["exit_status"]
        if status != 0 and worst != FAILED:
            problems.append(f"{inventory}: ansible-playbook ended the rotation with {status}.")
            worst = FAILED
    for playbook in settings["then"]:
        status = _playbook(settings, inventory, playbook, {})
        if status != 0:
            problems.append(f"{inventory}: ansible-playbook ended {playbook} with {status}.")
            worst = min(worst, FAILED, key=_WORST_FIRST.index)
    return worst


def _playbook(settings: Settings, inventory: str, playbook: str, variables: dict[str, str]) -> int | str:
    """ansible-playbook's exit status, or in words why it has none. It ends with everything that it started."""
    command = [settings["ansible_playbook"], "-i", inventory, playbook, "--extra-vars", json.dumps(variables)]
    try:
        with subprocess.Popen(  # noqa: S603 - a list, no shell
            command,
            stdin=subprocess.DEVNULL,
            cwd=settings["directory"],
            env=_environment(settings),
            start_new_session=True,
        ) as process:
            try:
                return process.wait(settings["timeout"])
            except subprocess.TimeoutExpired:
                return f"stopped after {settings['timeout']} s"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    except OSError as problem:
        return f"not started: {problem.strerror}"


def _environment(settings: Settings) -> dict[str, str]:
    """A home that may be written to. The vault's password is named by its file alone."""
    state = settings["state_directory"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": state,
        "ANSIBLE_HOME": f"{state}/.ansible",
        "ANSIBLE_LOCAL_TEMP": f"{state}/.ansible/tmp",
        "ANSIBLE_NOCOLOR": "1",
    }
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    password = settings["vault_password_file"]
    if password:
        environment["ANSIBLE_VAULT_PASSWORD_FILE"] = f"{credentials}/vault-password" if credentials else password
    return environment


def _read(path: pathlib.Path) -> dict[str, t.Any] | None:
    try:
        found = json.loads(path.read_bytes())
        known = found["exit_status"] in (IN_SERVICE, FAILED, WAITING) and found["schema"] == 1
        return dict(found) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: pathlib.Path, report: Report) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    temporary.chmod(0o600)
    os.replace(temporary, path)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def main(arguments: list[str]) -> int:
    """Cron knows neither jitter nor a hook, so its settings ask for them here."""
    settings = json.loads(pathlib.Path(arguments[0]).read_bytes())
    os.umask(0o077)
    time.sleep(random.uniform(0, settings["jitter"]))  # noqa: S311 - spreads load, protects nothing
    status = rotate(settings)
    if settings["notify"] and status != BUSY:
        kind = "success" if status in (IN_SERVICE, WAITING) else "failure"
        notifier = pathlib.Path(__file__).with_name("notify.py")
        words = [sys.executable, str(notifier), arguments[0], kind]
        subprocess.run(words, check=False, timeout=300)  # noqa: S603 - a list, no shell
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
