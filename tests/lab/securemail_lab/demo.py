# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``securemail-lab demo``: a badge that did not arrive, arrives; then links are broken one by one and named.

Runs the collection's own playbooks as an operator would, and fails if any of them does not do what it should.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import typing as t

from . import faults
from .devices.phone import all_subscribed
from .launch import Launcher
from .state import write_atomically

_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
#: How long the phones have got to arrange push again after a repair; a step that is not as expected tells the rest.
_SETTLED_SECONDS = 20.0


@dataclasses.dataclass
class Step:
    """One line of the closing table."""

    what: str
    expected: str
    seen: str
    as_expected: bool
    seconds: float


class Demo:
    """The story in order; every step is printed while it happens and kept for the closing table.

    :param broken: names of the faults that are inflicted, one after the other.
    """

    def __init__(
        self, launcher: Launcher, project: pathlib.Path, kind: str | None, broken: t.Iterable[str] = faults.STORY
    ) -> None:
        self._launcher = launcher
        self._project = project
        self._kind = kind
        self._broken = broken
        self._steps: list[Step] = []
        self._log = launcher.directory / "logs" / "demo.log"
        self._verdict_file = launcher.directory / "verdict.json"

    def run(self) -> bool:
        """Tell the whole story; true when every step went as expected."""
        began = time.monotonic()
        self._step("Start the lab", "every service answers", self._start)
        links = list(faults.initial_links(self._launcher.lab))
        self._verify("Verify a fresh estate", expected=links)
        self._site("Run playbooks/site.yml", lambda changed: changed > 0, "changes")
        self._site("Run playbooks/site.yml again", lambda changed: changed == 0, "0 changed")
        self._verify("Verify", expected=[])
        for name in self._broken:
            fault = faults.FAULTS[name]
            if fault.needs_gateway and self._launcher.lab.kind == "loopback":
                print(f"--- Break {name}: left out, the gateway needs network namespaces", flush=True)
                continue
            self._break(name, fault)
        self._verify("Verify the repaired estate", expected=[])
        self._write_evidence(time.monotonic() - began)
        self._print_table(time.monotonic() - began)
        return all(step.as_expected for step in self._steps)

    def _start(self) -> tuple[bool, str]:
        self._launcher.up(self._kind)
        self._log.parent.mkdir(exist_ok=True)
        return True, f"{self._launcher.lab.kind} lab in {self._launcher.directory.name}/"

    def _verify(self, what: str, expected: list[str], expected_badge: str = "") -> None:
        expected_badge = expected_badge or ("missing" if expected else "arrived")
        named = f"{'broken: ' + ', '.join(expected) if expected else 'all links pass'}; badge {expected_badge}"

        def act() -> tuple[bool, str]:
            self._verdict_file.unlink(missing_ok=True)
            status = self._playbook("verify.yml")[0]
            verdict = self._verdict()
            if verdict is None:
                return False, f"no verdict, see {self._log}"
            for line in verdict["report"]:
                print(f"      {line}", flush=True)
            broken, badge = verdict["broken"], verdict["badge"]
            good = sorted(broken) == sorted(expected) and (status == 0) == (not expected)
            good = good and badge == expected_badge
            return good, f"{'broken: ' + ', '.join(broken) if broken else 'all links pass'}; badge {badge}"

        self._step(what, named, act)

    def _verdict(self) -> dict[str, t.Any] | None:
        """What the last verify came to; none where it did not come to one."""
        return json.loads(self._verdict_file.read_bytes()) if self._verdict_file.exists() else None

    def _site(self, what: str, good: t.Callable[[int], bool], expected: str) -> None:
        def act() -> tuple[bool, str]:
            status, changed = self._playbook("site.yml")
            return status == 0 and good(changed), f"{changed} changed" if status == 0 else f"failed, see {self._log}"

        self._step(what, expected, act)

    def _break(self, name: str, fault: faults.Fault) -> None:
        def act() -> tuple[bool, str]:
            self._wait_for_the_phones()
            fault.inflict(self._launcher.lab, self._launcher.entering)
            return True, fault.what

        self._step(f"Break by hand: {name}", "", act)
        self._verify("Verify", [fault.link], fault.badge)

        def repair() -> tuple[bool, str]:
            if fault.mend:
                fault.mend(self._launcher.lab)
                return True, "mended by hand"
            status, changed = self._playbook(fault.repaired_by)
            return status == 0 and changed > 0, f"{changed} changed"

        self._step(f"Repair: {f'playbooks/{fault.repaired_by}' if fault.repaired_by else 'by hand'}", "changes", repair)

    def _wait_for_the_phones(self) -> None:
        """What is broken is a working estate: one that was repaired a moment ago has phones that do not know it yet."""
        give_up = time.monotonic() + _SETTLED_SECONDS
        while not all_subscribed(self._launcher.lab) and time.monotonic() < give_up:
            time.sleep(0.1)

    def _playbook(self, name: str) -> tuple[int, int]:
        """Run a playbook in the controller's network; returns its exit status and the number of changed tasks."""
        words = [*self._launcher.entering(), sys.executable, "-m", "ansible", "playbook"]
        words += ["-i", "inventories/lab", f"playbooks/{name}"]
        if self._launcher.lab.kind == "loopback":
            words += ["--limit", "!push_gateways"]
        environment = {**self._launcher.environment(), "ANSIBLE_NOCOLOR": "1"}
        finished = subprocess.run(
            words, capture_output=True, text=True, cwd=self._project, env=environment, check=False
        )
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ ansible-playbook playbooks/{name}\n{finished.stdout}{finished.stderr}\n")
        recap = _RECAP.findall(finished.stdout)
        return finished.returncode, sum(int(changed) for _host, _ok, changed, _unreachable, _failed in recap)

    def _step(self, what: str, expected: str, act: t.Callable[[], tuple[bool, str]]) -> None:
        print(f"--- {what}", flush=True)
        began = time.monotonic()
        good, seen = act()
        self._steps.append(Step(what, expected, seen, good, round(time.monotonic() - began, 1)))
        print(f"    {'ok' if good else 'NOT AS EXPECTED'}: {seen} ({self._steps[-1].seconds} s)", flush=True)

    def _write_evidence(self, seconds: float) -> None:
        document = {
            "schema": 1,
            "lab": self._launcher.lab.kind,
            "seconds": round(seconds, 1),
            "as_expected": all(step.as_expected for step in self._steps),
            "steps": [dataclasses.asdict(step) for step in self._steps],
            "last_verdict": self._verdict(),
        }
        write_atomically(self._launcher.directory / "evidence.json", json.dumps(document, indent=1).encode() + b"\n")

    def _print_table(self, seconds: float) -> None:
        columns = shutil.get_terminal_size((132, 24)).columns
        width = max(len(step.what) for step in self._steps)
        print(f"\n{'step':<{width}}  {'s':>5}  result")
        print("-" * min(columns, 132))
        for step in self._steps:
            mark = "ok" if step.as_expected else f"EXPECTED {step.expected}, SAW"
            print(f"{step.what:<{width}}  {step.seconds:>5}  {mark}  {step.seen}")
        if self._launcher.lab.kind == "loopback":
            print("Left out: the gateway with its rules, and its fault, because there are no network namespaces here.")
        failed = sum(not step.as_expected for step in self._steps)
        print("-" * min(columns, 132))
        print(f"{len(self._steps) - failed} of {len(self._steps)} steps as expected in {seconds:.0f} s.")
        print(f"Evidence for machines: {os.path.relpath(self._launcher.directory / 'evidence.json')}")
        print(f"Report for people: {os.path.relpath(self._launcher.directory / 'report' / 'index.html')}")
