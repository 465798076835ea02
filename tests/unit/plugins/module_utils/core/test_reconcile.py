# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, apply, read again: on a resource that may lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import NotConverged
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import (
    Change,
    Plan,
    Resource,
    reconcile,
)

Settings = dict[str, int]


class Store(Resource[Settings]):
    """Settings in memory; keys in ``deaf`` take no writes."""

    header = "store"

    def __init__(self, present: Settings, desired: Settings, deaf: frozenset[str] = frozenset()) -> None:
        self.present, self.desired, self.deaf = dict(present), desired, deaf
        self.writes = 0

    def read(self) -> Settings:
        return dict(self.present)

    def plan(self, present: Settings) -> Plan:
        return Plan(
            tuple(
                Change(key, present.get(key), value, action=key)
                for key, value in self.desired.items()
                if present.get(key) != value
            )
        )

    def apply(self, plan: Plan) -> None:
        self.writes += 1
        for change in plan.changes:
            if change.action not in self.deaf:
                self.present[change.action] = change.after


SETTINGS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))


@given(SETTINGS, SETTINGS)
def test_check_mode_predicts_exactly_what_applying_does(present: Settings, desired: Settings) -> None:
    predicted = reconcile(Store(present, desired), check_mode=True)
    store = Store(present, desired)
    applied = reconcile(store, check_mode=False)
    assert predicted.result() == applied.result()
    assert {key: store.present[key] for key in desired} == desired
    assert {key: value for key, value in store.present.items() if key not in desired} == {
        key: value for key, value in present.items() if key not in desired
    }


@given(SETTINGS, SETTINGS)
def test_the_second_run_writes_nothing(present: Settings, desired: Settings) -> None:
    store = Store(present, desired)
    reconcile(store, check_mode=False)
    writes = store.writes
    assert reconcile(store, check_mode=False).result()["changed"] is False
    assert store.writes == writes


def test_check_mode_writes_nothing() -> None:
    store = Store({"a": 0}, {"a": 1})
    assert reconcile(store, check_mode=True).changed
    assert (store.writes, store.present) == (0, {"a": 0})


def test_a_write_without_effect_is_a_failure_that_names_both_values() -> None:
    with pytest.raises(NotConverged, match=r"a reads 0, asked was 1"):
        reconcile(Store({"a": 0}, {"a": 1}, deaf=frozenset("a")), check_mode=False)


def test_the_diff_shows_values_and_never_the_action() -> None:
    plan = Plan((Change("password policy", "weak", "strong", action="CANARY"),))
    assert "CANARY" not in repr(plan) + str(plan.diff("host"))
    assert plan.diff("host") == {
        "before": {"password policy": "weak"},
        "after": {"password policy": "strong"},
        "before_header": "host",
        "after_header": "host",
    }
