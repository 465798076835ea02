# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's XenMobile Server takes packages: new apps, new versions, more platforms; all or nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import pathlib
import plistlib
import socket
import typing as t
import zipfile

import httpx
import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import loopback, xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import Api, Json, Xms
from securemail_lab.lab import BUNDLE_ID
from securemail_lab.xms import mdx
from securemail_lab.xms.policies import SECURE_MAIL, Policy

MAIL = "/application/mobile/mdx/ios/4"
NEW = "/application/mobile/mdx/ios"
SAME: Json = {"name": "Secure Mail", "category": ["default"], "deliveryGroups": ["AllUsers"]}
SCHEDULE: Json = {
    "enableDeployment": True,
    "deploySchedule": "LATER",
    "deployDate": "12/24/2026",
    "deployTime": "17:44",
    "deployScheduleCondition": "ONPREVIOUSFAILED",
    "deployInBackground": False,
}


@pytest.fixture
def xms(tmp_path: pathlib.Path) -> t.Iterator[Xms]:
    with xms_api.running(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def api(xms: Xms) -> Api:
    return xms.api


def _package(
    version: str = "21.1.5", bundle_id: str = BUNDLE_ID, policies: t.Sequence[Policy] = SECURE_MAIL["ios"]
) -> bytes:
    return mdx.package("Secure Mail", bundle_id, version, policies)


def _values(app: Json, platform: str = "ios") -> dict[str, str]:
    return {policy["title"]: policy["policyValue"] for policy in app[platform]["policies"]}


def _left(xms: Xms) -> list[str]:
    """Files of unfinished uploads."""
    folder = xms.lab.state("xms") / "uploads"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


# --- a new version


def test_a_new_version_keeps_values_and_says_which_container(xms: Xms, api: Api) -> None:
    api.put([{"policyName": "PushNotificationsServiceHostname", "policyValue": "EU_WEST"}])
    before = api.app()
    answer = api.upload(MAIL, _package(), **SAME, description="Mail", deploymentSchedule=SCHEDULE)
    assert answer.json() == {"status": 0, "message": "Operation completed successfully. Container Id: 4"}
    after = api.app()
    assert (after["ios"]["appVersion"], after["android"]["appVersion"]) == ("21.1.5", "10.8.65")
    assert _values(after) == _values(before)
    assert (after["description"], after["schedule"], after["roles"]) == ("Mail", SCHEDULE, ["AllUsers"])
    assert after["ios"]["uuid"] == before["ios"]["uuid"] and after["android"] == before["android"]
    kept = xms.lab.state("xms") / "packages" / "4-ios.mdx"
    assert kept.read_bytes() == _package() and _left(xms) == []


def test_a_server_may_set_policies_back_to_their_defaults(xms: Xms, api: Api) -> None:
    xms.set(reset_on_upload=True)
    api.put([{"policyName": "PushNotifications", "policyValue": "true"}])
    assert api.upload(MAIL, _package(), **SAME).json()["status"] == 0
    assert _values(api.app())["Push notifications"] == "false"


def test_what_appinfo_leaves_out_is_gone_and_devices_notice(xms: Xms, api: Api) -> None:
    assert "Secure Mail" in [app["name"] for app in xms.check_in()]
    assert api.upload(MAIL, _package()).json()["status"] == 0
    after = api.app()
    assert (after["roles"], after["categories"], after["description"]) == ([], [], "")
    assert "Secure Mail" not in [app["name"] for app in xms.check_in()]


def test_a_new_version_brings_and_takes_policies_and_mends_values_it_does_not_know(api: Api) -> None:
    api.put([{"policyName": "PushNotificationsServiceHostname", "policyValue": "EU_WEST"}])
    region = next(policy for policy in SECURE_MAIL["ios"] if policy.title == "Push notifications region")
    changed = [
        dataclasses.replace(region, choices={"US_EAST": "Americas"}),
        Policy("NewOne", "integer", "Authentication", "New one", "NEW_TITLE", "7"),
    ]
    assert api.upload(MAIL, _package(policies=changed), **SAME).json()["status"] == 0
    assert _values(api.app()) == {"Push notifications region": "US_EAST", "New one": "7"}


# --- a new app, another platform, an enterprise app


def test_a_new_app_has_an_id_of_its_own_and_its_policies_can_be_set(api: Api) -> None:
    answer = api.upload(NEW, _package(bundle_id="com.contoso.mail2"), name="Mail 2", deliveryGroups=["AllUsers"])
    identifier = int(answer.json()["message"].rpartition(" ")[2])
    app = api.app(identifier)
    assert (app["name"], app["appType"], app["android"]) == ("Mail 2", "MDX", None)
    path = f"{NEW}/{identifier}"
    changed = api.put([{"policyName": "PushNotifications", "policyValue": "true"}], path).json()
    assert _values(changed["container"])["Push notifications"] == "true"
    assert _values(api.app())["Push notifications"] == "false"


def test_an_app_gets_one_more_platform(api: Api) -> None:
    package = mdx.package("Secure Web", "com.contoso.secureweb", "21.1", SECURE_MAIL["android"], platform="android")
    path = "/application/mobile/mdx/android/2"
    assert api.upload(path, package, name="Secure Web", deliveryGroups=["AllUsers"]).json()["status"] == 0
    assert api.app(2)["ios"]["appVersion"] == "10.8.65" and api.app(2)["android"]["appVersion"] == "21.1"


def _ipa(bundle_id: str, version: str) -> bytes:
    content = io.BytesIO()
    info = {"CFBundleIdentifier": bundle_id, "CFBundleShortVersionString": version, "CFBundleName": "Survey"}
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("Payload/Survey.app/Info.plist", plistlib.dumps(info))
    return content.getvalue()


def test_an_enterprise_app_is_an_ipa(api: Api) -> None:
    path = "/application/mobile/enterprise/ios/3"
    answer = api.upload(path, _ipa("com.contoso.survey", "2.0"), name="Site survey", deliveryGroups=["AllUsers"])
    assert answer.json()["status"] == 0 and api.app(3)["ios"]["appVersion"] == "2.0"
    assert api.upload(path, _ipa("com.contoso.other", "2.0"), **SAME).json()["status"] != 0
    assert api.upload("/application/mobile/enterprise/ios", _package(), **SAME).json()["status"] != 0


def test_a_deleted_app_is_gone_with_its_package(xms: Xms, api: Api) -> None:
    api.upload(MAIL, _package(), **SAME)
    assert api.http.delete("/application/4").json()["status"] == 0
    assert api.http.get("/application/mobile/4").json()["status"] != 0
    assert list((xms.lab.state("xms") / "packages").iterdir()) == []
    assert [app["name"] for app in xms.check_in()] == ["Secure Web"]
    assert api.http.delete("/application/4").status_code == 400


# --- refusals


def _zip(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name.replace("__", "."), member)
    return content.getvalue()


_BOMB = b'<!DOCTYPE a [<!ENTITY b "c">]><PolicyMetadata>&b;</PolicyMetadata>'


@pytest.mark.parametrize(
    ("path", "package", "info"),
    [
        (MAIL, b"no zip", SAME),
        (MAIL, _package()[:-30], SAME),
        (MAIL, _zip(readme__txt=b"x"), SAME),
        (MAIL, _zip(policy_metadata__xml=_BOMB, manifest__xml=b"<a/>"), SAME),
        (MAIL, _zip(policy_metadata__xml=b"<a/>", manifest__xml=b"<a/>"), SAME),
        (MAIL, _package(bundle_id="com.contoso.other"), SAME),
        (MAIL, mdx.package("Mail", BUNDLE_ID, "1", (), platform="android"), SAME),
        (MAIL, _package(), {**SAME, "deliveryGroups": ["Nobody"]}),
        (MAIL, _package(), {**SAME, "category": "default"}),
        (MAIL, _package(), {**SAME, "name": 4}),
        (MAIL, _package(), {**SAME, "deploymentSchedule": {"deploySchedule": "SOON"}}),
        (NEW, b"no zip", SAME),
        ("/application/mobile/mdx/ios/3", _package(), SAME),
        ("/application/mobile/mdx/ios/99", _package(), SAME),
        ("/application/mobile/mdx/symbian", _package(), SAME),
    ],
)
def test_a_refused_upload_changes_nothing(xms: Xms, api: Api, path: str, package: bytes, info: Json) -> None:
    before = xms.file("apps").read()
    answer = api.upload(path, package, **info)
    assert answer.status_code == 400 and answer.json()["status"] != 0 and answer.json()["message"]
    assert xms.file("apps").read() == before and _left(xms) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"appInfo": (None, "{}")},
        {"uploadFile": ("a.mdx", b"x")},
        {"appInfo": (None, "{"), "uploadFile": ("a.mdx", b"x")},
        {"appInfo": (None, "[]"), "uploadFile": ("a.mdx", b"x")},
        {"appInfo": (None, "{}"), "uploadFile": ("a.mdx", b"x"), "more": (None, "x")},
    ],
)
def test_parts_are_those_of_the_document(xms: Xms, api: Api, parts: t.Any) -> None:
    assert api.http.post(MAIL, files=parts).status_code == 400
    assert api.post(MAIL, {}).status_code == 400
    assert _left(xms) == []


# --- uploads that are cut


@contextlib.contextmanager
def _half_sent(xms: Xms) -> t.Iterator[socket.socket]:
    """A connection on which a new version of Secure Mail is half sent."""
    package = b"PK" + bytes(4 << 20)
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="appInfo"\r\n\r\n'
        + json.dumps(SAME).encode()
        + b'\r\n--edge\r\nContent-Disposition: form-data; name="uploadFile"; filename="a.mdx"\r\n\r\n'
    )
    length = len(head) + len(package) + len(b"\r\n--edge--\r\n")
    request = (
        f"POST /xenmobile/api/v1{MAIL} HTTP/1.1\r\nHost: xms\r\nAuth_token: {xms.api.http.headers['Auth_token']}\r\n"
        f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {length}\r\n\r\n"
    )
    plain = socket.create_connection((xms.lab.address("xms"), xms.lab.port("xms")), 5)
    with xms.lab.client_tls().wrap_socket(plain, server_hostname=xms.lab.address("xms")) as connection:
        connection.sendall(request.encode() + head + package[: len(package) // 2])
        yield connection


def test_an_upload_goes_to_disk_as_it_comes_and_leaves_nothing_when_it_is_cut(xms: Xms) -> None:
    before = xms.file("apps").read()
    folder = xms.lab.state("xms") / "uploads"
    with _half_sent(xms):
        loopback.wait(
            lambda: any(path.stat().st_size > 1 << 20 for path in folder.glob("*")), "the first half is on disk"
        )
        assert xms.file("apps").read() == before
    loopback.wait(lambda: _left(xms) == [], "the half file is removed")
    assert xms.file("apps").read() == before
    assert xms.api.upload(MAIL, _package(), **SAME).json()["status"] == 0, "the repeated upload"


def test_a_reset_within_an_upload_leaves_no_half_app(xms: Xms) -> None:
    before = xms.file("apps").read()
    xms.file("faults").write({"schedule": [{"kind": "reset", "on": "POST /application/mobile", "bytes": 100_000}]})
    package = _package() + bytes(8 << 20)
    with pytest.raises(httpx.TransportError):
        xms.api.upload(NEW, package, **SAME)
    assert xms.file("apps").read() == before and _left(xms) == []


def test_a_body_that_ends_early_is_refused(xms: Xms) -> None:
    content = b'--edge\r\nContent-Disposition: form-data; name="uploadFile"; filename="a.mdx"\r\n\r\nPK'
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = xms.api.http.post(MAIL, content=content, headers=headers)
    assert answer.status_code == 400 and _left(xms) == []
    answer = xms.api.http.post(MAIL, content=content, headers={"Content-Type": "multipart/form-data"})
    assert answer.status_code == 400
