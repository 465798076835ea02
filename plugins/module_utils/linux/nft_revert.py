# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a change back that nobody confirmed. A copy of this file runs on the host by itself, so it imports no other.

It holds a lock on its record while it waits. When the record is gone, the change was confirmed. When the time is up,
it renames the record, which only one of the two can do, and restores what was ours: our sets and our rules, each where
it stood. Rules and sets of others stay as they are by then.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
import typing as t

Json = dict[str, t.Any]
Name = tuple[str, str, str]

PREFIX = "pushops.securemail "
_ATTEMPTS = 5


def now() -> float:
    """Seconds since boot, those asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def restoring(record: Json, ruleset: Json, delete_sets: bool = True) -> list[Json]:
    """The commands that bring our part of a rule set back to what a record holds.

    :param record: ``sets`` (``set`` and ``elem``), ``chains`` (``name``, ``directions``, ``rules``), ``prefix``.
    :param ruleset: the document of ``nft -j list ruleset``.
    """
    chains: dict[Name, Json] = {tuple(chain["name"]): chain for chain in record["chains"]}
    tables = {name[:2] for name in chains}
    sets: set[Name] = set()
    there: dict[Name, set[int]] = {}
    commands: list[Json] = []
    for entry in ruleset["nftables"]:
        rule, named = entry.get("rule"), entry.get("set")
        if rule:
            name = rule["family"], rule["table"], rule["chain"]
            if name not in chains:
                continue
            words = rule.get("comment", "").split()
            if rule.get("comment", "").startswith(PREFIX) and words[2] in chains[name]["directions"]:
                commands.append({"delete": {"rule": {**_in(name), "handle": rule["handle"]}}})
            else:
                there.setdefault(name, set()).add(rule["handle"])
        elif named and named["name"].startswith(record["prefix"]) and (named["family"], named["table"]) in tables:
            sets.add((named["family"], named["table"], named["name"]))
    recorded = {(s["set"]["family"], s["set"]["table"], s["set"]["name"]): s for s in record["sets"]}
    for name in sorted(sets) if delete_sets else ():
        if name not in recorded:
            commands.append({"delete": {"set": _named(name)}})
    for name, kept in recorded.items():
        commands.append({"flush": {"set": _named(name)}} if name in sets else {"create": {"set": kept["set"]}})
        if kept["elem"]:
            commands.append({"create": {"element": {**_named(name), "elem": kept["elem"]}}})
    for name, chain in chains.items():
        for kept in reversed(
            chain["rules"]
        ):  # each goes right behind its neighbor or to the head: the first comes last
            body = {**_in(name), "comment": kept["comment"], "expr": kept["expr"]}
            if kept["after"] in there.get(name, ()):
                commands.append({"add": {"rule": {**body, "handle": kept["after"]}}})
            else:
                commands.append({"insert": {"rule": body}})
    return commands


def _in(name: Name) -> Json:
    return {"family": name[0], "table": name[1], "chain": name[2]}


def _named(name: Name) -> Json:
    return {"family": name[0], "table": name[1], "name": name[2]}


def revert(record: Json) -> bool:
    """Restore what a record holds, in one transaction. Whether that was done."""
    nft = [record["nft"], "-j"]
    for delete_sets in (True, False):  # a set that somebody else uses by now cannot be deleted
        listed = subprocess.run(  # noqa: S603
            [*nft, "-t", "list", "ruleset"], stdout=subprocess.PIPE, check=True
        )
        commands = restoring(record, json.loads(listed.stdout), delete_sets)
        document = json.dumps({"nftables": commands}).encode()
        if not commands:
            return True
        sent = subprocess.run([*nft, "-f", "-"], input=document, check=False)  # noqa: S603
        if sent.returncode == 0:
            return True
    return False


def main(path: str) -> int:
    """Wait for the deadline of a record, then take the change back. 0 where it was confirmed or taken back."""
    with open(path, encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        record = json.load(held)
        while (left := record["deadline"] - now()) > 0:
            if not os.path.exists(path):
                return 0
            time.sleep(min(left, 0.25))
        claimed = path + ".reverting"
        try:
            os.rename(path, claimed)
        except FileNotFoundError:
            return 0
        sys.stderr.write(f"{record['hook']}: the change was not confirmed in time and is taken back\n")
        for attempt in range(_ATTEMPTS):
            time.sleep(attempt)
            if revert(record):
                os.unlink(claimed)
                return 0
        os.rename(claimed, path + ".failed")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
