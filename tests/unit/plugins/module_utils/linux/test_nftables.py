# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam to nft: what it runs, and what its refusals become."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    NotConverged,
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nft_plan import Opening
from ansible_collections.pushops.securemail.plugins.module_utils.linux.nftables import Flows, NftRunner

BASE = {"family": "inet", "table": "filter", "name": "forward", "handle": 1, "type": "filter", "hook": "forward"}
LISTING = json.dumps({"nftables": [{"metainfo": {}}, {"chain": BASE}]})
OPENING = Opening("forward", None, (Flow("listener", "", (), ("203.0.113.11",), (443,)),), True)


class Host:
    """Answers for ``AnsibleModule``: one answer for the listing, one for the transaction."""

    def __init__(self, listing: tuple[int, str, str], transaction: tuple[int, str, str], nft: str | None) -> None:
        self.ran: list[list[str]] = []
        self.sent: list[str] = []
        self._listing, self._transaction, self._nft = listing, transaction, nft

    def get_bin_path(self, arg: str, required: bool = False, opt_dirs: t.Any = None) -> str | None:
        return self._nft

    def run_command(self, args: list[str], **options: t.Any) -> tuple[int, str, str]:
        self.ran.append(args)
        if options["data"] is None:
            return self._listing
        self.sent.append(options["data"])
        return self._transaction


def host(
    listing: tuple[int, str, str] = (0, LISTING, ""),
    transaction: tuple[int, str, str] = (0, "", ""),
    nft: str | None = "/usr/sbin/nft",
) -> Host:
    return Host(listing, transaction, nft)


def test_one_listing_and_one_transaction_on_standard_input() -> None:
    asked = host()
    with pytest.raises(NotConverged):  # this host forgets what it accepted
        reconcile(Flows(NftRunner(asked), OPENING), check_mode=False)
    nft = ["/usr/sbin/nft", "-j"]
    assert asked.ran == [[*nft, "list", "ruleset"], [*nft, "-f", "-"], [*nft, "list", "ruleset"]]
    assert [next(iter(command)) for command in json.loads(asked.sent[0])["nftables"]] == ["add", "insert", "insert"]


def test_check_mode_sends_nothing() -> None:
    asked = host()
    assert reconcile(Flows(NftRunner(asked), OPENING), check_mode=True).changed
    assert asked.sent == []


@pytest.mark.parametrize(
    ("asked", "kind", "text"),
    [
        (host(nft=None), Refused, "no nft. Install the package nftables"),
        (host((1, "", "Operation not permitted (you must be root)\n")), Refused, "become: true"),
        (host((1, "", "Error: JSON support not compiled-in\n")), Refused, "built with JSON support"),
        (host((0, "table inet filter {", "")), UnexpectedState, "printed no JSON"),
        (host((0, "[]", "")), UnexpectedState, "unknown shape"),
        (host(transaction=(1, "", "Error: No such file or directory;\n")), Refused, "changed nothing: Error: No such"),
        (host(transaction=(1, "", "netlink: Error: Message too long\n")), Refused, "net.core.wmem_max"),
    ],
    ids=["missing", "not root", "no JSON support", "not JSON", "other JSON", "refused", "too long"],
)
def test_each_refusal_says_what_to_do(asked: Host, kind: type[PushOpsError], text: str) -> None:
    with pytest.raises(kind, match=text.replace("(", r"\(")):
        reconcile(Flows(NftRunner(asked), OPENING), check_mode=False)
