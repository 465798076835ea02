# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""push_firewall_request through Ansible, and the playbook that asks for a whole environment."""

from __future__ import annotations

import csv
import pathlib
import stat
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, ROOT, Ansible

MODULE = "pushops.securemail.push_firewall_request"
FILES = ["push-flows.asa.txt", "push-flows.csv", "push-flows.fortios.txt", "push-flows.md"]
ARGUMENTS: dict[str, t.Any] = {
    "flows": [{"name": "listener", "destinations": ["54.77.174.172", "52.17.147.220"]}],
    "provenance": {"listener": {"purpose": "mail", "source": "a guide", "date": "2015-06-11"}},
    "owner": "Messaging team",
    "justification": "Mail badges",
    "starts": "2026-01-01",
    "expires": "2035-12-31",
}


def content(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_present_and_absent_changed_and_idempotent_check_and_real(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "requests" / "push"
    present = {MODULE: {**ARGUMENTS, "path": str(folder)}}
    absent = {MODULE: {"path": str(folder), "state": "absent"}}

    predicted = ansible.play(CONTROLLER, present, check=True, diff=True)
    assert predicted.result().changed and not folder.parent.exists()
    assert "object-group network pushops_listener_dst4" in predicted.output

    done, again, foreseen = ansible.play(CONTROLLER, present, present, {**present, "check_mode": True}, diff=True).tasks
    assert done["changes"] == predicted.result()["changes"] and done["diff"] == predicted.result()["diff"]
    assert (again.changed, again["changes"], foreseen.changed) == (False, [], False)
    assert sorted(content(folder)) == FILES
    assert sorted(pathlib.Path(path).name for path in done["paths"].values()) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}

    written = content(folder)
    gone = ansible.play(CONTROLLER, {**absent, "check_mode": True})
    assert gone.result().changed and content(folder) == written
    removed, twice = ansible.play(CONTROLLER, absent, absent).tasks
    assert removed.changed and not twice.changed and content(folder) == {}


def test_a_change_of_the_flows_shows_as_lines_and_other_formats_go_away(
    ansible: Ansible, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "push"
    moved = [{"name": "listener", "destinations": ["54.77.174.172", "52.17.147.221"]}]
    run = ansible.play(
        CONTROLLER,
        {MODULE: {**ARGUMENTS, "path": str(folder)}},
        {MODULE: {**ARGUMENTS, "path": str(folder), "flows": moved, "formats": ["asa"]}},
        diff=True,
    )
    changes = {change["name"]: change for change in run.tasks[1]["changes"]}
    assert sorted(content(folder)) == ["push-flows.asa.txt"]
    assert [name for name, change in changes.items() if change["after"] is None] == [
        "push-flows.csv",
        "push-flows.md",
        "push-flows.fortios.txt",
    ]
    before, after = (set(changes["push-flows.asa.txt"][side]) for side in ("before", "after"))
    assert before - after == {" network-object host 52.17.147.220"}
    assert after - before == {" network-object host 52.17.147.221"}


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_of_somebody_else_is_never_touched(ansible: Ansible, tmp_path: pathlib.Path, state: str) -> None:
    (tmp_path / "push-flows.md").write_text("the network team's own page")
    run = ansible.play(CONTROLLER, {MODULE: {**ARGUMENTS, "path": str(tmp_path), "state": state}})
    assert run.status != 0
    assert "pushops.securemail did not write it" in run.result()["msg"]
    assert "Traceback" not in run.output
    assert (tmp_path / "push-flows.md").read_text() == "the network team's own page"
    assert not (tmp_path / "push-flows.csv").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expires": "2026-01-02"}, "expires is '2026-01-02', expected a day from"),
        ({"owner": ""}, "owner is ''"),
        ({"flows": []}, "flows is [], expected at least one flow"),
        ({"flows": [{"name": "listener", "destinations": ["54.77.174.172/24"]}]}, "flows[0].destinations[0]"),
        ({"provenance": {}}, "provenance.listener is None"),
        ({"expires": "2036-01-01"}, "expected a day that a time range of the ASA can name"),
    ],
)
def test_bad_input_writes_nothing(
    ansible: Ansible, tmp_path: pathlib.Path, changes: dict[str, t.Any], message: str
) -> None:
    folder = tmp_path / "push"
    run = ansible.play(CONTROLLER, {MODULE: {**ARGUMENTS, "path": str(folder), **changes}})
    assert run.status != 0
    assert message in run.result()["msg"] and run.result()["remedy"]
    assert not folder.exists()


def test_the_playbook_asks_for_what_the_environment_declares(ansible: Ansible, tmp_path: pathlib.Path) -> None:
    variables = {
        "push_endpoint_groups": ["apns-devices"],
        "push_firewall_request_path": str(tmp_path / "push"),
        "exchange_push_egress": False,  # the example's hosts exist nowhere
        "vault_winrm_password": "never used",
        **{
            f"push_firewall_request_{name}": ARGUMENTS[name] for name in ("owner", "justification", "starts", "expires")
        },
    }
    inventory = ROOT / "inventories" / "example" / "emea"
    first = ansible.playbook("pushops.securemail.request", inventory, variables=variables)
    assert first.status == 0, first.output
    again = ansible.playbook("pushops.securemail.request", inventory, variables=variables)
    assert again.recap["controller"]["changed"] == 0
    with (tmp_path / "push" / "push-flows.csv").open(newline="") as stream:
        rows = {row["flow"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["listener", "registration", "apns-devices"]
    assert rows["listener"]["sources"] == "198.51.100.11 198.51.100.12"
    assert (rows["apns-devices"]["destinations"], rows["apns-devices"]["ports"]) == ("17.0.0.0/8", "443 2197 5223")
    assert "Apple Support" in rows["apns-devices"]["source of addresses"]
