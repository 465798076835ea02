# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotated means that the consumer was seen using the new certificate; where nobody looks, nothing is made up."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import gates
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import Refused
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import Bench
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import NOW, Kind
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_journal import entries, steps
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_rotation import DAY, at, names
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_survey import only, states


class Consumer:
    """A listener, and the site's command that looks at it.

    :ivar says: what the command prints; an exception is raised instead.
    """

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch) -> None:
        self._bench = bench
        self._others = gates.run
        self.says: str | Exception = json.dumps({"sha256": None})
        self.asked: list[list[str]] = []
        patch.setattr(gates, "run", self._run)

    def _run(self, gate: str, argv: list[str], *rest: t.Any) -> str:
        if gate != gates.CONSUMER:
            return self._others(gate, argv, *rest)
        self.asked.append(argv)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def uses(self, sha256: str) -> None:
        self.says = json.dumps({"sha256": sha256})

    def run(self, **changed: t.Any) -> dict[str, t.Any]:
        return self._bench.run(**{"consumer_command": ["look", "{region}", "{bundle_id}"], **changed})


@pytest.fixture
def consumer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    return Consumer(bench, monkeypatch)


def test_where_nobody_looks_nothing_is_made_up(bench: Bench, consumer: Consumer) -> None:
    assert bench.run(check=True)["consumer"] is None
    result = bench.run()
    assert result["consumer"]["status"] == "not-observed" and "consumer_command" in result["consumer"]["sentence"]
    assert {result["consumer"][name] for name in ("sha256", "version", "since")} == {""} and consumer.asked == []
    assert only(bench)["consumer"]["status"] == "not-observed"


def test_a_new_certificate_is_in_use_only_once_it_was_seen(bench: Bench, consumer: Consumer) -> None:
    first = consumer.run()
    assert first["stage"] == "in-service" and first["consumer"]["status"] == "not-yet-in-use"
    assert first["consumer"]["since"] == NOW.isoformat() and consumer.asked == [
        ["look", "emea", "com.contoso.securemail"]
    ], "once in a run"
    consumer.uses(first["certificate"]["sha256"])
    predicted = consumer.run(check=True, now=at(1))
    assert steps(bench)[-1] == "in-service", "check mode notes nothing"
    seen = consumer.run(now=at(1))
    assert not seen["changed"] and seen["consumer"] == predicted["consumer"] and seen["consumer"]["status"] == "in-use"
    assert (seen["consumer"]["version"], seen["consumer"]["since"]) == ("0001", at(1))
    later = consumer.run(now=at(2))
    assert not later["changed"] and later["consumer"] == seen["consumer"] and steps(bench)[-1] == "seen-in-use"
    assert only(bench)["consumer"]["since"] == at(1)


def test_the_old_one_is_retired_once_the_new_one_is_seen(bench: Bench, consumer: Consumer) -> None:
    old = consumer.run()["certificate"]["sha256"]
    consumer.uses(old)
    consumer.run()
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    switched = consumer.run(now=at(366))
    assert switched["consumer"] == {
        "status": "not-yet-in-use",
        "sentence": "Version 0002 is uploaded and not yet seen in use; the consumer uses version 0001",
        "sha256": old,
        "version": "0001",
        "since": at(366),
    }
    assert states(only(bench, 366)) == ["superseded", "in-service"]
    assert only(bench, 366)["consumer"]["status"] == "not-yet-in-use"
    assert not consumer.run(now=at(367))["changed"]
    consumer.uses(switched["certificate"]["sha256"])
    assert names(consumer.run(now=at(368))) == ["0001 retired"]
    assert states(only(bench, 368)) == ["retired", "in-service"]


def test_an_old_one_that_expired_is_retired_even_if_nobody_saw_the_new_one(bench: Bench, consumer: Consumer) -> None:
    consumer.run()
    bench.kind = Kind(not_before=NOW + 365 * DAY)
    consumer.run(now=at(366))
    assert names(consumer.run(now=at(396))) == ["0001 retired"]
    assert entries(bench)[-1]["reason"] == "expired"


def test_a_consumer_that_goes_back_is_reported(bench: Bench, consumer: Consumer) -> None:
    sha256 = consumer.run()["certificate"]["sha256"]
    consumer.uses(sha256.upper())
    assert consumer.run()["consumer"]["status"] == "in-use"
    consumer.uses("ab" * 32)
    told = consumer.run()["consumer"]
    assert told["status"] == "not-yet-in-use" and "none of the store's" in told["sentence"]
    assert f"it was seen in use at {NOW.isoformat()}" in told["sentence"]


@pytest.mark.parametrize("says", ["", "[]", '{"sha256": "canary"}', '{"other": 1}', "canary", Refused("It hung", "x")])
def test_a_look_that_fails_fails_no_rotation(consumer: Consumer, says: str | Exception) -> None:
    consumer.says = says
    result = consumer.run()
    assert (result["stage"], result["consumer"]["status"]) == ("in-service", "not-observed")
    assert "canary" not in repr(result) and result["consumer"]["sentence"]


def test_metrics_tell_issued_from_in_use(bench: Bench, consumer: Consumer) -> None:
    path = bench.path.parent / "apns.prom"

    def metric(name: str) -> list[str]:
        return [line.rsplit(" ", 1)[1] for line in path.read_text().splitlines() if line.startswith(name + "{")]

    bench.run(metrics_path=str(path))
    assert metric("pushops_apns_in_use_version") == [], "absent where nobody looks"
    consumer.run(metrics_path=str(path))
    assert (metric("pushops_apns_in_service_version"), metric("pushops_apns_in_use_version")) == (["1"], ["0"])
    consumer.uses(bench.run()["certificate"]["sha256"])
    consumer.run(metrics_path=str(path))
    assert metric("pushops_apns_in_use_version") == ["1"]
    assert metric("pushops_apns_in_use_since_timestamp_seconds") == [f"{NOW.timestamp():.0f}"]
