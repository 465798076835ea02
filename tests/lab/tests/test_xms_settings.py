# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the lab's XenMobile Server: server properties, certificates, languages, logins of the cloud."""

from __future__ import annotations

import json
import pathlib
import typing as t

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.pushops.securemail.tests.lab.tests import xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import PASSWORD, Api, Json, Xms
from securemail_lab.xms import certificates
from securemail_lab.xms.seed import LOGIN

KEYSTORE: Json = {"useAs": "apns", "uploadType": "keystore", "keystoreType": "PKCS12", "password": "1234"}


@pytest.fixture
def xms(tmp_path: pathlib.Path) -> t.Iterator[Xms]:
    with xms_api.running(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def api(xms: Xms) -> Api:
    xms.give_role("administrator")
    return xms.api


# --- roles


@pytest.mark.parametrize("path", ["/serverproperties", "/certificates"])
def test_a_role_without_settings_is_refused_without_json(xms: Xms, path: str) -> None:
    answer = xms.api.http.get(path)
    assert answer.status_code == 403 and "html" in answer.headers["content-type"]
    assert xms.api.app()["name"] == "Secure Mail", "the session goes on"


# --- server properties


def test_server_properties_show_what_sessions_follow(xms: Xms, api: Api) -> None:
    xms.set(properties={"xms.publicapi.timeout.type": "INACTIVITY_TIMEOUT"})
    query = {"start": "0", "limit": "1000", "orderBy": "name", "sortOrder": "desc", "searchStr": "publicapi"}
    listed = api.post("/serverproperties/filter", query).json()["allEwProperties"]
    assert [(one["name"], one["value"]) for one in listed] == [
        ("xms.publicapi.timeout.type", "INACTIVITY_TIMEOUT"),
        ("xms.publicapi.static.timeout", "60"),
        ("xms.publicapi.inactivity.timeout", "60"),
    ]
    assert len(api.http.get("/serverproperties").json()["allEwProperties"]) == 3
    assert api.post("/serverproperties/filter", {"orderBy": "color"}).status_code == 400


# --- certificates


def _listed(api: Api) -> list[Json]:
    answer: Json = api.http.get("/certificates").json()
    assert answer["apnsCheckObj"] == {
        "topicNameMismatch": False,
        "certExpired": False,
        "certNotYetValid": False,
        "malformed": False,
    }
    found: list[Json] = answer["certificate"]
    return found


def _import(api: Api, content: bytes, **changed: t.Any) -> httpx.Response:
    parts = {"certImportData": (None, json.dumps({**KEYSTORE, **changed})), "uploadFile": ("push.p12", content)}
    return api.http.post("/certificates/import/keystore/apns", files=parts)


def _keystore(entry: Json) -> bytes:
    key = serialization.load_pem_private_key(entry["key"].encode(), None)
    locked = serialization.BestAvailableEncryption(b"1234")
    return pkcs12.serialize_key_and_certificates(b"push", key, certificates.loaded(entry), None, locked)  # type: ignore[arg-type]


def test_the_only_certificate_is_that_of_device_management(api: Api) -> None:
    (shown,) = _listed(api)
    assert (
        shown["type"] == "apns" and shown["isActive"] and shown["privateKey"] and 270 <= shown["remainingDays"] <= 275
    )
    assert shown["certDetails"]["subjectName"]["commonName"].startswith("APSP:")
    assert "com.apple.mgmt." in shown["certDetails"]["subjectName"]["certString"]
    assert "PRIVATE" not in json.dumps(shown)


def test_a_check_of_another_topic_says_so_and_imports_nothing(xms: Xms, api: Api) -> None:
    before = xms.file("certificates").read()
    other = _keystore(certificates.for_device_management())
    answer = _import(api, other, checkTopicName=True).json()
    assert answer["status"] == 0 and answer["apnsCheck"]["topicNameMismatch"] is True
    same = _keystore(before["certificates"][0])
    assert _import(api, same, checkTopicName=True).json()["apnsCheck"]["topicNameMismatch"] is False
    assert xms.file("certificates").read() == before


def test_an_import_takes_the_place_of_the_certificate_in_use(api: Api) -> None:
    made = certificates.for_device_management()
    assert _import(api, _keystore(made), description="Next").json()["status"] == 0
    old, new = _listed(api)
    assert (old["isActive"], new["isActive"], new["description"]) == (False, True, "Next")


@pytest.mark.parametrize("changed", [{"password": "4321"}, {"useAs": "saml"}, {"checkTopicName": "yes"}])
def test_an_import_of_another_form_changes_nothing(xms: Xms, api: Api, changed: Json) -> None:
    before = xms.file("certificates").read()
    answer = _import(api, _keystore(certificates.for_device_management()), **changed)
    assert answer.status_code == 400 and "4321" not in answer.text
    assert _import(api, b"no keystore").status_code == 400
    assert xms.file("certificates").read() == before


# --- language


def test_a_german_server_has_german_titles_and_the_same_names(xms: Xms) -> None:
    english = xms.api.app()["ios"]["policies"]
    xms.set(language="de")
    german = xms.api.app()["ios"]["policies"]
    assert [policy["policyName"] for policy in german] == [policy["policyName"] for policy in english]
    titles = [policy["title"] for policy in german]
    assert "Region für Pushbenachrichtigungen" in titles and "Push notifications region" not in titles
    assert "Push notifications region" in xms.check_in()[-1]["policies"], "devices go by names"


# --- logins of Citrix Cloud


def _log_in(xms: Xms, form: str, body: Json, **headers: str) -> httpx.Response:
    return xms.api.http.post(f"/authentication/{form}", json=body, headers=headers)


def test_a_server_on_premises_knows_no_login_of_the_cloud(xms: Xms) -> None:
    for form in ("login/cloud", "cwclogin"):
        assert _log_in(xms, form, {"bearerToken": PASSWORD}).status_code == 404


def test_the_cloud_takes_a_bearer_token_or_a_service_key_by_its_generation(xms: Xms) -> None:
    key, body = {"Authorization": f"CWSAuth service={PASSWORD}"}, {"context": "customer", "customerId": "contoso"}
    xms.set(cloud={"login": LOGIN, "secret": "xms", "customer": "contoso"})
    assert list(_log_in(xms, "login/cloud", {"bearerToken": PASSWORD}).json()) == ["auth_token"]
    assert _log_in(xms, "login/cloud", {"bearerToken": "wrong"}).status_code == 401
    assert _log_in(xms, "cwclogin", body, **key).status_code == 404
    xms.set(generation="2016")
    token = _log_in(xms, "cwclogin", body, **key).json()["auth_token"]
    assert xms.api.http.get("/application/mobile/4", headers={"Auth_token": token}).json()["result"]["id"] == 4
    assert _log_in(xms, "cwclogin", {**body, "customerId": "fabrikam"}, **key).status_code == 401
    assert _log_in(xms, "cwclogin", {**body, "context": "x"}, **key).status_code == 400
    assert _log_in(xms, "cwclogin", body).status_code == 401
    assert _log_in(xms, "login/cloud", {"bearerToken": PASSWORD}).status_code == 404


# --- the store


def test_an_app_of_the_store_is_read_at_an_address_of_its_own(xms: Xms) -> None:
    app = xms.api.http.get("/application/store/1").json()["container"]
    assert app["appType"] == "App Store App" and app["iphone"]["checkForUpdate"] is True and app["ipad"] is None
    assert xms.api.http.get("/application/store/4").status_code == 400
