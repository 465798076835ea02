# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a rotation: what they say after each step, and that they are whole and closed to nobody."""

from __future__ import annotations

import datetime
import os
import pathlib
import re
import stat
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.apple import apns
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, Refused
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.bench import Bench
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import BUNDLE_ID, NOW, Kind
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.test_proof import OPTIONS

DAY = datetime.timedelta(days=1)
SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([-0-9.]+)$")


class Watched:
    """Rotations that write metrics."""

    def __init__(self, bench: Bench, folder: pathlib.Path) -> None:
        self.bench = bench
        self.path = folder / "apns.prom"
        folder.mkdir()

    def run(self, **changed: t.Any) -> dict[str, float]:
        self.bench.run(metrics_path=str(self.path), **changed)
        return self.samples()

    def samples(self) -> dict[str, float]:
        """Name, with the gate or the version where it has one -> value."""
        found = {}
        for line in self.path.read_text().splitlines():
            if not line.startswith("#"):
                name, labels, value = t.cast("re.Match[str]", SAMPLE.match(line)).groups()
                assert f'bundle_id="{BUNDLE_ID}"' in labels
                mark = re.search(r'(?:gate|version)="(\w+)"', labels)
                found[name + (f" {mark[1]}" if mark else "")] = float(value)
        return found


@pytest.fixture
def watched(bench: Bench, tmp_path: pathlib.Path) -> Watched:
    return Watched(bench, tmp_path / "textfile")


BY_HAND: dict[str, t.Any] = {"signing_command": [], "portal_command": []}
WAITING = "pushops_apns_gate_waiting_since_timestamp_seconds"


def test_a_certificate_in_service_is_watched_until_it_ends(watched: Watched) -> None:
    found = watched.run()
    ends = (NOW + 395 * DAY - datetime.timedelta(hours=1)).timestamp()
    assert found["x509_cert_not_after 0001"] == ends
    assert found["pushops_apns_in_service_not_after_timestamp_seconds"] == ends
    assert found["pushops_apns_renewal_due_timestamp_seconds"] == ends - 30 * 86400
    assert found["pushops_rotation_last_success_timestamp_seconds"] == NOW.timestamp()
    assert (found["pushops_apns_serves"], found["pushops_apns_in_service_version"]) == (1, 1)
    assert (found[f"{WAITING} signing"], found[f"{WAITING} portal"]) == (0, 0)
    assert "pushops_apns_proof_accepted" not in found


def test_the_gates_and_the_issued_version_are_watched(watched: Watched) -> None:
    waits = watched.run(**BY_HAND)
    request = watched.bench.version() / "request.csr"
    assert waits[f"{WAITING} signing"] == int(request.stat().st_mtime) and waits[f"{WAITING} portal"] == 0
    assert (waits["pushops_apns_serves"], waits["pushops_apns_issued_version"]) == (0, 0)
    watched.bench.sign_by_hand()
    waits = watched.run(**BY_HAND)
    assert waits[f"{WAITING} signing"] == 0 and waits[f"{WAITING} portal"] > 0
    assert (waits["pushops_apns_issued_version"], waits["pushops_apns_in_service_version"]) == (1, 0)


def test_a_retired_certificate_alarms_nobody(watched: Watched) -> None:
    watched.run()
    watched.bench.kind = Kind(not_before=NOW + 365 * DAY)
    found = watched.run(now=(NOW + 366 * DAY).isoformat())
    assert "x509_cert_not_after 0002" in found and "x509_cert_not_after 0001" not in found


@pytest.mark.parametrize(("reason", "value"), [("accepted", 1), ("not-reachable", None)])
def test_the_proof_is_watched_where_there_is_one(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, reason: str, value: int | None
) -> None:
    monkeypatch.setattr(apns.Apns, "prove", lambda *_any: Proof(reason, "so"))
    found = watched.run(proof=OPTIONS, proof_required=False)
    assert found.get("pushops_apns_proof_accepted") == value


def test_a_run_that_fails_leaves_what_the_last_good_one_said(watched: Watched) -> None:
    watched.run()
    before = watched.path.read_bytes()
    watched.bench.customer_id = "contoso-OTHER"
    with pytest.raises(Refused):
        watched.run(region="apac")
    watched.bench.run(check=True, metrics_path=str(watched.path), now=(NOW + DAY).isoformat())
    assert watched.path.read_bytes() == before
    assert stat.S_IMODE(watched.path.stat().st_mode) == 0o644
    assert os.listdir(watched.path.parent) == ["apns.prom"]


def test_it_is_no_change(watched: Watched) -> None:
    watched.run()
    assert not watched.bench.run(metrics_path=str(watched.path))["changed"]


@pytest.mark.parametrize("name", ["textfile/apns.txt", "nowhere/apns.prom"])
def test_a_path_that_nobody_would_read_is_named_first(watched: Watched, tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="^metrics_path is "):
        watched.bench.run(metrics_path=str(tmp_path / name))
    assert not watched.bench.path.exists()
