# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push policies of one app: found by title or not at all, changed with one PUT that loses nothing."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    NotConverged,
    PushOpsError,
    Refused,
    UnexpectedState,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import Answer, Body
from ansible_collections.pushops.securemail.plugins.module_utils.core.reconcile import Outcome, reconcile
from ansible_collections.pushops.securemail.plugins.module_utils.xms.apps import App
from ansible_collections.pushops.securemail.plugins.module_utils.xms.policies import (
    PoliciesIgnored,
    PushPolicies,
    Target,
    Wanted,
)
from ansible_collections.pushops.securemail.plugins.module_utils.xms.republish import republisher
from ansible_collections.pushops.securemail.plugins.module_utils.xms.rules import Expected
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import (
    LABELS,
    app_package,
    policy,
)
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_xms import (
    APPLIED,
    DESIRED,
    FakeXms,
    app,
    platform,
    push_policies,
)

PUT = "PUT /application/mobile/mdx/ios/4"


def _resource(
    fake: FakeXms,
    desired: t.Mapping[str, Wanted] | None = None,
    labels: t.Mapping[str, t.Mapping[str, str]] | None = None,
    names: t.Mapping[str, str] | None = None,
    name: str = "Secure Mail",
    on: t.Sequence[str] = ("ios",),
) -> PushPolicies:
    wanted, known = DESIRED if desired is None else desired, LABELS if labels is None else labels
    return PushPolicies(fake.client(), name, [Target(one, known) for one in on], wanted, names or {})


def _run(fake: FakeXms, check: bool = False, **changed: t.Any) -> Outcome[App]:
    return reconcile(_resource(fake, **changed), check)


def _refused(fake: FakeXms, kind: type[PushOpsError], **changed: t.Any) -> PushOpsError:
    """The same error in check mode and in earnest, and nothing written in either."""
    before = copy.deepcopy(fake.apps)
    said = []
    for check in (True, False):
        with pytest.raises(kind) as caught:
            _run(fake, check, **changed)
        said.append(str(caught.value))
    assert said[0] == said[1] and fake.apps == before and PUT not in fake.lines
    return caught.value


def _with(*policies: dict[str, t.Any]) -> FakeXms:
    return FakeXms(app(4, "Secure Mail", ios=platform(list(policies))))


# --- the plan and the write


def test_check_mode_predicts_exactly_and_sends_nothing() -> None:
    fake = FakeXms()
    before = copy.deepcopy(fake.apps)
    predicted = _run(fake, check=True)
    assert predicted.changed and fake.apps == before and PUT not in fake.lines
    applied = _run(fake)
    assert applied.result() == predicted.result()
    assert fake.lines.count(PUT) == 1
    assert {title: fake.policies()[title] for title in DESIRED} == APPLIED


def test_the_diff_shows_labels_and_no_ids() -> None:
    diff = _run(FakeXms(), check=True).result()["diff"]
    assert diff["before"] == {
        "Network access": "Unrestricted",
        "Push notifications": "false",
        "Push notifications region": "Americas",
        "Push notifications customer ID": "",
    }
    assert diff["after"] == DESIRED and diff["before_header"] == "Secure Mail (ios)"


@pytest.mark.parametrize("check", [True, False])
def test_a_second_run_changes_nothing_and_sends_no_put(check: bool) -> None:
    fake = FakeXms()
    _run(fake)
    del fake.requests[:]
    resource = _resource(fake)
    outcome = reconcile(resource, check)
    resource.close()
    assert not outcome.changed and len(fake.requests) == 4, "documented: four requests when nothing changes"


@pytest.mark.parametrize("title", DESIRED)
def test_only_the_policy_that_differs_is_sent_with_all_its_fields(title: str) -> None:
    fake = FakeXms()
    original = {item["title"]: copy.deepcopy(item) for item in fake.apps[1]["ios"]["policies"]}
    _run(fake, desired={title: DESIRED[title]})
    (body,) = [body for method, _path, body in fake.requests if method == "PUT"]
    assert body["policies"] == [{**original[title], "policyValue": APPLIED[title]}]
    assert body["appVersion"] == ""


def test_the_put_loses_nothing() -> None:
    fake = FakeXms()
    expected = copy.deepcopy(fake.apps)
    _run(fake)
    for item in expected[1]["ios"]["policies"]:
        item["policyValue"] = APPLIED.get(item["title"], item["policyValue"])
    assert fake.apps == expected


def test_values_are_the_servers_own() -> None:
    fake = FakeXms()
    resource = _resource(fake)
    assert resource.values(reconcile(resource, False).after) == {"ios": APPLIED}


def test_the_other_platform_is_another_matter() -> None:
    fake = FakeXms()
    _run(fake, on=["android"])
    assert fake.policies(name="ios")["Push notifications"] == "false"
    assert fake.policies(name="android")["Push notifications"] == "true"


def test_the_older_root_key_will_do() -> None:
    fake = FakeXms()
    fake.root_key = "result"
    assert _run(fake).changed and not _run(fake).changed


def test_a_null_value_is_an_empty_one() -> None:
    fake = FakeXms()
    fake.apps[1]["ios"]["policies"][4]["policyValue"] = None
    title = "Push notifications customer ID"
    assert _run(fake, desired={title: "contoso-7Q2M4"}).plan.changes[0].before == ""


values = st.text(st.characters(codec="ascii", min_codepoint=33), max_size=12)


@given(
    present=st.fixed_dictionaries(
        {
            "Network access": st.sampled_from(["na-0", "na-2", ""]),
            "Push notifications": st.sampled_from(["true", "false", ""]),
            "Push notifications region": st.sampled_from(["use1", "euw1", "aps1"]),
            "Push notifications customer ID": values,
        }
    ),
    wanted=st.fixed_dictionaries(
        {},
        optional={
            "Network access": st.sampled_from(sorted(LABELS["NetAccess"])),
            "Push notifications": st.sampled_from(["true", "false"]),
            "Push notifications region": st.sampled_from(sorted(LABELS["PnRegion"])),
            "Push notifications customer ID": values,
        },
    ),
    others=st.dictionaries(values.map("Other {}".format), values, max_size=4),
    shuffled=st.randoms(use_true_random=False),
)
def test_after_applying_there_is_nothing_to_plan_and_nothing_lost(
    present: dict[str, str], wanted: dict[str, str], others: dict[str, str], shuffled: t.Any
) -> None:
    policies = [{**item, "policyValue": present.get(item["title"], item["policyValue"])} for item in push_policies()]
    policies += [policy(f"X{title}", title, value) for title, value in others.items()]
    shuffled.shuffle(policies)
    fake = _with(*policies)
    before = fake.policies()
    resource = _resource(fake, desired=wanted)
    predicted = resource.plan(resource.read())
    outcome = reconcile(resource, False)
    assert outcome.plan == predicted
    assert resource.plan(outcome.after).changes == ()
    assert fake.policies() == {**before, **resource.values(outcome.after)["ios"]}
    assert (PUT in fake.lines) == predicted.changed


# --- the app


def test_an_app_is_found_by_its_whole_name_and_kind() -> None:
    fake = FakeXms(
        app(1, "Secure Mail", "Enterprise"),
        app(4, "Secure Mail", ios=platform(push_policies())),
        app(5, "Secure Mail for contractors", ios=platform([])),
    )
    assert _run(fake).after.id == 4


@pytest.mark.parametrize("ignores_paging", [False, True])
def test_an_app_is_found_on_a_later_page(ignores_paging: bool) -> None:
    fake = FakeXms(
        *(app(number, f"Secure Mail {number}") for number in range(10, 240)),
        app(4, "Secure Mail", ios=platform(push_policies())),
    )
    fake.ignores_paging = ignores_paging
    assert _run(fake).after.id == 4


def test_no_app_of_the_name_is_an_error() -> None:
    problem = _refused(FakeXms(), UnexpectedState, name="Secure Post")
    assert "one MDX app named 'Secure Post'" in problem.what and "found 0; apps of that name: none" in problem.what


def test_an_app_of_another_kind_is_named() -> None:
    problem = _refused(FakeXms(app(9, "Secure Mail", "App Store App")), UnexpectedState)
    assert "found 0" in problem.what and "id 9 (App Store App)" in problem.what


def test_two_apps_of_one_name_are_an_error_that_names_both() -> None:
    twins = (app(number, "Secure Mail", ios=platform(push_policies())) for number in (4, 7))
    problem = _refused(FakeXms(*twins), UnexpectedState)
    assert "found 2" in problem.what and "id 4 (MDX), id 7 (MDX)" in problem.what


def test_a_platform_that_was_not_uploaded_is_an_error() -> None:
    fake = FakeXms(app(4, "Secure Mail", ios=platform(push_policies()), android=None))
    assert "no platform 'android'" in _refused(fake, UnexpectedState, on=["android"]).what


@pytest.mark.parametrize(
    ("number", "answer", "said"),
    [
        (1, '{"status": 0}', "applicationListData"),
        (1, '{"status": 0, "applicationListData": {"appList": "none"}}', "applicationListData"),
        (1, '{"status": 0, "applicationListData": {"appList": null, "totalMatchCount": null}}', "found 0"),
        (2, '{"status": 0, "message": "Success"}', "did not show it"),
    ],
)
def test_an_answer_of_another_form_is_an_error(number: int, answer: str, said: str) -> None:
    fake = FakeXms()
    fake.answers[number] = (200, answer)
    with pytest.raises(UnexpectedState, match=said):
        _run(fake)


# --- the policies


@pytest.mark.parametrize("title", DESIRED)
def test_a_title_that_is_absent_is_an_error_that_lists_what_is_there(title: str) -> None:
    fake = _with(*(item for item in push_policies() if item["title"] != title))
    problem = _refused(fake, UnexpectedState)
    assert f"title '{title}'" in problem.what and "found 0" in problem.what
    assert "'Maximum offline period (hours)'" in problem.what and "policy_names" in problem.remedy


def test_a_title_that_stands_twice_is_an_error() -> None:
    fake = _with(*push_policies(), policy("PnOld", "Push notifications", "true", "boolean"))
    assert "found 2" in _refused(fake, UnexpectedState).what


def test_the_operators_name_wins_over_the_title() -> None:
    fake = _with(*push_policies(), policy("PnOld", "Push notifications", "false", "boolean"))
    _run(fake, names={"Push notifications": "Pn"})
    assert [
        item["policyValue"] for item in fake.apps[0]["ios"]["policies"] if item["title"] == "Push notifications"
    ] == [
        "true",
        "false",
    ]


def test_a_name_that_is_absent_is_an_error() -> None:
    problem = _refused(FakeXms(), UnexpectedState, names={"Push notifications": "PushNotificationsEnabled"})
    assert "name 'PushNotificationsEnabled'" in problem.what


@pytest.mark.parametrize(
    "names", [{"Push notification": "Pn"}, {"Push notifications": "Pn", "Push notifications region": "Pn"}]
)
def test_names_that_cannot_be_right_are_refused_before_anything_connects(names: dict[str, str]) -> None:
    fake = FakeXms()
    _refused(fake, InvalidInput, names=names)
    assert fake.lines == []


def test_a_name_for_a_title_that_is_not_asked_for_does_no_harm() -> None:
    fake = FakeXms()
    _run(fake, desired={"Push notifications": "true"}, names={"Push notifications region": "PnRegion"})
    assert fake.policies()["Push notifications"] == "true"


# --- enumerations


@pytest.mark.parametrize("kind", ["enum", "string"])
def test_without_an_mdx_no_label_is_written_as_if_it_were_an_id(kind: str) -> None:
    fake = FakeXms()
    for item in fake.apps[1]["ios"]["policies"]:
        item["policyType"] = kind if item["policyType"] == "enum" else item["policyType"]
    problem = _refused(fake, UnexpectedState, labels={})
    assert "'na-0'" in problem.what and "mdx_path" in problem.remedy


def test_without_an_mdx_a_value_that_is_literally_right_is_right() -> None:
    fake = FakeXms()
    _run(fake)
    assert not _run(fake, labels={}, desired=APPLIED).changed


def test_a_label_that_the_mdx_does_not_have_is_an_error_that_lists_them() -> None:
    desired = {**DESIRED, "Network access": "Tunneled - Web SSO"}
    problem = _refused(FakeXms(), InvalidInput, desired=desired)
    assert "one of Tunneled to the internal network, Unrestricted" in problem.what


def test_the_mdx_of_another_app_is_not_believed() -> None:
    labels = {**LABELS, "PnRegion": {"Americas": "0", "EMEA": "1", "APAC": "2"}}
    problem = _refused(FakeXms(), UnexpectedState, labels=labels)
    assert "'use1'" in problem.what and "this app and platform" in problem.remedy


def test_an_id_that_reads_like_another_label_is_still_an_id() -> None:
    labels = {**LABELS, "PnRegion": {"Americas": "use1", "EMEA": "APAC", "APAC": "EMEA"}}
    fake = FakeXms()
    _run(fake, labels=labels)
    assert fake.policies()["Push notifications region"] == "APAC"


# --- a server that says yes and means no


def test_a_server_that_takes_no_policies_is_named_so() -> None:
    fake = FakeXms()
    fake.takes_policies = False
    with pytest.raises(NotConverged, match="left every policy as it was") as caught:
        _run(fake)
    assert "console" in caught.value.remedy


def test_a_server_that_takes_some_policies_is_not_converged() -> None:
    fake = FakeXms()
    send = fake.send

    def forgetful(method: str, url: str, headers: dict[str, str], body: Body) -> Answer:
        answer = send(method, url, headers, body)
        fake.apps[1]["ios"]["policies"][3]["policyValue"] = "use1"
        return answer

    fake.send = forgetful  # type: ignore[method-assign]
    with pytest.raises(NotConverged, match="region reads 'Americas', asked was 'EMEA'"):
        _run(fake)


def test_a_put_that_is_refused_is_said_once() -> None:
    fake = FakeXms()
    fake.answers[3] = (200, '{"status": 9, "message": "locked"}')
    with pytest.raises(Refused, match="PUT .*status 9, message 'locked'"):
        _run(fake)
    assert fake.lines.count(PUT) == 1


# --- several platforms, lists, and what must fit


BACKGROUND = "Background network services"
REGISTRATION = "eu-west-1.pushreg.xm.citrix.com:443"


def test_several_platforms_are_one_read_and_one_put_each() -> None:
    fake = FakeXms()
    predicted = _run(fake, check=True, on=["ios", "android"])
    outcome = _run(fake, on=["ios", "android"])
    assert outcome.result() == predicted.result()
    names = [change.name for change in outcome.plan.changes]
    assert names == [f"{on}: {title}" for on in ("ios", "android") for title in DESIRED]
    assert [line for line in fake.lines if line.startswith("PUT")] == [
        "PUT /application/mobile/mdx/ios/4",
        "PUT /application/mobile/mdx/android/4",
    ]
    for on in ("ios", "android"):
        assert {title: fake.policies(name=on)[title] for title in DESIRED} == APPLIED
    del fake.requests[:]
    resource = _resource(fake, on=["ios", "android"])
    assert not reconcile(resource, False).changed
    resource.close()
    assert len(fake.requests) == 4


def test_only_the_platform_that_differs_is_written() -> None:
    fake = FakeXms()
    _run(fake, on=["ios", "android"])
    del fake.requests[:]
    fake.apps[1]["android"]["policies"][2]["policyValue"] = "false"
    (change,) = _run(fake, on=["ios", "android"]).plan.changes
    assert change.name == "android: Push notifications"
    assert [line for line in fake.lines if "PUT" in line] == ["PUT /application/mobile/mdx/android/4"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", REGISTRATION),
        ("mail.contoso.com:443", f"mail.contoso.com:443,{REGISTRATION}"),
        (" mail.contoso.com:443 , ", f"mail.contoso.com:443,{REGISTRATION}"),
        (REGISTRATION, REGISTRATION),
        (f"a:1 , {REGISTRATION.upper()} ", f"a:1 , {REGISTRATION.upper()} "),
    ],
)
def test_entries_are_added_and_none_is_taken_away(before: str, after: str) -> None:
    fake = _with(*push_policies(), policy("Bg", BACKGROUND, before))
    wanted: dict[str, Wanted] = {BACKGROUND: (REGISTRATION, REGISTRATION)}
    assert _run(fake, desired=wanted).changed == (before != after)
    assert fake.policies()[BACKGROUND] == after
    assert not _run(fake, desired=wanted).changed


def test_obstacles_are_those_of_the_state_that_will_be() -> None:
    fake = _with(*push_policies(), policy("Bg", BACKGROUND, ""), policy("Gw", "Background network service gateway", ""))
    expected = Expected("EMEA", "contoso-7Q2M4", REGISTRATION, sta=True)
    for desired, codes in (
        (DESIRED, ["registration-not-in-background"]),
        ({**DESIRED, BACKGROUND: (REGISTRATION,)}, ["background-gateway-empty"]),
    ):
        resource = _resource(fake, desired=desired)
        predicted = resource.obstacles(resource.read(), expected)
        assert [obstacle.code for obstacle in predicted] == codes
        assert resource.obstacles(reconcile(resource, False).after, expected) == predicted


# --- fallbacks of a server that ignores policies


def test_the_hand_off_names_every_click() -> None:
    fake = FakeXms()
    fake.takes_policies = False
    with pytest.raises(PoliciesIgnored) as caught:
        _run(fake, on=["ios", "android"])
    result = caught.value.result()
    steps = result["handoff"]
    assert "reupload" in result["remedy"] and "Configure > Apps" in steps[0] and "'Secure Mail'" in steps[1]
    assert [step for step in steps if step.startswith("Open the page")] == [
        "Open the page iOS on the left, under Platform",
        "Open the page Android on the left, under Platform",
    ]
    assert steps.count("Set 'Push notifications region' to 'EMEA'") == 2
    assert steps.count("Set 'Push notifications' to On") == 2


def test_an_answer_that_echoes_what_was_sent_proves_nothing() -> None:
    fake = FakeXms()
    fake.takes_policies = False
    send = fake.send

    def echo(method: str, url: str, headers: dict[str, str], body: Body) -> Answer:
        answer = send(method, url, headers, body)
        if method != "PUT" or not isinstance(body, str):
            return answer
        shown = json.loads(answer.text)
        shown["container"]["ios"]["policies"] = json.loads(body)["policies"]
        return Answer(200, json.dumps(shown))

    fake.send = echo  # type: ignore[method-assign]
    with pytest.raises(PoliciesIgnored):
        _run(fake)


def test_the_app_is_uploaded_anew_with_every_value_that_it_has(tmp_path: pathlib.Path) -> None:
    fake = FakeXms()
    fake.takes_policies, fake.resets = False, True
    android = copy.deepcopy(fake.apps[1]["android"])
    mdx = tmp_path / "SecureMail.mdx"
    mdx.write_bytes(app_package("10.8.65", push_policies()))
    fake.apps[1]["ios"]["policies"][1]["policyValue"] = "12"  # an administrator's own
    client = fake.client()
    resource = PushPolicies(client, "Secure Mail", [Target("ios", LABELS, str(mdx))], DESIRED, {}, republisher(client))
    assert reconcile(resource, False).changed
    assert fake.policies() == {**APPLIED, "Maximum offline period (hours)": "12"}
    assert fake.apps[1]["android"] == android and fake.apps[1]["roles"] == ["AllUsers"]
    assert not reconcile(resource, False).changed


@pytest.mark.parametrize(
    ("version", "resets", "said"), [("10.8.66", True, "the version 10.8.65"), ("10.8.65", False, "uploaded anew")]
)
def test_an_upload_that_cannot_help_says_so(tmp_path: pathlib.Path, version: str, resets: bool, said: str) -> None:
    fake = FakeXms()
    fake.takes_policies, fake.resets = False, resets
    mdx = tmp_path / "SecureMail.mdx"
    mdx.write_bytes(app_package(version, push_policies()))
    client = fake.client()
    resource = PushPolicies(client, "Secure Mail", [Target("ios", LABELS, str(mdx))], DESIRED, {}, republisher(client))
    with pytest.raises(PushOpsError, match=said):
        reconcile(resource, False)


def test_a_value_that_is_too_long_for_the_server_is_its_refusal() -> None:
    fake = FakeXms()
    fake.answers[3] = (400, '{"status": 1, "message": "policyValue is longer than 255"}')
    with pytest.raises(Refused, match=r"longer than 255.*'Push notifications customer ID' to 'x+...' \(300 char"):
        _run(fake, desired={"Push notifications customer ID": "x" * 300})
