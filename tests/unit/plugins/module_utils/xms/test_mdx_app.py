# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app on the server: uploaded once, upgraded without a loss, given out, and taken away by nobody's mistake."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import pathlib
import stat
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    NotConverged,
    PushOpsError,
    Refused,
    UnexpectedState,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import AnswerLost
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome, reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.xms.apps import get_app
from ansible_collections.pushops.securemail.plugins.module_utils.xms.keeping import Keeping, Kept
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx import read_package
from ansible_collections.pushops.securemail.plugins.module_utils.xms.mdx_app import MdxApp, State, Wanted
from ansible_collections.pushops.securemail.plugins.module_utils.xms.policies import PoliciesIgnored
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import (
    BUNDLE_ID,
    app_package,
    policy,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    FakeXms,
    Json,
    push_policies,
)

NEW, OLD = "10.8.70", "10.8.65"
UPLOAD = "POST /application/mobile/mdx/ios"
SCHEDULE = {
    "enableDeployment": True,
    "deploySchedule": "LATER",
    "deployDate": "12/31/2026",
    "deployTime": "17:44",
    "deployScheduleCondition": "ONPREVIOUSFAILED",
    "deployInBackground": False,
}


@pytest.fixture
def mdx(tmp_path: pathlib.Path) -> pathlib.Path:
    """A newer version, whose policies have their own defaults and one more."""
    path = tmp_path / "SecureMail.mdx"
    path.write_bytes(app_package(NEW, [*push_policies(), policy("Extra", "Of the new version", "on")]))
    return path


def _wanted(mdx: pathlib.Path, **changed: t.Any) -> Wanted:
    return Wanted(**{"app": "Secure Mail", "platform": "ios", "package": read_package(str(mdx)), **changed})


def _keeping(wanted: Wanted, days: int = 0) -> Keeping:
    """Beside the .mdx of the test, some days later."""
    folder = pathlib.Path(wanted.package.path if wanted.package else "/nowhere/none.mdx").with_name("kept")
    now = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=days)
    return Keeping(folder, "https://xms.example.com:4443", lambda: now)


def _run(fake: FakeXms, wanted: Wanted, check: bool = False, days: int = 0) -> tuple[Outcome[State], MdxApp]:
    resource = MdxApp(fake.client(), wanted, _keeping(wanted, days))
    outcome = reconcile(resource, check)
    resource.close()
    return outcome, resource


def _administered() -> FakeXms:
    """Secure Mail as an administrator left it."""
    fake = FakeXms()
    fake.apps[1] |= {
        "description": "Mail for everybody",
        "categories": ["Mail", "Office"],
        "roles": ["AllUsers", "Sales & Service"],
        "schedule": dict(SCHEDULE),
        "workflow": "Approval",
    }
    fake.apps[1]["ios"]["policies"][1]["policyValue"] = "12"
    fake.apps[1]["ios"]["policies"][4]["policyValue"] = "contoso-7Q2M4"
    return fake


def _uploads(fake: FakeXms) -> list[str]:
    return [line for line in fake.lines if line.startswith(UPLOAD)]


# --- a new version


@pytest.mark.parametrize("resets", [False, True])
def test_a_new_version_costs_the_administrator_nothing(mdx: pathlib.Path, resets: bool) -> None:
    fake = _administered()
    fake.resets = resets
    before = copy.deepcopy(fake.apps)
    predicted, _resource = _run(fake, _wanted(mdx), check=True)
    assert fake.apps == before and not _uploads(fake)
    outcome, resource = _run(fake, _wanted(mdx))
    assert outcome.result() == predicted.result()
    assert [(change.before, change.after) for change in outcome.plan.changes] == [(OLD, NEW)]
    expected = before[1]
    expected["ios"]["appVersion"] = NEW
    expected["ios"]["policies"].append(policy("Extra", "Of the new version", "on"))
    assert fake.apps == before
    restored = ["Maximum offline period (hours)", "Push notifications customer ID"]
    assert resource.restored == (restored if resets else [])
    assert len(_uploads(fake)) == 1 and sum("PUT" in line for line in fake.lines) == resets
    del fake.requests[:]
    assert not _run(fake, _wanted(mdx))[0].changed and len(fake.requests) == 4


def test_a_delivery_group_that_the_server_drops_is_given_back(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.drops_groups = {"Sales & Service"}
    groups = copy.deepcopy(fake.groups.all)
    _outcome, resource = _run(fake, _wanted(mdx))
    assert fake.apps[1]["roles"] == ["AllUsers", "Sales & Service"]
    assert resource.restored == ["delivery group Sales & Service"] and fake.groups.all == groups


def test_a_server_that_resets_and_takes_no_policies_is_handed_to_a_person(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.resets, fake.takes_policies = True, False
    with pytest.raises(PoliciesIgnored, match="policies were reset") as caught:
        _run(fake, _wanted(mdx))
    assert "Set 'Maximum offline period (hours)' to '12'" in caught.value.steps


@pytest.mark.parametrize("number", [4, 5])
def test_a_server_that_dies_after_the_upload_leaves_the_values_in_the_error(mdx: pathlib.Path, number: int) -> None:
    fake = _administered()
    fake.resets = True
    fake.answers = {number: Unreachable("PUT brought no answer: refused", "Check the address")}
    with pytest.raises(PoliciesIgnored, match="is not known: PUT brought no answer") as caught:
        _run(fake, _wanted(mdx))
    steps = caught.value.steps
    assert "Set 'Maximum offline period (hours)' to '12'" in steps and "Open the page Android" in " ".join(steps)


@pytest.mark.parametrize("number", [4, 5])
def test_the_next_run_begins_with_what_the_last_one_could_not_finish(mdx: pathlib.Path, number: int) -> None:
    fake = _administered()
    fake.resets = True
    before = copy.deepcopy(fake.apps)
    fake.answers = {number: Unreachable("no answer: refused", "Check the address")}
    with pytest.raises(PoliciesIgnored):
        _run(fake, _wanted(mdx))
    kept = _keeping(_wanted(mdx)).path(fake.apps[1]["id"])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    fake.answers = {}
    spoiled = copy.deepcopy(fake.apps)
    predicted, _resource = _run(fake, _wanted(mdx), check=True)
    assert fake.apps == spoiled and kept.exists()
    outcome, resource = _run(fake, _wanted(mdx))
    assert outcome.result() == predicted.result()
    restored = ["Maximum offline period (hours)", "Push notifications customer ID"]
    assert [(change.name, change.before["reset"]) for change in outcome.plan.changes] == [
        ("unfinished upload", restored)
    ]
    assert resource.restored == restored and not kept.exists()
    values = {policy["policyName"]: policy["policyValue"] for policy in before[1]["ios"]["policies"]}
    assert {one["policyName"]: one["policyValue"] for one in fake.apps[1]["ios"]["policies"]} == {
        **values,
        "Extra": "on",
    }
    assert not _run(fake, _wanted(mdx))[0].changed


def test_an_upload_that_never_arrived_is_begun_again(mdx: pathlib.Path) -> None:
    fake = _administered()
    app = get_app(fake.client(), fake.apps[1]["id"], "Secure Mail")
    _keeping(_wanted(mdx)).keep(Kept(app, "ios", NEW))  # and then the process was killed
    fake.resets = True
    outcome, _resource = _run(fake, _wanted(mdx))
    assert [change.name for change in outcome.plan.changes] == ["unfinished upload", "version"]
    assert fake.apps[1]["ios"]["policies"][1]["policyValue"] == "12"
    assert not _run(fake, _wanted(mdx))[0].changed


@pytest.mark.parametrize(("content", "days", "message"), [(None, 2, "was begun 2 days ago"), ("{", 0, "is not what")])
def test_what_is_too_old_or_damaged_is_left_to_a_person(
    mdx: pathlib.Path, content: str | None, days: int, message: str
) -> None:
    fake = _administered()
    app = get_app(fake.client(), fake.apps[1]["id"], "Secure Mail")
    keeping = _keeping(_wanted(mdx))
    keeping.keep(Kept(app, "ios", NEW))
    if content is not None:
        keeping.path(app.id).write_text(content)
    before = copy.deepcopy(fake.apps)
    with pytest.raises(UnexpectedState, match=message) as caught:
        _run(fake, _wanted(mdx), days=days)
    assert str(keeping.path(app.id)) in caught.value.remedy and fake.apps == before


def test_nothing_is_uploaded_where_nothing_can_be_kept(mdx: pathlib.Path) -> None:
    fake = _administered()
    mdx.with_name("kept").write_text("a file")
    with pytest.raises(PushOpsError, match="kept"):
        _run(fake, _wanted(mdx))
    assert not _uploads(fake)


def test_an_upload_that_is_refused_leaves_nothing_to_finish(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.answers = {3: Refused("no", "ask")}
    with pytest.raises(Refused):
        _run(fake, _wanted(mdx))
    assert not list(mdx.with_name("kept").iterdir())


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("field", ["description", "categories", "schedule", "workflow"])
def test_a_server_that_loses_what_was_stated_is_an_error_that_names_it_and_costs_no_policy(
    mdx: pathlib.Path, field: str, resets: bool
) -> None:
    fake = _administered()
    fake.resets = resets
    before = fake.policies()
    upload = fake._upload

    def forgetful(path: str, body: Json) -> tuple[int, Json]:
        answer = upload(path, body)
        fake.apps[1][field] = None
        return answer

    fake._upload = forgetful  # type: ignore[method-assign]
    with pytest.raises(NotConverged, match=f"{field} was"):
        _run(fake, _wanted(mdx))
    assert fake.policies() == {**before, "Of the new version": "on"}
    assert not list(mdx.with_name("kept").iterdir()) and not _run(fake, _wanted(mdx))[0].changed


def test_one_platform_that_is_refused_costs_neither_the_other_nor_a_group(mdx: pathlib.Path) -> None:
    """And what was lost besides stands in the same error."""
    fake = _administered()
    fake.apps[1]["android"]["policies"][1]["policyValue"] = "6"
    fake.drops_groups = {"Sales & Service"}
    before, groups = copy.deepcopy(fake.policies(name="android")), list(fake.apps[1]["roles"])
    upload = fake._upload

    def forgetful(path: str, body: Json) -> tuple[int, Json]:
        answer = upload(path, body)
        fake.apps[1]["workflow"] = None
        for name in ("ios", "android"):
            fake.apps[1][name]["policies"][1]["policyValue"] = "24"
        fake.answers = {len(fake.requests) + 1: (400, '{"status": 1, "message": "not this one"}')}
        return answer

    fake._upload = forgetful  # type: ignore[method-assign]
    with pytest.raises(PoliciesIgnored, match="not this one.*besides, workflow was 'Approval'") as caught:
        _run(fake, _wanted(mdx))
    assert "Set 'Maximum offline period (hours)' to '12'" in caught.value.steps
    assert "Open the page Android" not in " ".join(caught.value.steps)
    assert fake.policies(name="android") == before and sorted(fake.apps[1]["roles"]) == sorted(groups)


def test_a_schedule_of_an_unknown_form_is_not_risked(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.apps[1]["schedule"] = {"cron": "0 3 * * *"}
    with pytest.raises(UnexpectedState, match="deployment schedule"):
        _run(fake, _wanted(mdx))
    assert not _uploads(fake)


def test_a_schedule_with_nulls_is_stated_as_the_document_does(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.apps[1]["schedule"] = {**SCHEDULE, "deployDate": None, "deployTime": None}
    _run(fake, _wanted(mdx))
    (info,) = [body["info"] for method, path, body in fake.requests if f"{method} {path}".startswith(UPLOAD)]
    assert info["deploymentSchedule"] == {**SCHEDULE, "deployDate": "", "deployTime": ""}


@pytest.mark.parametrize(("version", "due"), [(OLD, False), ("10.8.66", True), ("10.10.1", True), ("11", True)])
def test_an_upload_is_due_where_the_version_differs(tmp_path: pathlib.Path, version: str, due: bool) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(version, push_policies()))
    assert _run(FakeXms(), _wanted(path), check=True)[0].changed == due


@pytest.mark.parametrize("version", ["10.8.64", "10.8.0", "9.99", "10.8"])
def test_an_older_version_is_refused_unless_forced(tmp_path: pathlib.Path, version: str) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(version, push_policies()))
    fake = FakeXms()
    with pytest.raises(UnexpectedState, match=f"older: {version}"):
        _run(fake, _wanted(path))
    assert _run(fake, _wanted(path, force=True))[0].changed
    assert fake.apps[1]["ios"]["appVersion"] == version


def test_force_uploads_what_was_wrapped_again_with_the_same_version(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(OLD, push_policies()))
    fake = FakeXms()
    assert _run(fake, _wanted(path, force=True))[0].changed and len(_uploads(fake)) == 1


# --- a new app, and a further platform


def test_a_new_app_is_made_once(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    wanted = _wanted(mdx, app="Secure Mail trial", groups=("Sales & Service",), description="Trial")
    predicted, _resource = _run(fake, wanted, check=True)
    outcome, resource = _run(fake, wanted)
    assert outcome.result() == predicted.result() and len(fake.apps) == 3
    made = fake.apps[-1]
    assert (made["name"], made["description"], made["roles"]) == ("Secure Mail trial", "Trial", ["Sales & Service"])
    assert resource.describe(outcome.after) == {
        "app_id": 5,
        "version": NEW,
        "delivery_groups": ["Sales & Service"],
        "restored": [],
    }
    assert not _run(fake, wanted)[0].changed


def test_a_platform_is_added_to_the_app_that_is_there(mdx: pathlib.Path) -> None:
    fake = _administered()
    del fake.apps[1]["ios"]
    android = copy.deepcopy(fake.apps[1]["android"])
    assert _run(fake, _wanted(mdx))[0].changed
    assert len(fake.apps) == 2 and fake.apps[1]["ios"]["appVersion"] == NEW and fake.apps[1]["android"] == android
    assert _uploads(fake) == [f"{UPLOAD}/4"]


# --- answers that never come


def test_a_version_whose_upload_breaks_off_is_sent_again(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.cut_off = {3}
    assert _run(fake, _wanted(mdx))[0].changed
    assert fake.apps[1]["ios"]["appVersion"] == NEW and len(_uploads(fake)) == 2


def test_a_version_that_arrived_without_an_answer_is_not_sent_again(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.resets = True
    fake.answer_lost = {3}
    assert _run(fake, _wanted(mdx))[1].restored
    assert len(_uploads(fake)) == 1 and fake.policies()["Maximum offline period (hours)"] == "12"


def test_a_second_upload_that_breaks_off_is_an_error_and_the_old_version_stays(mdx: pathlib.Path) -> None:
    fake = _administered()
    fake.cut_off = {3, 5}
    before = copy.deepcopy(fake.apps)
    with pytest.raises(Unreachable):
        _run(fake, _wanted(mdx))
    assert fake.apps == before
    assert _run(fake, _wanted(mdx))[0].changed, "the next run repeats it cleanly"


NEW_APP = "Secure Mail trial"


def test_a_new_app_whose_upload_breaks_off_is_sent_again(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    fake.cut_off = {2}
    assert _run(fake, _wanted(mdx, app=NEW_APP))[0].changed
    assert [one["name"] for one in fake.apps].count(NEW_APP) == 1


def test_a_new_app_that_arrived_without_an_answer_is_not_made_twice(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    fake.answer_lost = {2}
    assert _run(fake, _wanted(mdx, app=NEW_APP))[0].changed
    assert [one["name"] for one in fake.apps].count(NEW_APP) == 1 and len(_uploads(fake)) == 1


def test_a_new_app_that_may_still_come_is_not_made_twice(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    fake.answers = {2: AnswerLost("timed out", "Check the address")}
    with pytest.raises(UnexpectedState, match="had the whole file") as caught:
        _run(fake, _wanted(mdx, app=NEW_APP))
    assert len(_uploads(fake)) == 1 and "run again" in caught.value.remedy and fake.pauses == [2.0, 2.0]


def test_a_container_without_its_platform_is_completed(mdx: pathlib.Path) -> None:
    """Half an app, as an upload leaves it that a server took only in part."""
    fake = FakeXms()
    fake.cut_off = {2}
    send = fake.send

    def half(*request: t.Any) -> t.Any:
        try:
            return send(*request)
        except Unreachable:
            fake.apps.append({"id": 9, "name": NEW_APP, "appType": "MDX", "roles": [], "ios": None})
            raise

    fake.send = half  # type: ignore[method-assign]
    assert _run(fake, _wanted(mdx, app=NEW_APP))[0].changed
    assert [one["id"] for one in fake.apps if one["name"] == NEW_APP] == [9]
    assert _uploads(fake) == [UPLOAD, f"{UPLOAD}/9"] and fake.apps[-1]["ios"]["appVersion"] == NEW


# --- delivery groups


def test_a_group_is_sent_back_whole_with_one_more_app(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(OLD, push_policies()))
    fake = FakeXms()
    fake.apps[0]["roles"] = ["Sales & Service"]
    groups = copy.deepcopy(fake.groups.all)
    wanted = _wanted(path, groups=("AllUsers", "Sales & Service"))
    predicted, _resource = _run(fake, wanted, check=True)
    assert predicted.plan.diff()["after"] == {"delivery groups": ["AllUsers", "Sales & Service"]}
    assert _run(fake, wanted)[0].result() == predicted.result()
    assert fake.groups.all == groups and not _uploads(fake)
    assert fake.apps[0]["roles"] == ["Sales & Service"], "another app lost its group"
    assert fake.apps[1]["roles"] == ["AllUsers", "Sales & Service"]
    assert not _run(fake, wanted)[0].changed


def test_a_group_that_is_not_there_is_an_error_before_anything_changes(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    with pytest.raises(Refused, match="no delivery group Nobody"):
        _run(fake, _wanted(mdx, groups=("Nobody",)), check=True)
    assert not _uploads(fake)


@pytest.mark.parametrize("field", ["users", "devicePolicies", "applications"])
def test_a_group_that_is_not_shown_whole_is_not_written(tmp_path: pathlib.Path, field: str) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(OLD, push_policies()))
    fake = FakeXms()
    shown = fake.groups._shown
    fake.groups._shown = lambda *given: {**shown(*given), field: None}  # type: ignore[method-assign]
    with pytest.raises(UnexpectedState, match=field):
        _run(fake, _wanted(path, groups=("Sales & Service",)))
    assert not any(line.startswith("PUT") for line in fake.lines)


# --- absent


def test_nothing_is_deleted_without_the_id(mdx: pathlib.Path) -> None:
    fake = FakeXms()
    for confirmed in (None, 2, 44):
        with pytest.raises(InvalidInput, match="expected 4, the id of 'Secure Mail'.*ios, android.*AllUsers"):
            _run(fake, Wanted("Secure Mail", "ios", present=False, confirmed_id=confirmed))
    assert len(fake.apps) == 2
    gone = Wanted("Secure Mail", "ios", present=False, confirmed_id=4)
    predicted, _resource = _run(fake, gone, check=True)
    assert len(fake.apps) == 2
    outcome, resource = _run(fake, gone)
    assert outcome.result() == predicted.result() and [one["id"] for one in fake.apps] == [2]
    assert resource.describe(outcome.after)["app_id"] is None
    assert not _run(fake, gone)[0].changed


# --- what is no .mdx of this app


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("push.p12", b"anything"),
        ("SecureMail.mdx", b"\x30\x82\x0b\xfc\x02\x01\x03"),
        ("SecureMail.mdx", b"\x30\x80\x02\x01\x03"),
        ("SecureMail.mdx", b"\n-----BEGIN CERTIFICATE-----\n"),
    ],
)
def test_a_certificate_is_refused_and_sent_to_where_it_belongs(
    tmp_path: pathlib.Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="not a certificate or key") as caught:
        read_package(str(path))
    assert "push portal" in caught.value.remedy and "never touches it" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off", b"GIF89a"])
def test_what_is_no_mdx_is_refused(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "SecureMail.mdx"
    path.write_bytes(content)
    with pytest.raises(PushOpsError, match=r"no \.mdx"):
        read_package(str(path))


def test_an_mdx_of_another_platform_or_app_is_refused_before_anything_connects(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(app_package(NEW, push_policies(), "mobile_android"))
    wanted = _wanted(path, bundle_id=BUNDLE_ID)
    with pytest.raises(InvalidInput, match="for ios, not for android"):
        MdxApp(FakeXms().client(), wanted, _keeping(wanted))
    MdxApp(FakeXms().client(), dataclasses.replace(wanted, platform="android"), _keeping(wanted))
    path.write_bytes(app_package(NEW, push_policies(), bundle_id="com.fabrikam.mail"))
    with pytest.raises(InvalidInput, match=f"the app {BUNDLE_ID}, not com.fabrikam.mail"):
        MdxApp(FakeXms().client(), _wanted(path, bundle_id=BUNDLE_ID), _keeping(wanted))


# --- any state


values = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters="<>&"), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    present=st.lists(values, min_size=5, max_size=5),
    version=st.sampled_from(["", OLD, NEW, "10.8.1"]),
    roles=st.sets(st.sampled_from(["AllUsers", "Sales & Service"])),
    groups=st.sets(st.sampled_from(["AllUsers", "Sales & Service"])),
    description=st.one_of(st.none(), values),
    categories=st.lists(values, max_size=2),
    scheduled=st.booleans(),
    resets=st.booleans(),
)
def test_what_is_predicted_is_what_is_observed_and_nothing_is_lost(
    mdx: pathlib.Path,
    present: list[str],
    version: str,
    roles: set[str],
    groups: set[str],
    description: str | None,
    categories: list[str],
    scheduled: bool,
    resets: bool,
) -> None:
    fake = FakeXms()
    fake.resets = resets
    ours = fake.apps[1]
    ours |= {
        "roles": sorted(roles),
        "description": description,
        "categories": categories,
        "schedule": dict(SCHEDULE) if scheduled else None,
    }
    if version:
        ours["ios"]["appVersion"] = version
        for item, value in zip(ours["ios"]["policies"], present, strict=True):
            item["policyValue"] = value
    else:
        del ours["ios"]
    before = copy.deepcopy(ours)
    wanted = _wanted(mdx, groups=tuple(sorted(groups)))
    predicted, _resource = _run(fake, wanted, check=True)
    assert ours == before
    outcome, _resource = _run(fake, wanted)
    assert outcome.plan == predicted.plan
    assert (ours["ios"]["appVersion"], set(ours["roles"])) == (NEW, roles | groups)
    for field in ("name", "schedule", "categories"):
        assert ours[field] == before[field]
    assert (ours["description"] or "") == (before["description"] or "") and ours["android"] == before["android"]
    for item in before.get("ios", {"policies": []})["policies"]:
        assert fake.policies()[item["title"]] == item["policyValue"]
    assert not _run(fake, wanted)[0].changed
