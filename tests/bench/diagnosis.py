# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every link broken in the lab, singly and in pairs: does verify blame exactly what is broken?

Each fault is inflicted alone, and each pair of links once, with faults of theirs in turn. Two faults of one link are no
pair: they are blamed on it alike. What is blamed follows from the links, so the badge is not waited for.
The estate is put right once. Before each case its files and the gateway's rules are put back as they were then, so that
no case knows of another one.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t

from ansible_collections.pushops.securemail.tests.integration.running_ansible import ROOT, Ansible
from securemail_lab import faults
from securemail_lab.launch import Launcher
from securemail_lab.network.topology import GATEWAY
from securemail_lab.state import write_atomically

INVENTORY = ROOT / "inventories" / "lab"
#: What services hold open or only write to.
_LEFT_ALONE = (".lock", ".jsonl", ".log")


class Estate:
    """A lab that is put right, and can be put right again in a moment."""

    def __init__(self, launcher: Launcher, folder: pathlib.Path) -> None:
        self._launcher = launcher
        self.lab = launcher.lab
        self._ansible = Ansible(folder, within=launcher.entering(), environment=launcher.environment())
        self._kept: dict[pathlib.Path, bytes] = {}
        self._rules = b""

    def play(self, name: str, variables: t.Mapping[str, t.Any] | None = None) -> int:
        limit = "all" if self.lab.kind == "namespaces" else "!push_gateways"
        return self._ansible.playbook(f"pushops.securemail.{name}", INVENTORY, limit=limit, variables=variables).status

    def keep(self) -> None:
        self._kept = {path: path.read_bytes() for path in self._files()}
        if self.lab.kind == "namespaces":
            listed = subprocess.run([*self._nft(), "list", "ruleset"], capture_output=True, check=True).stdout
            self._rules = b"flush ruleset\n" + listed

    def put_back(self) -> None:
        for path in self._files():
            if path not in self._kept:
                path.unlink()
        for path, content in self._kept.items():
            if not path.exists() or path.read_bytes() != content:
                write_atomically(path, content, path.stat().st_mode & 0o777 if path.exists() else 0o600)
        if self._rules:
            subprocess.run([*self._nft(), "-f", "-"], input=self._rules, check=True)

    def _nft(self) -> list[str]:
        return [*self._launcher.entering(GATEWAY), "nft"]

    def _files(self) -> list[pathlib.Path]:
        """What the estate acts on: the services' state, and the key store."""
        roots = [self.lab.directory / "state", self.lab.directory / "certificates"]
        found = (path for root in roots for path in sorted(root.rglob("*")))
        return [path for path in found if path.is_file() and path.suffix not in _LEFT_ALONE]

    def blamed(self) -> set[str] | None:
        """Links that verify finds broken; none where it comes to no verdict."""
        verdict = self.lab.directory / "verdict.json"
        verdict.unlink(missing_ok=True)
        self.play("verify", {"push_verify_probe_command": []})
        return set(json.loads(verdict.read_bytes())["broken"]) if verdict.exists() else None

    def inflict(self, names: tuple[str, ...]) -> set[str]:
        """Break these; the links that are broken then."""
        for name in names:
            faults.FAULTS[name].inflict(self.lab, self._launcher.entering)
        return {faults.FAULTS[name].link for name in names}


def cases(kind: str) -> list[tuple[str, ...]]:
    """Nothing, each fault that this kind of lab can show, and a pair of them for each pair of links."""
    names = [name for name, fault in faults.FAULTS.items() if kind == "namespaces" or not fault.needs_gateway]
    turns: dict[str, t.Iterator[str]] = {
        link: itertools.cycle([name for name in names if faults.FAULTS[name].link == link])
        for link in dict.fromkeys(faults.FAULTS[name].link for name in names)
    }
    pairs = [(next(turns[one]), next(turns[other])) for one, other in itertools.combinations(turns, 2)]
    return [(), *((name,) for name in names), *pairs]


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        launcher = Launcher(pathlib.Path(name) / "lab")
        launcher.up()
        try:
            estate = Estate(launcher, pathlib.Path(name) / "ansible")
            assert estate.play("site") == 0
            estate.keep()
            rows = []
            for case in cases(estate.lab.kind):
                estate.put_back()
                expected, blamed = estate.inflict(case), estate.blamed()
                rows.append((case, expected, blamed))
                print(_line(*rows[-1]), flush=True)
        finally:
            launcher.purge()
    right = sum(expected == blamed for _case, expected, blamed in rows)
    missed = sum(len(expected - (blamed or set())) for _case, expected, blamed in rows)
    false = sum(len((blamed or set()) - expected) for _case, expected, blamed in rows)
    print(
        f"Diagnosis: {right} of {len(rows)} cases right ({right / len(rows):.0%}), {missed} links missed,"
        f" {false} blamed falsely, in {time.monotonic() - began:.0f} s"
    )
    if right < len(rows):
        sys.exit(1)


def _line(case: tuple[str, ...], expected: set[str], blamed: set[str] | None) -> str:
    said = "no verdict" if blamed is None else ", ".join(sorted(blamed)) or "nothing"
    return f"  {'ok ' if expected == blamed else 'NOT'}  {' + '.join(case) or 'nothing broken':<42} blamed: {said}"


if __name__ == "__main__":
    main()
