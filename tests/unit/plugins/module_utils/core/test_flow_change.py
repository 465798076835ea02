# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots that replace one another: what is lost, and when it is refused."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.flow_change import compare, guard
from ansible_collections.pushops.securemail.plugins.module_utils.core.flows import Flow

OLD, NEW = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)


def flow(*destinations: str, name: str = "listener") -> Flow:
    return Flow(name, "", (), destinations, (443,))


def test_addresses_are_compared_and_not_how_they_are_written() -> None:
    (change,) = compare([flow("52.6.252.0", "52.6.252.1", "52.9.0.0/31")], [flow("52.6.252.0/31", "52.9.0.1")])
    assert (change.added, change.removed, change.lost_share) == ((), ("52.9.0.0",), 0.25)


def test_each_family_has_a_share_of_its_own() -> None:
    (change,) = compare([flow("2a01:b740::/32", "52.6.252.176")], [flow("2a01:b740::/32", "52.6.252.177")])
    assert change.lost_share == 1.0


def test_a_flow_that_is_new_loses_nothing() -> None:
    (change,) = compare([], [flow("52.6.252.176")])
    assert (change.added, change.lost_share) == (("52.6.252.176",), 0.0)


@pytest.mark.parametrize(("kept", "refused"), [(4, False), (2, False), (1, True), (0, True)])
def test_losing_more_than_the_share_is_refused(kept: int, refused: bool) -> None:
    hosts = [f"52.6.252.{number}" for number in range(4)]
    problem = guard(compare([flow(*hosts)], [flow("52.9.0.1", *hosts[:kept])]), (OLD, NEW), 0.5)
    assert (problem is not None) is refused
    if problem:
        assert f"not {1 - kept / 4:.0%}" in str(problem) and "for listener" in str(problem)
        assert "push_endpoints_accepted: '2026-02-01'" in problem.remedy


def test_an_older_snapshot_is_refused() -> None:
    same = [flow("52.6.252.176")]
    problem = guard(compare(same, same), (NEW, OLD), 0.5)
    assert problem is not None and problem.field == "push_endpoints.date"


_hosts = st.sets(st.integers(0x34000000, 0x34000040), min_size=1, max_size=20)


@given(_hosts, _hosts)
def test_what_is_added_and_removed_turns_the_old_addresses_into_the_new(old: set[int], new: set[int]) -> None:
    def written(numbers: set[int]) -> list[str]:
        return [str(ipaddress.IPv4Address(number)) for number in numbers]

    def addresses(cidrs: tuple[str, ...]) -> set[int]:
        return {int(address) for cidr in cidrs for address in ipaddress.ip_network(cidr)}

    (change,) = compare([flow(*written(old))], [flow(*written(new))])
    assert old - addresses(change.removed) | addresses(change.added) == new
    assert addresses(change.removed) == old - new
    assert change.lost_share == pytest.approx(len(old - new) / len(old))
