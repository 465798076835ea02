# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of nft: it holds a rule set and applies this project's transactions."""

from __future__ import annotations

import copy
import typing as t

Json = dict[str, t.Any]


def chain(name: str, hook: str = "", family: str = "inet", kind: str = "filter") -> Json:
    base = {"type": kind, "hook": hook, "prio": 0, "policy": "drop"} if hook else {}
    return {"chain": {"family": family, "table": "filter", "name": name, "handle": 1, **base}}


class Nft:
    """Holds a rule set and applies transactions to it, as far as this module's commands go."""

    def __init__(self, *entries: Json) -> None:
        self.entries: list[Json] = [{"metainfo": {"json_schema_version": 1}}, *copy.deepcopy(entries)]
        self._handle = 100

    def document(self) -> Json:
        return copy.deepcopy({"nftables": self.entries})

    def rule(self, where: str, expressions: list[Json], comment: str = "", head: bool = False) -> None:
        self._handle += 1
        body: Json = {"family": "inet", "table": "filter", "chain": where, "handle": self._handle, "expr": expressions}
        if comment:
            body["comment"] = comment
        self.entries.insert(1 if head else len(self.entries), {"rule": body})

    def run(self, commands: list[Json]) -> None:
        for command in commands:
            ((verb, body),) = command.items()
            ((kind, item),) = body.items()
            getattr(self, f"_{verb}_{kind}")(item)

    def _find(self, kind: str, item: Json, keys: tuple[str, ...]) -> Json:
        (found,) = [e for e in self.entries if kind in e and all(e[kind][key] == item[key] for key in keys)]
        return found

    def _create_set(self, item: Json) -> None:
        assert not any("set" in e and e["set"]["name"] == item["name"] for e in self._of(item)), "File exists"
        self.entries.insert(1, {"set": {**copy.deepcopy({**item, "elem": []}), "handle": 7}})

    def _of(self, item: Json) -> list[Json]:
        where = item["family"], item["table"]
        return [e for e in self.entries for body in e.values() if (body.get("family"), body.get("table")) == where]

    def _delete_set(self, item: Json) -> None:
        assert f'"@{item["name"]}"' not in str(self.entries).replace("'", '"'), "Device or resource busy"
        self.entries.remove(self._find("set", item, ("family", "table", "name")))

    def _create_element(self, item: Json) -> None:
        present = self._find("set", item, ("family", "table", "name"))["set"].setdefault("elem", [])
        assert not any(element in present for element in item["elem"]), "File exists"
        present.extend(item["elem"])

    def _delete_element(self, item: Json) -> None:
        present = self._find("set", item, ("family", "table", "name"))["set"]["elem"]
        for element in item["elem"]:
            present.remove(element)

    def _insert_rule(self, item: Json) -> None:
        self._handle += 1
        echoed = copy.deepcopy(item)
        echoed["expr"][-2]["counter"] = {"packets": 12, "bytes": 720}  # traffic between two runs
        self.entries.insert(1, {"rule": {**echoed, "handle": self._handle}})

    def _delete_rule(self, item: Json) -> None:
        self.entries.remove(self._find("rule", item, ("family", "table", "chain", "handle")))

    def _flush_set(self, item: Json) -> None:
        self._find("set", item, ("family", "table", "name"))["set"]["elem"] = []

    def _add_rule(self, item: Json) -> None:
        """Right behind the rule of a handle."""
        neighbor = self._find("rule", item, ("family", "table", "chain", "handle"))
        self._handle += 1
        self.entries.insert(self.entries.index(neighbor) + 1, {"rule": {**copy.deepcopy(item), "handle": self._handle}})
