# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict module as Ansible calls it: registered results in, one JSON document out."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.pushops.securemail.plugins.modules import push_path_verdict

EWS = ["read-ahead", "proxy-bypass"]
LOW = {"name": "uploadReadAheadSize", "before": 0, "after": 49152, "link": "read-ahead"}
EMEA = {
    "name": "emea",
    "region": "EMEA",
    "bundle_id": "com.contoso.securemail",
    "customer_id": "contoso-7Q2M4",
}
ARRIVED = {"mailbox": "alex@contoso.com", "arrived": True, "content_free": True, "devices": []}


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    def run(
        hosts: dict[str, t.Any], links: list[str] | None = None, asked_for: list[str] | None = None, **more: t.Any
    ) -> dict[str, t.Any]:
        results = [{"asked": "exchange", "links": links or EWS, "hosts": hosts}]
        arguments = {"environment": EMEA, "results": results, "probe": ARRIVED, "links": asked_for, **more}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            push_path_verdict.main()
        answer: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_a_sound_path(judge: t.Callable[..., dict[str, t.Any]]) -> None:
    answer = judge({"exch01": {"changes": []}})
    assert (answer["sound"], answer["broken"], answer["badge"], answer["changed"]) == (True, [], "arrived", False)


def test_a_broken_link_is_a_result_and_no_failure(judge: t.Callable[..., dict[str, t.Any]]) -> None:
    answer = judge({"exch01": {"changes": []}, "exch02": {"changes": [LOW]}})
    assert (answer["sound"], answer["broken"]) == (False, ["read-ahead"])
    assert "failed" not in answer
    assert any(line.startswith("BROKEN read-ahead") for line in answer["report"])
    assert any("exch02: uploadReadAheadSize is 0, expected 49152" in line for line in answer["report"])
    assert not any("exch01" in line for line in answer["report"])


def test_a_host_without_an_answer_is_not_sound(judge: t.Callable[..., dict[str, t.Any]]) -> None:
    answer = judge({"exch01": {"unreachable": True, "msg": "no route"}})
    assert (answer["sound"], answer["not_tested"]) == (False, EWS)


def test_the_verdict_is_written_whole_for_its_owner(
    judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "verdict.json"
    path.write_text("an older verdict")
    answer = judge({"exch01": {"changes": [LOW]}}, evidence_path=str(path))
    written = json.loads(path.read_bytes())
    assert written["broken"] == answer["broken"] == ["read-ahead"]
    assert written["probe"] == ARRIVED
    assert (written["environment"], path.stat().st_mode & 0o777) == (EMEA, 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]


def test_warnings_and_notes_are_told_and_change_no_verdict(
    judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "verdict.json"
    more = {"warnings": ["listener: it moved"], "notes": ["Names: 1 of 2 resolve as pinned."]}
    answer = judge({"exch01": {"changes": []}}, evidence_path=str(path), **more)
    assert answer["sound"]
    assert answer["report"][:2] == ["WARNING listener: it moved", "Names: 1 of 2 resolve as pinned."]
    assert json.loads(path.read_bytes())["warnings"] == ["listener: it moved"]


def test_check_mode_writes_nothing(judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    answer = judge({"exch01": {"changes": []}}, evidence_path=str(tmp_path / "v.json"), _ansible_check_mode=True)
    assert answer["sound"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("probe", "named"),
    [
        ({"content_free": True, "devices": []}, "probe.arrived"),
        ({**ARRIVED, "devices": "iphone-1"}, "probe.devices"),
        (
            {**ARRIVED, "devices": [{"device": "iphone-1", "arrived": True, "badge_after": 1}]},
            "probe.devices[0].badge_before",
        ),
        ({**ARRIVED, "devices": ["iphone-1"]}, "probe.devices[0] is"),
    ],
)
def test_an_incomplete_probe_names_what_is_missing(
    judge: t.Callable[..., dict[str, t.Any]], probe: dict[str, t.Any], named: str
) -> None:
    answer = judge({"exch01": {"changes": []}}, probe=probe)
    assert answer["failed"]
    assert answer["msg"].startswith(named)


@pytest.mark.parametrize(
    ("metrics", "state"),
    [
        ('pushops_rotation_last_success_timestamp_seconds{bundle_id="com.contoso.securemail"} 1\n', "warning"),
        ("# nothing of it\npushops_rotation_last_success_timestamp_seconds{} soon\n", "warning"),
        (None, "warning"),
        (f"pushops_rotation_last_success_timestamp_seconds{{}} {time.time() - 3600:.0f}\n", "pass"),
    ],
    ids=["long ago", "unreadable", "no file", "an hour ago"],
)
def test_the_rotations_metrics_say_whether_it_still_runs(
    judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path, metrics: str | None, state: str
) -> None:
    path = tmp_path / "pushops.prom"
    if metrics is not None:
        path.write_text(metrics, encoding="utf-8")
    answer = judge({"exch01": {"changes": []}}, rotation={"metrics_path": str(path)})
    assert {check["id"]: check["state"] for check in answer["checks"]}["apns-certificate.schedule"] == state
    assert answer["sound"]


def test_what_is_found_about_other_links_than_those_asked_for_is_left_out(
    judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    rotation = {"metrics_path": str(tmp_path / "none.prom")}
    answer = judge({"exch01": {"changes": []}}, links=EWS, rotation=rotation, asked_for=["read-ahead"])
    assert {check["id"] for check in answer["checks"]} == {"read-ahead.exchange"}


def test_an_unknown_link_is_refused(judge: t.Callable[..., dict[str, t.Any]]) -> None:
    answer = judge({"exch01": {"changes": []}}, links=["moon"])
    assert answer["failed"]
    assert "results.links" in answer["msg"] and "moon" in answer["msg"]


def test_a_folder_that_is_not_there_is_named(judge: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    answer = judge({"exch01": {"changes": []}}, evidence_path=str(tmp_path / "nowhere" / "v.json"))
    assert answer["failed"]
    assert "nowhere" in answer["msg"]
