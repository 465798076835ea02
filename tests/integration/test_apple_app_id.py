# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apple_app_id and its info as users run them: ansible-playbook against the lab's two developer APIs."""

from __future__ import annotations

import datetime
import pathlib
import typing as t
from dataclasses import dataclass

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.mdx.profile import parse_profile
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, Run
from securemail_lab.apple import seed
from securemail_lab.apple.developer_api import making
from securemail_lab.apple.developer_api.team import APIS, Team
from securemail_lab.lab import BUNDLE_ID, Lab
from securemail_lab.state import JsonFile

UDID = "00008110-000a1c2e3f4b5d6e"
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Account:
    """One of the lab's teams, and both modules' tasks against it."""

    lab: Lab
    team: Team
    api: str
    ansible: Ansible

    @property
    def path(self) -> pathlib.Path:
        return self.lab.directory / "profile.mobileprovision"

    @property
    def held(self) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self.team.file.read()
        return found

    @property
    def profiles(self) -> dict[str, str]:
        """Name -> state."""
        shown = [one["attributes"] for one in self.held["profiles"]]
        return {one["name"]: one["profileState"] for one in shown}

    def run(self, module: str = "apple_app_id", *, check: bool = False, diff: bool = False, **changed: t.Any) -> Run:
        arguments = {
            "api": self.api,
            "key_id": self.team.api.key_id,
            "issuer_id": self.team.api.issuer_id,
            "private_key_path": str(self.team.private_key_path),
            "url": f"https://{self.lab.address(self.team.api.host)}:{self.lab.port('https')}",
            "ca_path": str(self.lab.ca_path),
            "bundle_id": BUNDLE_ID,
            "timeout": 5,
            **changed,
        }
        task = {
            "name": "App ID",
            f"pushops.securemail.{module}": {name: value for name, value in arguments.items() if value is not None},
            "environment": {"no_proxy": "*"},
        }
        done = self.ansible.play(CONTROLLER, task, check=check, diff=diff)
        assert "Traceback" not in done.output
        return done

    def changes(self, **arguments: t.Any) -> list[str]:
        """The names of what changed."""
        done = self.run(**arguments)
        assert done.status == 0, done.output
        result = done.result("App ID")
        assert result.changed == bool(result["changes"])
        return [change["name"] for change in result["changes"]]

    def fails(self, *said: str, **arguments: t.Any) -> None:
        before = self.held
        done = self.run(**arguments)
        assert done.status != 0
        message = done.result("App ID")["msg"]
        assert all(words in message for words in said), message
        assert self.held == before, "a refused run changed something"

    def findings(self, **arguments: t.Any) -> list[str]:
        done = self.run("apple_app_id_info", **arguments)
        assert done.status == 0 and not done.result("App ID").changed, done.output
        return [finding["reason"] for finding in done.result("App ID")["findings"]]

    def profile(self, **changed: t.Any) -> dict[str, t.Any]:
        kind = "in_house" if self.api == "enterprise" else "app_store"
        return {"name": "Secure Mail", "type": kind, "path": str(self.path), **changed}

    def take_away(self, kind: str, identifier: str) -> None:
        with self.team.file.edit() as document:
            making.take_away(document, kind, identifier)


def _account(folder: pathlib.Path, ansible: Ansible, api: str) -> Account:
    lab = running_lab.create(folder / "lab", "apple-ca", "apns", *(one.host for one in APIS))
    seed.seed(lab)
    place = APIS[1] if api == "enterprise" else APIS[0]
    return Account(lab, Team(lab, place), api, ansible)


@pytest.fixture(params=["enterprise", "app_store_connect"])
def either(request: pytest.FixtureRequest, tmp_path: pathlib.Path, ansible: Ansible) -> t.Iterator[Account]:
    account = _account(tmp_path, ansible, request.param)
    with running_lab.serving(account.lab, "apple"):
        yield account


@pytest.fixture
def account(tmp_path: pathlib.Path, ansible: Ansible) -> t.Iterator[Account]:
    made = _account(tmp_path, ansible, "enterprise")
    with running_lab.serving(made.lab, "apple"):
        yield made


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Account]:
    """For runs that all must leave it as it is."""
    folder = tmp_path_factory.mktemp("untouched")
    made = _account(folder, Ansible(folder / "ansible"), "enterprise")
    with running_lab.serving(made.lab, "apple"):
        yield made


def test_present_changed_and_idempotent_in_check_and_real(either: Account) -> None:
    asked: dict[str, t.Any] = {"profile": either.profile(), "devices": [{"name": "Alex", "udid": UDID}]}
    empty = either.held
    predicted = either.run(**asked, check=True, diff=True)
    assert predicted.result("App ID").changed and either.held == empty and not either.path.exists()
    applied = either.run(**asked, diff=True)
    assert applied.status == 0, applied.output
    assert applied.result("App ID")["diff"] == predicted.result("App ID")["diff"]
    assert [change["name"] for change in applied.result("App ID")["changes"]] == [
        "App ID",
        "PUSH_NOTIFICATIONS",
        f"device {UDID}",
        f"profile ({either.profile()['type']})",
        str(either.path),
    ]
    stored = either.held
    assert either.changes(**asked) == [] and either.changes(**asked, check=True) == []
    assert either.held == stored
    profile = parse_profile(either.path.read_bytes(), "it")
    assert (profile.bundle_id, profile.aps_environment, profile.name) == (BUNDLE_ID, "production", "Secure Mail")
    assert profile.all_devices is (either.api == "enterprise") and either.path.stat().st_mode & 0o777 == 0o644
    assert applied.result("App ID")["profile"]["uuid"] == profile.uuid
    assert either.findings() == []


def test_an_ad_hoc_profile_names_the_devices_and_follows_them(account: Account) -> None:
    second = "f" * 40
    devices = [{"name": "Alex", "udid": UDID}, {"name": "Kim", "udid": second}]
    account.changes(profile=account.profile(type="ad_hoc"), devices=devices[:1])
    assert parse_profile(account.path.read_bytes(), "it").devices == 1
    both = {"profile": account.profile(type="ad_hoc"), "devices": devices}
    assert account.changes(**both) == [f"device {second}", "profile (ad_hoc)", str(account.path)]
    assert parse_profile(account.path.read_bytes(), "it").devices == 2
    assert account.changes(**both) == []
    assert account.profiles == {"Secure Mail": "ACTIVE", "Secure Mail 2": "ACTIVE"}, "the old one stays"


def test_a_revoked_certificate_invalidates_and_the_old_one_goes_last_where_asked(account: Account) -> None:
    account.changes(profile=account.profile())
    (first,) = account.held["certificates"]
    account.team.add_certificate("Second", datetime.datetime.now(datetime.UTC) + 700 * DAY)
    assert account.changes(profile=account.profile()) == [], "a new certificate alone is no reason"
    account.take_away("certificates", first["id"])
    assert account.findings() == ["profile-invalid"]
    asked: dict[str, t.Any] = {"profile": account.profile(), "remove_superseded": True}
    made = account.run(**asked)
    changes = made.result("App ID")["changes"]
    assert changes[0]["before"] == {"name": "Secure Mail", "reason": "profile-invalid"}
    assert changes[-1]["name"].startswith("profile Secure Mail (") and changes[-1]["after"] is None
    assert account.profiles == {"Secure Mail 2": "ACTIVE"}
    assert account.changes(**asked) == [] and account.findings() == []


def test_a_capability_that_was_turned_off_comes_back_with_a_new_profile(account: Account) -> None:
    account.changes(profile=account.profile())
    (capability,) = account.held["bundleIdCapabilities"]
    account.take_away("bundleIdCapabilities", capability["id"])
    assert account.findings() == ["push-missing", "profile-invalid"]
    assert account.changes(profile=account.profile()) == [
        "PUSH_NOTIFICATIONS",
        "profile (in_house)",
        str(account.path),
    ]
    assert account.profiles == {"Secure Mail": "INVALID", "Secure Mail 2": "ACTIVE"}
    assert account.changes(profile=account.profile()) == []


def test_a_profile_that_ends_soon_is_made_anew_and_one_that_a_new_one_would_not_outlast_is_named(
    account: Account,
) -> None:
    account.changes(profile=account.profile())
    soon = (datetime.datetime.now(datetime.UTC) + 350 * DAY).isoformat()
    assert account.findings(now=soon) == ["profile-expiring"]
    with account.team.file.edit() as document:  # eleven months passed
        attributes = document["profiles"][0]["attributes"]
        ends = datetime.datetime.fromisoformat(attributes["expirationDate"])
        attributes["expirationDate"] = (ends - 350 * DAY).isoformat()
    assert account.changes(profile=account.profile()) == ["profile (in_house)", str(account.path)]
    assert account.changes(profile=account.profile()) == []
    with account.team.file.edit() as document:  # and the only certificate comes near its end
        document["certificates"][0]["attributes"]["expirationDate"] = (
            datetime.datetime.now(datetime.UTC) + 10 * DAY
        ).isoformat()
    done = account.run(profile=account.profile())
    assert not done.result("App ID").changed, "a new profile would last no longer"
    assert done.result("App ID")["finding"]["reason"] == "certificate-expiring"
    assert account.findings() == ["certificate-expiring"]


def test_a_lost_or_foreign_file(account: Account) -> None:
    account.changes(profile=account.profile())
    content = account.path.read_bytes()
    account.path.unlink()
    assert account.changes(profile=account.profile()) == [str(account.path)]
    assert account.path.read_bytes() == content
    account.path.write_text("my notes")
    account.fails("is no provisioning profile", "not overwritten", profile=account.profile())
    assert account.path.read_text() == "my notes"


def test_a_longer_app_id_and_many_pages_mislead_nobody(account: Account) -> None:
    with account.team.file.edit() as document:
        for number in range(450):
            shape = {"name": "Other", "identifier": f"{BUNDLE_ID}.part{number}", "platform": "IOS", "seedId": "X"}
            document["bundleIds"].append(Team.resource("bundleIds", shape))
    assert account.changes() == ["App ID", "PUSH_NOTIFICATIONS"]
    assert account.held["bundleIds"][-1]["attributes"]["identifier"] == BUNDLE_ID
    assert account.changes() == []


def test_too_many_requests_are_waited_for_within_limits(account: Account) -> None:
    faults = JsonFile(account.lab.state("enterprise-api") / "faults.json")
    faults.write({"rate_limit": True, "retry_after": 1, "times": 1})
    assert account.changes() == ["App ID", "PUSH_NOTIFICATIONS"]
    faults.write({"rate_limit": True, "retry_after": 3600})
    account.fails("429", "RATE_LIMIT_EXCEEDED", "3600", "counts the requests of a key")
    faults.write({"down": True})
    account.fails("503", "Check the proxy")


def test_the_info_reads_with_any_role_and_changes_need_one(account: Account) -> None:
    path = account.lab.directory / "AuthKey_DEVELOPER1.p8"
    account.team.add_key("DEVELOPER1", "DEVELOPER", path)
    weak = {"key_id": "DEVELOPER1", "private_key_path": str(path)}
    assert account.findings(**weak) == ["app-id-missing"]
    account.fails("403", "FORBIDDEN_ERROR", "Give the key the role Admin", **weak)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"api": "app_store_connect"}, ["401", "NOT_AUTHORIZED", "belongs to this program"]),
        ({"issuer_id": "57246542-96fe-1a63-e053-0824d011072a"}, ["401", "issuer_id"]),
        ({"key_id": "NOSUCHKEY1"}, ["401"]),
        ({"private_key": "canary", "private_key_path": None}, ["private_key is '(not shown)'", "P-256"]),
        ({"private_key_path": "/nowhere/AuthKey.p8"}, ["private_key_path", "a file that exists"]),
        ({"bundle_id": "com.contoso.*"}, ["bundle_id", "without a wildcard"]),
        ({"name": "Secure & Mail"}, ["name is", "Apple refuses"]),
        ({"devices": [{"name": "Alex", "udid": "123"}]}, ["devices[0].udid"]),
        ({"devices": [{"name": "A", "udid": UDID}, {"name": "B", "udid": UDID.upper()}]}, ["each UDID once"]),
        ({"profile": {"name": "P", "type": "app_store"}}, ["profile.type", "with api enterprise"]),
        ({"profile": {"name": "P", "type": "ad_hoc"}}, ["devices", "Ad Hoc"]),
        ({"profile": {"name": "P", "path": "/nowhere/p.mobileprovision"}}, ["profile.path", "folder that exists"]),
        ({"profile": {"name": "P", "certificates": ["AB12"]}}, ["AB12", "valid are:"]),
        ({"renew_before_days": 365}, ["renew_before_days", "at most 300"]),
        ({"url": "http://127.0.0.1"}, ["url is"]),
    ],
)
def test_bad_input_is_refused_before_anything_changes(
    untouched: Account, changed: dict[str, t.Any], said: list[str]
) -> None:
    untouched.fails(*said, **changed)


def test_another_team_has_the_identifier(account: Account) -> None:
    """The list of a team does not show it, but Apple has it registered."""
    other = Team.resource("bundleIds", {"name": "X", "identifier": BUNDLE_ID.upper(), "platform": "IOS"})
    with account.team.file.edit() as document:
        document["bundleIds"].append(other)
    account.fails("409", "is not available", "Correct the value that Apple names")
