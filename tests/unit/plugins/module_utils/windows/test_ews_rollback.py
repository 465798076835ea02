# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chosen copy put back: which, when it is refused, and that nothing happens twice."""

from __future__ import annotations

import datetime
import typing as t

import pytest
import yaml

from ansible_collections.pushops.securemail.plugins.doc_fragments import way_back
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.windows.backups import Backups
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback import EwsRollback
from ansible_collections.pushops.securemail.plugins.module_utils.windows.ews_rollback_spec import (
    ARGUMENT_SPEC,
    parse_choice,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.files import type_line
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult
from ansible_collections.pushops.securemail.plugins.modules import exchange_ews_rollback as module

FRONT_END, BACK_END = "Default Web Site/EWS", "Exchange Back End/EWS"
FRONT, BACK = r"C:\Exchange\FrontEnd\EWS\web.config", r"C:\Exchange\ClientAccess\exchweb\EWS\web.config"
OLD, NEW, NEWEST = "20260102T000000Z", "20260103T000000Z", "20260104T000000Z"
NOON = datetime.datetime(2026, 1, 5, 12, 0, 0, tzinfo=datetime.UTC)


def config(size: int, header: str = "X-FEServer", name: str = "EXCH01") -> str:
    headers = f'<httpProtocol><customHeaders><add name="{header}" value="{name}" /></customHeaders></httpProtocol>'
    runtime = f'<serverRuntime uploadReadAheadSize="{size}" />'
    return f"\ufeff<configuration><system.webServer>{runtime}{headers}</system.webServer></configuration>"


@pytest.fixture(autouse=True)
def copies(host: t.Any) -> None:
    host.files[FRONT] = config(9)
    host.files |= {
        f"{FRONT}.pushops-{OLD}.bak": config(1),
        f"{FRONT}.pushops-{NEW}.bak": config(2),
        f"{BACK}.pushops-{NEW}.bak": host.files[BACK],
        f"{FRONT}.pushops-{NEWEST}.rollback.bak": config(3),
    }


def run(host: t.Any, backup: str, check: bool = False, keep: int = 5) -> dict[str, t.Any]:
    backups = Backups(host, keep, now=lambda: NOON, wait=lambda _: None)
    outcome = reconcile(EwsRollback(host, backup, FRONT_END, BACK_END, "exch01", backups), check)
    return outcome.result() | {"available": outcome.after.files}


@pytest.mark.parametrize(("backup", "size"), [(OLD, 1), (NEW, 2), ("latest", 2), (NEWEST, 3)])
def test_a_choice_is_put_back_once(host: t.Any, backup: str, size: int) -> None:
    before = dict(host.files)
    predicted = run(host, backup, check=True)
    assert dict(host.files) == before and not host.writes
    done = run(host, backup)
    assert done["changed"] and done["changes"] == predicted["changes"] and done["diff"] == predicted["diff"]
    assert host.files[FRONT] == config(size)
    assert host.files[f"{FRONT}.pushops-20260105T120000Z.rollback.bak"] == config(9)
    assert [change["name"] for change in done["changes"]] == [FRONT], "the back end reads as its copy already"
    host.writes.clear()
    assert not run(host, backup)["changed"] and not host.writes


def test_the_chosen_copy_outlives_its_own_rollback(host: t.Any) -> None:
    assert run(host, "latest", keep=1)["changed"]
    assert not run(host, "latest", keep=1)["changed"]


def test_no_choice_lists_alone(host: t.Any) -> None:
    result = run(host, "")
    assert not result["changed"] and not host.writes
    assert [len(file.copies) for file in result["available"]] == [3, 1, 0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<configuration>", "malformed"),
        ("<!DOCTYPE x><configuration />", "document type"),
        (config(1, name="EXCH02"), "belongs to another host: X-FEServer is EXCH02, this is EXCH01"),
        (config(1, header="X-BEServer", name="EXCH02"), "belongs to another host"),
    ],
)
def test_what_must_not_be_put_back(host: t.Any, content: str, words: str) -> None:
    host.files[f"{FRONT}.pushops-{OLD}.bak"] = content
    with pytest.raises(UnexpectedState, match=words):
        run(host, OLD)
    assert not host.writes


def test_a_long_host_name_is_known_by_its_first_fifteen_letters(host: t.Any) -> None:
    host.name = "exchange-emea-01a"
    host.files[f"{FRONT}.pushops-{OLD}.bak"] = config(1, name="EXCHANGE-EMEA-0")
    assert run(host, OLD)["changed"]


MALFORMED = CommandResult(13, "ERROR ( hresult:8007000d, message:The data is invalid. )")


def test_a_file_that_was_deleted_is_put_back(host: t.Any) -> None:
    del host.files[FRONT]
    before = dict(host.files)
    predicted = run(host, OLD, check=True)
    assert dict(host.files) == before and not host.writes
    done = run(host, OLD)
    assert done["changes"] == predicted["changes"] and done["changes"][0]["before"] == {"absent": True}
    assert dict(host.files) == before | {FRONT: config(1)}, "nothing was there to copy aside"
    assert not run(host, OLD)["changed"]


def test_a_file_that_is_there_but_cannot_be_read_is_not_taken_for_absent(host: t.Any) -> None:
    host.faults[type_line(FRONT)] = [CommandResult(1, "", "Access is denied.")]
    with pytest.raises(Refused, match="Access is denied"):
        run(host, OLD)
    assert not host.writes


@pytest.mark.parametrize("rc", [2, 13, 183])
def test_folders_that_iis_cannot_name_are_those_of_setup(host: t.Any, rc: int) -> None:
    installed = r"C:\Exchange\FrontEnd\HttpProxy\EWS\web.config"
    host.files |= {installed: config(9), f"{installed}.pushops-{OLD}.bak": config(1)}
    host.faults["list vdir"] = [CommandResult(rc, "ERROR ( message:Configuration error )")] * 4
    resource = EwsRollback(host, OLD, FRONT_END, BACK_END, "exch01", Backups(host, now=lambda: NOON))
    outcome = reconcile(resource, False)
    (warning,) = resource.describe(outcome)["warnings"]
    assert outcome.result()["changed"] and host.files[installed] == config(1)
    assert r"%ExchangeInstallPath%FrontEnd\HttpProxy\EWS" in warning and "Configuration error" in warning
    assert host.files[FRONT] == config(9)


def test_a_copy_that_is_not_found_in_the_folders_of_setup_says_why(host: t.Any) -> None:
    host.faults["list vdir"] = [MALFORMED] * 2
    with pytest.raises(Refused, match=f"no backup {OLD}; there are: {NEW}.*malformed.*where Exchange's setup puts EWS"):
        run(host, OLD)


def test_an_application_that_iis_does_not_know_is_refused(host: t.Any) -> None:
    host.faults["list vdir"] = [CommandResult(1)] * 2
    with pytest.raises(Refused, match="There is no application"):
        run(host, OLD)


def test_an_unknown_copy_names_those_that_exist(host: t.Any) -> None:
    with pytest.raises(Refused, match=f"There is no backup 20200101T000000Z; there are: {OLD}, {NEW}, {NEWEST}"):
        run(host, "20200101T000000Z")


@pytest.mark.parametrize("backup", ["yesterday", "20260102", "LATEST", f"{OLD} "])
def test_a_choice_that_is_no_time_stamp(backup: str) -> None:
    with pytest.raises(InvalidInput, match="^backup is"):
        parse_choice({"backup": backup, "front_end": FRONT_END, "back_end": BACK_END})


def test_the_documentation_says_what_the_action_takes() -> None:
    shared = yaml.safe_load(way_back.ModuleDocFragment.DOCUMENTATION)["options"]
    documented = {**yaml.safe_load(module.DOCUMENTATION)["options"], **shared}
    assert documented.keys() == ARGUMENT_SPEC.keys()
    for name, option in documented.items():
        for key in ("type", "default"):
            assert option.get(key) == ARGUMENT_SPEC[name].get(key), name
