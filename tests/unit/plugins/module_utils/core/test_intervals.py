# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interval arithmetic against plain Python sets of numbers."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.intervals import (
    Interval,
    contains,
    interval_of,
    merge,
    subtract,
    to_cidrs,
)

intervals = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))))


def numbers(listed: list[Interval]) -> set[int]:
    return {number for first, last in listed for number in range(first, last + 1)}


@given(intervals)
def test_merge_keeps_the_addresses_and_leaves_gaps_between(listed: list[Interval]) -> None:
    merged = merge(listed)
    assert numbers(merged) == numbers(listed)
    assert all(left[1] + 1 < right[0] for left, right in zip(merged, merged[1:], strict=False))


@given(intervals, intervals)
def test_subtract_is_the_difference_of_sets(one: list[Interval], other: list[Interval]) -> None:
    assert numbers(subtract(merge(one), merge(other))) == numbers(one) - numbers(other)


@given(intervals, st.tuples(st.integers(0, 200), st.integers(0, 12)))
def test_contains_is_the_subset_relation(listed: list[Interval], pair: tuple[int, int]) -> None:
    interval = (pair[0], sum(pair))
    assert contains(merge(listed), interval) == (numbers([interval]) <= numbers(listed))


@given(st.integers(0, 2**32 - 1), st.integers(0, 5000))
def test_cidrs_cover_exactly_the_interval(first: int, length: int) -> None:
    interval = (first, min(first + length, 2**32 - 1))
    assert merge(interval_of(cidr) for cidr in to_cidrs(interval, 4)) == [interval]


def test_hosts_carry_no_prefix_length_in_either_family() -> None:
    host = int(ipaddress.ip_address("2001:db8::1"))
    assert to_cidrs((host, host), 6) == ["2001:db8::1"]
    assert to_cidrs(interval_of("192.0.2.8/31"), 4) == ["192.0.2.8/31"]
    assert to_cidrs(interval_of("192.0.2.8"), 4) == ["192.0.2.8"]
