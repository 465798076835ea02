# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netscaler_push_access and netscaler_push_info as users run them: ansible-playbook against the lab's NetScaler."""

from __future__ import annotations

import copy
import pathlib
import socket
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.netscaler_host import (
    BINDINGS,
    DESTINATIONS,
    POLICY,
    RULE,
    NetScaler,
)
from ansible_collections.pushops.securemail.tests.integration.running_ansible import Ansible, Run
from securemail_lab.netscaler import console
from securemail_lab.netscaler.seed import GROUP, OTHER_GROUP

NEIGHBORS = ["203.0.113.22", "203.0.113.25", "203.0.113.13"]
ABSENT = {"state": "absent", "groups": None, "destinations": None}


class Site:
    """A NetScaler and an operator."""

    def __init__(self, host: NetScaler, ansible: Ansible) -> None:
        self.host = host
        self._ansible = ansible

    def run(self, **arguments: t.Any) -> Run:
        return self.host.run(self._ansible, **arguments)

    def changes(self, **arguments: t.Any) -> bool:
        done = self.run(**arguments)
        assert done.status == 0, done.output
        return done.result("Push").changed

    def fails(self, *expected: str, **arguments: t.Any) -> None:
        """The module fails with these words and changes nothing."""
        running = self.host.store.running
        done = self.run(**arguments)
        assert done.status != 0 and "Traceback" not in done.output, done.output
        result = done.result("Push")
        assert result["remedy"] and all(words in f"{result['msg']}" for words in expected), result["msg"]
        assert self.host.store.running == running

    def lines(self) -> dict[str, bool]:
        """Which destinations a user reaches."""
        return {address: self.host.reaches(address) for address in DESTINATIONS}


@pytest.fixture
def site(tmp_path: pathlib.Path, ansible: Ansible) -> t.Iterator[Site]:
    host = NetScaler.create(tmp_path / "lab")
    with running_lab.serving(host.lab, "netscaler"):
        yield Site(host, ansible)


def test_present_changed_and_idempotent_in_check_and_real(site: Site) -> None:
    before = site.host.store.running
    predicted = site.run(check=True, diff=True)
    assert predicted.result("Push").changed and site.host.store.running == before
    assert site.lines() == dict.fromkeys(DESTINATIONS, False)
    applied = site.run(diff=True)
    assert applied.status == 0, applied.output
    result = applied.result("Push")
    assert result["diff"] == predicted.result("Push")["diff"]
    assert result["diff"]["after"] == {
        f"authorization policy {POLICY}": f"ALLOW: {RULE}",
        f"binding in AAA group {GROUP}": "priority 90",
        "saved configuration": "saved anew",
    }
    assert result["needed"] and "An STA is bound" in result["reason"] and not result["saved_others"]
    assert [change["link"] for change in result["changes"]] == ["registration-egress", "registration-egress", ""]
    assert site.lines() == dict.fromkeys(DESTINATIONS, True)
    assert not any(site.host.reaches(address) for address in NEIGHBORS)
    assert not any(site.host.reaches(address, port) for address in DESTINATIONS for port in (80, 444))
    console.reboot(site.host.lab)
    assert site.lines() == dict.fromkeys(DESTINATIONS, True), "it was not saved"
    stored = site.host.store.running
    assert not site.changes() and not site.changes(check=True)
    assert site.host.store.running == stored


def test_absent_takes_everything_back_and_nothing_else(site: Site) -> None:
    before = site.host.store.running
    assert not site.changes(**ABSENT, check=True) and not site.changes(**ABSENT)
    site.changes()
    assert site.changes(**ABSENT, check=True) and site.host.store.running != before
    assert site.changes(**ABSENT)
    assert site.host.store.running == site.host.store.saved == before
    assert not site.changes(**ABSENT) and not site.changes(**ABSENT, check=True)


def _deny_the_internet(site: Site, priority: int) -> None:
    policy = {"name": "no_internet", "rule": "CLIENT.IP.DST.IN_SUBNET(203.0.113.0/24)", "action": "DENY"}
    with site.host.store.running_file.edit() as running:
        running["objects"]["authorizationpolicy"]["no_internet"] = policy
        running["bindings"][BINDINGS].append({"groupname": GROUP, "policy": "no_internet", "priority": priority})
    site.host.store.save()


def test_a_policy_that_may_deny_comes_after_ours(site: Site) -> None:
    _deny_the_internet(site, 51)
    foreign = site.host.bound()
    assert site.changes() and site.lines() == dict.fromkeys(DESTINATIONS, True)
    assert site.host.bound() == {**foreign, POLICY: 49}, "50 is taken by a policy that has nothing to do with it"
    assert not site.changes()


def test_where_no_number_is_free_before_what_denies(site: Site) -> None:
    _deny_the_internet(site, 1)
    site.fails("No priority is free", "no_internet (1)")


def test_a_binding_that_is_missing_is_mended_alone(site: Site) -> None:
    site.changes()
    assert console.unbind_authorization(site.host.lab, "pushops_") == 1
    assert site.lines() == dict.fromkeys(DESTINATIONS, False)
    names = [change["name"] for change in site.run().result("Push")["changes"]]
    assert names == [f"binding in AAA group {GROUP}", "saved configuration"]
    assert site.lines() == dict.fromkeys(DESTINATIONS, True) and not site.changes()


def test_what_is_declared_no_longer_is_taken_back(site: Site) -> None:
    site.changes(groups=[GROUP, OTHER_GROUP], destinations=[*DESTINATIONS, "203.0.113.33"])
    assert POLICY in site.host.bound(OTHER_GROUP) and site.host.reaches("203.0.113.33")
    assert site.changes()
    assert POLICY not in site.host.bound(OTHER_GROUP) and not site.host.reaches("203.0.113.33")
    assert not site.changes()


def test_acls_of_ours_come_only_where_others_deny(site: Site) -> None:
    deny: dict[str, t.Any] = {
        "aclaction": "DENY",
        "destip": True,
        "destipop": "=",
        "destipval": "203.0.113.24-203.0.113.99",
    }
    site.host.add_acl("no_internet", priority=10, **deny)
    site.host.add_acl("elsewhere", priority=5, aclaction="DENY", destip=True, destipval="198.51.100.1")
    foreign = copy.deepcopy(site.host.store.running["objects"]["nsacl"])
    result = site.run().result("Push")
    names = [change["name"] for change in result["changes"]]
    assert names[2:] == [f"ACL {POLICY}_203.0.113.24", "applied ACLs", "saved configuration"]
    assert site.lines() == dict.fromkeys(DESTINATIONS, True)
    acls = site.host.store.running["objects"]["nsacl"]
    assert {name: acls[name] for name in foreign} == foreign and acls[f"{POLICY}_203.0.113.24"]["priority"] == 9
    assert not site.changes() and not site.changes(check=True)
    assert site.changes(**ABSENT)
    assert site.host.store.running["objects"]["nsacl"] == foreign
    assert not site.lines()["203.0.113.24"]


def test_an_acl_that_was_not_applied_is_applied(site: Site) -> None:
    site.host.add_acl("no_internet", aclaction="DENY", priority=10, destip=True, destipval="203.0.113.0-203.0.113.255")
    site.host.faults(errorcode=2, message="cut off", only="POST nsacls")
    assert site.run().status != 0 and site.lines() == dict.fromkeys(DESTINATIONS, False)
    site.host.faults()
    names = [change["name"] for change in site.run().result("Push")["changes"]]
    assert names == ["applied ACLs", "saved configuration"]
    assert site.lines() == dict.fromkeys(DESTINATIONS, True) and not site.changes()


def test_acls_of_others_are_not_applied_along(site: Site) -> None:
    site.host.add_acl("no_internet", aclaction="DENY", priority=10, destip=True, destipval="203.0.113.0-203.0.113.255")
    site.host.add_acl("half_done", applied=False, aclaction="DENY", priority=5)
    site.fails("half_done", "which nobody has applied yet")


def test_a_save_that_failed_is_made_up_for(site: Site) -> None:
    site.host.faults(errorcode=2, message="disk full", only="POST nsconfig")
    failed = site.run()
    assert failed.status != 0 and "disk full" in failed.result("Push")["msg"]
    assert site.host.store.saved != site.host.store.running
    site.host.faults()
    assert site.changes(check=True)
    (change,) = site.run().result("Push")["changes"]
    assert (change["name"], change["before"], change["after"]) == ("saved configuration", "unsaved changes", "saved")
    console.reboot(site.host.lab)
    assert site.lines() == dict.fromkeys(DESTINATIONS, True) and not site.changes()


def test_unsaved_changes_of_others_are_saved_and_said_or_refused(site: Site) -> None:
    site.host.leave_something_unsaved()
    site.fails("nobody has saved", unsaved_changes="refuse")
    applied = site.run()
    assert applied.result("Push")["saved_others"] and "saving saves them, too" in applied.output
    assert "Trial" in site.host.store.saved["objects"]["aaagroup"]


def test_unsaved_changes_of_others_alone_are_none_of_ours(site: Site) -> None:
    site.changes()
    site.host.leave_something_unsaved()
    assert not site.changes() and not site.changes(unsaved_changes="refuse")
    assert "Trial" not in site.host.store.saved["objects"]["aaagroup"]


@pytest.mark.parametrize("reason", ["STA", "split"])
def test_where_nothing_is_needed_nothing_is_done_and_that_is_said(site: Site, reason: str) -> None:
    with site.host.store.running_file.edit() as running:
        if reason == "STA":
            running["bindings"]["vpnglobal_staserver_binding"] = []
        else:
            running["objects"]["vpnsessionaction"]["AC_OS"]["splittunnel"] = "ON"
    site.host.store.save()
    result = site.run().result("Push")
    assert not result.changed and not result["needed"] and result["changes"] == []
    assert ("No STA is bound" if reason == "STA" else "Split tunneling is on") in result["reason"]


def test_info_says_what_decides(site: Site) -> None:
    before = site.host.store.running
    first = site.run(module="info", groups=None).result("Push")
    assert not first.changed and site.host.store.running == before
    by_name = {group["name"]: group for group in first["groups"]}
    assert set(by_name) == {GROUP, OTHER_GROUP}
    users = by_name[GROUP]
    assert (users["tunneled"], users["split_tunnel"], users["default_authorization"]) == (True, ["OFF"], ["DENY"])
    assert users["passes"] is False
    assert users["because"]["203.0.113.23/32"] == "the default authorization action says DENY"
    assert [policy["name"] for policy in users["policies"]] == ["no_admin", "internal"]
    assert first["virtual_servers"][0]["stas"] and "NS13.1" in first["version"] and not first["unsaved"]
    site.changes()
    (users,) = site.run(module="info").result("Push")["groups"]
    assert users["passes"] is True
    assert users["because"]["203.0.113.24/32"] == f"authorization policy {POLICY} says ALLOW"


def test_a_session_that_expires_in_between_is_opened_again(site: Site) -> None:
    site.host.faults(expire_sessions=True, only="GET vpnparameter")
    assert site.changes() and site.lines() == dict.fromkeys(DESTINATIONS, True)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["groups is []"], {"groups": []}),
        (["destinations is []"], {"destinations": []}),
        (["destinations[1] is '203.0.113.24/24'", "host bits"], {"destinations": ["203.0.113.23", "203.0.113.24/24"]}),
        (["destinations[0] is 'pushreg'"], {"destinations": ["pushreg"]}),
        (["destinations is '200 networks'"], {"destinations": [f"203.0.{n}.1" for n in range(200)]}),
        (["port is 0"], {"port": 0}),
        (["policy_name is 'a b'"], {"policy_name": "a b"}),
        (["groups is", "each group once"], {"groups": [GROUP, GROUP]}),
        (["url is 'http://netscaler"], {"url": "http://netscaler.example.com"}),
        (["ca_path is '/nowhere'"], {"ca_path": "/nowhere"}),
        (["no AAA group Nobody", GROUP], {"groups": ["Nobody"]}),
        (["login as svc-pushops was refused", "errorcode 354"], {"password": "wrong"}),
    ],
)
def test_bad_input(site: Site, words: list[str], arguments: dict[str, t.Any]) -> None:
    site.fails(*words, **arguments)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["Expected JSON", "HTTP 503"], {"down": True}),
        (["Expected JSON", "NetScaler Gateway"], {"html": True}),
        (["HTTP 500", "errorcode 1", "broken"], {"errorcode": 1, "message": "broken", "http": 500}),
        (["errorcode 1098", "no license"], {"errorcode": 1098, "message": "no license", "http": 200}),
        (["brought no answer", "timed out"], {"seconds": 3, "times": 1}),
    ],
)
def test_a_netscaler_that_misbehaves(site: Site, words: list[str], fault: dict[str, t.Any]) -> None:
    site.host.faults(**fault)
    site.fails(*words, timeout=1)


def test_a_user_who_may_only_look(site: Site) -> None:
    site.fails("HTTP 403", "Not authorized to execute this command", username="auditor")
    site.host.leave_something_unsaved()
    looked = site.run(module="info", username="auditor")
    assert looked.status == 0 and looked.result("Push")["unsaved"]


def test_nobody_answers_and_an_authority_that_is_not_the_right_one(site: Site, tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    site.fails("brought no answer", url=f"https://127.0.0.1:{port}")
    site.fails("certificate is not trusted", ca_path=None)
