# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam to nft: what it runs, what it notices, and what its refusals become."""

from __future__ import annotations

import itertools
import json
import pathlib
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    NotConverged,
    PushOpsError,
    Refused,
    Stale,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux.boot import Boot
from ansible_collections.pushops.securemail.plugins.module_utils.linux.commit_confirm import CommitConfirm
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_runner import NftRunner
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Flows

META = {"metainfo": {"version": "1.0.6", "json_schema_version": 1}}
BASE = {"family": "inet", "table": "filter", "name": "forward", "handle": 1, "type": "filter", "hook": "forward"}
FOREIGN = {"family": "inet", "table": "filter", "name": "blocked", "type": "ipv4_addr", "flags": ["interval"]}
OURS = {**FOREIGN, "name": "pushops_forward_old_dst4"}
LISTING = json.dumps({"nftables": [META, {"set": FOREIGN}, {"set": OURS}, {"chain": BASE}]})
ELEMENTS = json.dumps({"nftables": [META, {"set": {**OURS, "elem": ["203.0.113.1"]}}]})
OPENING = Opening("forward", None, (Flow("listener", "", (), ("203.0.113.11",), (443,)),), True)
NFT = ["/usr/sbin/nft", "-j"]


class Host:
    """Answers for ``AnsibleModule``: one answer for the listing, one for a set, one for the transaction."""

    def __init__(self, listing: tuple[int, str, str], transaction: tuple[int, str, str], nft: str | None) -> None:
        self.ran: list[list[str]] = []
        self.sent: list[list[dict[str, t.Any]]] = []
        self._listing, self._transaction, self._nft = listing, transaction, nft

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None:
        return self._nft

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]:
        self.ran.append(args)
        if options["data"] is None:
            return (0, ELEMENTS, "") if args[2:4] == ["list", "set"] else self._listing
        self.sent.append(json.loads(options["data"])["nftables"])
        return self._transaction


def host(
    listing: tuple[int, str, str] = (0, LISTING, ""),
    transaction: tuple[int, str, str] = (0, "", ""),
    nft: str | None = "/usr/sbin/nft",
) -> Host:
    return Host(listing, transaction, nft)


def flows(asked: Host, folder: pathlib.Path, generations: t.Iterable[int] = itertools.repeat(7)) -> Flows:
    numbers = iter(generations)
    runner = NftRunner(asked, lambda: next(numbers))
    boot = Boot(asked, "test", lambda: runner.program)
    return Flows(runner, boot, CommitConfirm(folder), OPENING, persist=False)


def test_sets_of_others_are_not_read_and_one_transaction_is_sent(tmp_path: pathlib.Path) -> None:
    asked = host()
    with pytest.raises(NotConverged):  # this host forgets what it accepted
        reconcile(flows(asked, tmp_path), check_mode=False)
    reads = [[*NFT, "-t", "list", "ruleset"], [*NFT, "list", "set", "inet", "filter", "pushops_forward_old_dst4"]]
    assert asked.ran == [*reads, [*NFT, "-f", "-"], *reads]
    (commands,) = asked.sent
    assert [next(iter(command)) for command in commands] == ["create", "create", "insert", "insert", "delete"]


def test_check_mode_sends_nothing(tmp_path: pathlib.Path) -> None:
    asked = host()
    assert reconcile(flows(asked, tmp_path), check_mode=True).changed
    assert asked.sent == []


def test_a_listing_of_two_generations_is_read_again(tmp_path: pathlib.Path) -> None:
    asked = host()
    outcome = reconcile(flows(asked, tmp_path, [7, 8, 8, 8]), check_mode=True)
    assert outcome.changed and [words[2] for words in asked.ran] == ["-t", "list"] * 2
    with pytest.raises(Stale, match="changed during each of 3 attempts"):
        reconcile(flows(host(), tmp_path, itertools.count()), check_mode=True)


@pytest.mark.parametrize("refused", [False, True], ids=["seen before the write", "seen by nft's refusal"])
def test_somebody_elses_change_is_noticed_tried_once_more_and_reported(tmp_path: pathlib.Path, refused: bool) -> None:
    # Generations: before and after the read, before the write, and after it where nft refuses.
    once = [7, 7, 7, 8] if refused else [7, 7, 8]
    again = [number + 1 for number in once]
    asked = host(transaction=(1, "", "Error: File exists\n") if refused else (0, "", ""))
    with pytest.raises(Stale, match=r"Somebody else changed the rule set.*Nothing was changed here"):
        reconcile(flows(asked, tmp_path, [*once, *again]), check_mode=False)
    assert len(asked.sent) == (2 if refused else 0)

    asked = host()
    with pytest.raises(NotConverged):  # the second attempt is sent
        reconcile(flows(asked, tmp_path, [7, 7, 8, *[8] * 9]), check_mode=False)
    assert len(asked.sent) == 1


def _version(text: str) -> tuple[int, str, str]:
    return 0, json.dumps({"nftables": [{"metainfo": {"version": text}}]}), ""


@pytest.mark.parametrize(
    ("asked", "kind", "text"),
    [
        (host(nft=None), Refused, "no nft. Install the package nftables"),
        (host((1, "", "Operation not permitted (you must be root)\n")), Refused, "become: true"),
        (host((1, "", "Error: JSON support not compiled-in\n")), Refused, "built with JSON support"),
        (host(_version("0.9.8")), Refused, "nftables 0.9.8, expected 1.0.6 or later. Upgrade"),
        (host(_version("1.0.5")), Refused, "nftables 1.0.5, expected 1.0.6 or later. Upgrade"),
        (host(_version("unknown")), Refused, "nftables unknown, expected 1.0.6"),
        (host((0, "table inet filter {", "")), UnexpectedState, "printed no JSON"),
        (host((0, "[]", "")), UnexpectedState, "unknown shape"),
        (host(transaction=(1, "", "Error: No such file or directory;\n")), Refused, "changed nothing: Error: No such"),
        (host(transaction=(1, "", "netlink: Error: Message too long\n")), Refused, "net.core.wmem_max"),
    ],
    ids=["missing", "not root", "no JSON support", "old", "nearly", "unknown", "not JSON", "other", "refused", "long"],
)
def test_each_refusal_says_what_to_do(asked: Host, kind: type[PushOpsError], text: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(kind, match=text.replace("(", r"\(")):
        reconcile(flows(asked, tmp_path), check_mode=False)


@pytest.mark.parametrize("version", ["1.0.6", "1.0.10", "1.1", "2"])
def test_later_versions_are_read(version: str, tmp_path: pathlib.Path) -> None:
    assert not reconcile(flows(host(_version(version)), tmp_path), check_mode=True).changed
