# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of netsh: it carries out this project's lines on a host's firewall rules."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_policy import Policy, StoredRule
from ansible_collections.pushops.securemail.plugins.module_utils.windows.firewall_rules import Rule

Split = t.Callable[[str], list[str]]


def carry_out(policy: Policy, lines: t.Iterable[str], split: Split) -> Policy:
    """What netsh makes of the lines: every rule of a name is meant, and names are found in any case."""
    rules = list(policy.rules)
    count = itertools.count(1000)
    for line in lines:
        program, context, firewall, verb, kind, *words = split(line)
        assert (program, context, firewall, kind) == ("netsh", "advfirewall", "firewall", "rule")
        given_words = dict(word.split("=", 1) for word in words if word != "new")
        meant = [
            stored
            for stored in rules
            if not stored.group_policy and stored.rule.outbound and stored.rule.name.lower() == words[0][5:].lower()
        ]
        assert given_words["dir"] == "out"
        if verb == "add":
            rules.append(StoredRule(f"{{{next(count)}}}", added(given_words)))
        elif verb == "delete":
            assert meant
            rules = [stored for stored in rules if stored not in meant]
        else:
            assert verb == "set" and words[2] == "new" and len(words) == 4
            rules = [renamed(stored, given_words["name"]) if stored in meant else stored for stored in rules]
    return Policy(policy.profiles, tuple(rules))


def added(words: dict[str, str]) -> Rule:
    assert (words["action"], words["enable"], words["profile"], words["protocol"]) == ("allow", "yes", "any", "TCP")
    fields = [("Action", "Allow"), ("Active", "TRUE"), ("Dir", "Out"), ("Protocol", "6")]
    fields += [("RPort", port) for port in words["remoteport"].split(",")]
    for side, name in (("LA", "localip"), ("RA", "remoteip")):
        given_addresses = words[name].split(",") if name in words else []
        fields += [(f"{side}{6 if ':' in address else 4}", address) for address in given_addresses]
    fields += [("Name", words["name"]), *([("Desc", words["description"])] if "description" in words else [])]
    return Rule("v2.31", tuple(fields))


def renamed(stored: StoredRule, name: str) -> StoredRule:
    fields = tuple((field, name if field == "Name" else value) for field, value in stored.rule.fields)
    return StoredRule(stored.id, Rule(stored.rule.version, fields))
