# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The push service: portal, registration and listener, asked over HTTPS; the pushes go to the lab's own Apple."""

from __future__ import annotations

import base64
import json
import pathlib
import secrets
import subprocess
import sys
import time
import typing as t
from xml.etree import ElementTree

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from exchangelib.services import SendNotification

from ansible_collections.pushops.securemail.tests.lab.tests import loopback, push_certificates
from ansible_collections.pushops.securemail.tests.lab.tests.push_certificates import DAY, PASSWORD
from securemail_lab.apple import authority
from securemail_lab.citrix.accounts import Accounts
from securemail_lab.citrix.seed import CUSTOMER_ID
from securemail_lab.exchange.ews import notification
from securemail_lab.exchange.ews.soap import ServerVersion
from securemail_lab.exchange.ews.subscriptions import Subscription
from securemail_lab.exchange.mailbox import Item
from securemail_lab.lab import BUNDLE_ID, REGIONS, USER, Lab
from securemail_lab.requesting import target
from securemail_lab.state import JsonFile

REGION = "emea"
PHONE, TABLET = "1a" * 32, "2b" * 32
BY_HAND = """<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<SendNotification xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><ResponseMessages>
<SendNotificationResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode><Notification>
<t:SubscriptionId>s</t:SubscriptionId><t:PreviousWatermark>w</t:PreviousWatermark><t:MoreEvents>false</t:MoreEvents>
{events}</Notification></SendNotificationResponseMessage></ResponseMessages></SendNotification></s:Body></s:Envelope>"""
EVENT = '<t:{name}><t:Watermark>w</t:Watermark><t:ItemId Id="{item}" ChangeKey="c"/></t:{name}>'
Json = dict[str, t.Any]


class Service:
    """What a portal's user, a device and Exchange see of the push service."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.http = httpx.Client(verify=lab.client_tls(), timeout=5)

    def ask(self, method: str, host: str, path: str, token: str = "", **request: t.Any) -> httpx.Response:
        url, headers, extensions = target(self.lab, host, path)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(method, url, headers=headers, extensions=extensions, **request)

    def upload(self, content: bytes, region: str = REGION, token: str = "", **form: t.Any) -> httpx.Response:
        document = {"bundle_id": BUNDLE_ID, "pkcs12": base64.b64encode(content).decode(), "password": PASSWORD} | form
        path = f"/v1/regions/{region}/certificates"
        return self.ask("POST", "portal", path, token or self.lab.secret("portal"), json=document)

    def register(self, region: str = REGION, **fields: t.Any) -> httpx.Response:
        document = {"customer_id": CUSTOMER_ID, "bundle_id": BUNDLE_ID, "user": USER, "device": "phone", "token": PHONE}
        return self.ask("POST", f"registration-{region}", "/v1/devices", json=document | fields)

    def notify(self, path: str, content: bytes) -> httpx.Response:
        return self.ask("POST", f"listener-{REGION}", path, content=content)

    def stored(self, region: str = REGION, bundle_id: str = BUNDLE_ID) -> pathlib.Path | None:
        return Accounts(self.lab).signing_file(region, CUSTOMER_ID, bundle_id)

    def deliveries(self) -> list[Json]:
        log = self.lab.state(f"push-{REGION}") / "deliveries.jsonl"
        return [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []

    def waiting(self, token: str) -> Json:
        """The push that Apple keeps for a device, which is away in these tests."""
        found: Json = JsonFile(self.lab.state("apns") / "tokens.json").read()[token]["waiting"] or {}
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Service]:
    lab = loopback.make_lab(tmp_path_factory.mktemp("citrix") / "lab")
    with loopback.Running(lab, "apple", "citrix"):
        service = Service(lab)
        with service.http:
            yield service


@pytest.fixture
def service(running: Service) -> Service:
    """A service that nobody has used."""
    for region in REGIONS:
        for name in (f"push-{region}/registrations.json", f"push-{region}/deliveries.jsonl"):
            (running.lab.directory / "state" / name).unlink(missing_ok=True)
        for stored in (running.lab.state("portal") / region).glob("*.pem"):
            stored.unlink()
    JsonFile(running.lab.state("apns") / "tokens.json").write(
        {token: {"bundle_id": BUNDLE_ID, "waiting": None} for token in (PHONE, TABLET)}
    )
    return running


@pytest.fixture
def ready(service: Service) -> Service:
    """A service with a certificate in one region."""
    assert service.upload(push_certificates.file(push_certificates.issue(service.lab))).status_code == 200
    return service


# --- portal


def test_the_portal_takes_a_good_file_and_says_what_it_took(service: Service) -> None:
    certificate = push_certificates.issue(service.lab)
    answer = service.upload(push_certificates.file(certificate))
    assert answer.status_code == 200
    assert answer.json() == {
        "customer_id": CUSTOMER_ID,
        "bundle_id": BUNDLE_ID,
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }
    stored = service.stored()
    assert stored and stored.stat().st_mode & 0o777 == 0o600
    assert [service.stored(region) for region in REGIONS if region != REGION] == [None, None]


def _of(kind: authority.Kind, bundle_id: str = BUNDLE_ID) -> t.Callable[[Lab], bytes]:
    return lambda lab: push_certificates.file(push_certificates.issue(lab, bundle_id, kind))


REFUSED_FILES: dict[str, tuple[t.Callable[[Lab], bytes], str]] = {
    "expired": (
        lambda lab: push_certificates.file(push_certificates.issue(lab, age=authority.LIFETIME + DAY)),
        "expired on 20",
    ),
    "not yet valid": (
        lambda lab: push_certificates.file(push_certificates.issue(lab, age=-2 * DAY)),
        "not valid before 20",
    ),
    "sandbox only": (_of(authority.SANDBOX_ONLY), "not for production"),
    "another app": (_of(authority.UNIVERSAL, "com.example.other"), f"for com.example.other, not for {BUNDLE_ID}"),
    "MDM": (_of(authority.MDM), "not for production"),
    "no certificate": (lambda lab: push_certificates.file(None), "and its certificate"),
    "no key": (lambda lab: push_certificates.file(push_certificates.issue(lab), None), "an RSA private key"),
    "key of another kind": (
        lambda lab: push_certificates.file(None, ec.generate_private_key(ec.SECP256R1())),
        "an RSA private key",
    ),
    "wrong password": (
        lambda lab: push_certificates.file(push_certificates.issue(lab), password="another"),
        "the password is wrong",
    ),
    "garbage": (lambda lab: b"garbage", "cannot be opened"),
    "nothing": (lambda lab: b"", "cannot be opened"),
}


@pytest.mark.parametrize("which", REFUSED_FILES)
def test_the_portal_refuses(ready: Service, which: str) -> None:
    make, words = REFUSED_FILES[which]
    stored = ready.stored()
    assert stored
    before = stored.read_bytes()
    answer = ready.upload(make(ready.lab))
    assert answer.status_code == 422 and words in answer.json()["error"]
    assert PASSWORD not in answer.text
    assert stored.read_bytes() == before, "what was in service stays"


@pytest.mark.parametrize("bundle_id", ["com.contoso.*", "*", "contoso", "../../emea/x.y", "com.contoso.mail/../x", ""])
def test_the_portal_wants_an_explicit_app_id(service: Service, bundle_id: str) -> None:
    answer = service.upload(push_certificates.file(push_certificates.issue(service.lab)), bundle_id=bundle_id)
    assert answer.status_code == 422 and "must be explicit" in answer.json()["error"]


def test_the_portal_knows_three_regions(service: Service) -> None:
    answer = service.upload(push_certificates.file(push_certificates.issue(service.lab)), region="antarctica")
    assert answer.status_code == 404 and "no such region" in answer.json()["error"]


def test_the_portal_wants_a_signed_in_user(service: Service) -> None:
    content = push_certificates.file(push_certificates.issue(service.lab))
    assert service.upload(content, token="guessed").status_code == 401
    assert service.stored() is None


@pytest.mark.parametrize("form", [{"password": 7}, {"pkcs12": None}, {"bundle_id": []}])
def test_the_portal_refuses_a_form_of_another_shape(service: Service, form: Json) -> None:
    assert service.upload(b"", **form).status_code == 400


# --- registration


def test_a_device_registers_and_keeps_its_listener_url(ready: Service) -> None:
    first, again = ready.register(), ready.register()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    url = httpx.URL(first.json()["listener_url"])
    assert url.host == "eu-west-1.mailboxlistener.xm.citrix.com"
    other = ready.register(device="tablet", token=TABLET).json()["listener_url"]
    assert httpx.URL(other).path != url.path


@pytest.mark.parametrize(
    "fields", [{"customer_id": "nobody"}, {"bundle_id": "com.example.other"}, {"bundle_id": "../x"}, {"region": "apac"}]
)
def test_a_customer_without_a_certificate_for_the_app_in_this_region_is_403(ready: Service, fields: Json) -> None:
    answer = ready.register(**fields)
    assert answer.status_code == 403 and "has no certificate" in answer.json()["error"]


@pytest.mark.parametrize("fields", [{"token": "1a"}, {"token": PHONE.upper()}, {"token": 7}, {"user": None}])
def test_a_registration_of_another_shape_is_400(ready: Service, fields: Json) -> None:
    answer = ready.register(**fields)
    assert answer.status_code == 400 and "64 hexadecimal digits" in answer.json()["error"]


@pytest.mark.parametrize("content", [b"[]", b"{", b""])
def test_a_registration_that_is_no_document_is_400(ready: Service, content: bytes) -> None:
    assert ready.ask("POST", f"registration-{REGION}", "/v1/devices", content=content).status_code == 400


def test_a_device_that_leaves_is_forgotten(ready: Service) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    for _turn in range(2):
        assert ready.ask("DELETE", f"registration-{REGION}", f"/v1/devices/{PHONE}").status_code == 204
    assert b">Unsubscribe<" in ready.notify(path, BY_HAND.format(events="").encode()).content
    assert httpx.URL(ready.register().json()["listener_url"]).path != path


def test_opening_the_app_starts_the_badge_anew(ready: Service) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    for number in (1, 2):
        ready.notify(path, mail(f"item-{number}"))
        loopback.wait(lambda: len(ready.deliveries()) == number, "a delivery")  # noqa: B023 - used at once
    assert ready.waiting(PHONE)["payload"] == {"aps": {"badge": 2}}
    seen = f"/v1/devices/{PHONE}/seen"
    assert ready.ask("POST", f"registration-{REGION}", seen).status_code == 204
    ready.notify(path, mail("item-2", "item-3"))
    loopback.wait(lambda: len(ready.deliveries()) == 3, "a delivery")
    assert ready.waiting(PHONE)["payload"] == {"aps": {"badge": 1}}
    assert ready.ask("POST", f"registration-{REGION}", f"/v1/devices/{TABLET}/seen").status_code == 404


# --- listener


def mail(*items: str, name: str = "NewMailEvent") -> bytes:
    return BY_HAND.format(events="".join(EVENT.format(name=name, item=item) for item in items)).encode()


def exchanges(*items: str) -> bytes:
    """A notification as the lab's Exchange builds it; none: a status event."""
    subscription = Subscription(
        id="s", mailbox=USER, url="", event_types=["NewMailEvent"], folders=["inbox"], status_frequency=2, position=0
    )
    fresh = [Item(n, item, "c", "inbox", "2026-03-02T10:00:00+00:00", "", "", "") for n, item in enumerate(items, 1)]
    return notification.build(subscription, fresh, ServerVersion(15, 2, 986, 5))


def shape(content: bytes) -> str:
    """XML as it means, whatever its prefixes and blanks."""
    return ElementTree.canonicalize(content.decode(), rewrite_prefixes=True, strip_text=True)


@pytest.mark.parametrize("build", [mail, exchanges])
def test_a_new_mail_is_one_badge_on_every_device(ready: Service, build: t.Callable[..., bytes]) -> None:
    paths = [
        httpx.URL(ready.register(device=device, token=token).json()["listener_url"]).path
        for device, token in (("phone", PHONE), ("tablet", TABLET))
    ]
    item = secrets.token_hex(4)
    for path in paths * 2:  # each device has a subscription, and Exchange may repeat itself
        answer = ready.notify(path, build(item))
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/xml")
        assert shape(answer.content) == shape(SendNotification(protocol=None).ok_payload())
    loopback.wait(lambda: len(ready.deliveries()) >= 2, "two deliveries")
    time.sleep(0.2)
    assert [(each["device"], each["status"], each["reason"]) for each in ready.deliveries()] == [
        ("phone", 200, ""),
        ("tablet", 200, ""),
    ]
    for token in (PHONE, TABLET):
        brought = ready.waiting(token)
        assert brought["payload"] == {"aps": {"badge": 1}}
        headers = {name: value for name, value in brought["headers"].items() if name != "apns-id"}
        assert headers == {"apns-topic": BUNDLE_ID, "apns-push-type": "alert", "apns-priority": "10"}


def test_the_payload_is_the_badge_to_the_byte(ready: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    original = httpx.AsyncClient.post

    async def post(client: httpx.AsyncClient, url: str, **request: t.Any) -> httpx.Response:
        sent.append(request["content"])
        return await original(client, url, **request)

    monkeypatch.setattr(httpx.AsyncClient, "post", post)
    path = httpx.URL(ready.register().json()["listener_url"]).path
    ready.notify(path, mail("a", "b", "a"))
    loopback.wait(ready.deliveries, "a delivery")
    assert sent == [b'{"aps":{"badge":2}}']


@pytest.mark.parametrize("content", [mail("x", name="DeletedEvent"), mail("x", name="ModifiedEvent"), exchanges()])
def test_what_is_no_new_item_brings_no_badge(ready: Service, content: bytes) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    assert b">OK<" in ready.notify(path, content).content
    assert b">OK<" in ready.notify(path, mail("real", name="CreatedEvent")).content
    loopback.wait(ready.deliveries, "a delivery")
    assert ready.waiting(PHONE)["payload"] == {"aps": {"badge": 1}}


def test_an_unknown_url_ends_the_subscription(ready: Service) -> None:
    answer = ready.notify("/v1/notify/unknown", exchanges("item"))
    assert answer.status_code == 200 and notification.wants_more(answer.content) is False
    path = httpx.URL(ready.register().json()["listener_url"]).path
    assert notification.wants_more(ready.notify(path, exchanges()).content) is True
    elsewhere = ready.ask("POST", "listener-americas", path, content=exchanges())
    assert notification.wants_more(elsewhere.content) is False, "a registration is of one region"


def test_exchangelib_would_answer_the_same(ready: Service) -> None:
    answer = ready.notify("/v1/notify/unknown", exchanges())
    assert shape(answer.content) == shape(SendNotification(protocol=None).unsubscribe_payload())


ENTITY = '<!DOCTYPE s [<!ENTITY x "item">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"{}",
        b"<s/>",
        mail("a").replace(b"SendNotification", b"SomethingElse"),
        mail("a").replace(b'<?xml version="1.0"?>', b"<!DOCTYPE s>"),
        mail("a").replace(b'<?xml version="1.0"?>', ENTITY.encode()),
        mail("a").replace(b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="klingon"?>'),
    ],
)
def test_what_is_no_notification_is_400(ready: Service, content: bytes) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    assert ready.notify(path, content).status_code == 400
    assert ready.deliveries() == []


def test_an_expired_certificate_is_recorded_and_brings_nothing(ready: Service) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    expired = push_certificates.issue(ready.lab, age=authority.LIFETIME + DAY)
    Accounts(ready.lab).store(REGION, BUNDLE_ID, push_certificates.KEY, expired)
    assert b">OK<" in ready.notify(path, mail("a")).content, "Exchange has done its part"
    loopback.wait(ready.deliveries, "a delivery")
    (delivery,) = ready.deliveries()
    assert (delivery["device"], delivery["status"]) == ("phone", 0)
    assert delivery["reason"].startswith("APNs: [SSL")
    assert ready.waiting(PHONE) == {}


def test_a_certificate_that_was_removed_is_recorded(ready: Service) -> None:
    path = httpx.URL(ready.register().json()["listener_url"]).path
    stored = ready.stored()
    assert stored
    stored.unlink()
    ready.notify(path, mail("a"))
    loopback.wait(ready.deliveries, "a delivery")
    assert "no certificate" in ready.deliveries()[0]["reason"]


def test_apples_refusal_is_recorded_for_its_device_alone(ready: Service) -> None:
    path = httpx.URL(ready.register(token="3c" * 32, device="stranger").json()["listener_url"]).path
    ready.register()
    ready.notify(path, mail("a"))
    loopback.wait(lambda: len(ready.deliveries()) == 2, "two deliveries")
    told = {each["device"]: (each["status"], each["reason"]) for each in ready.deliveries()}
    assert told == {"stranger": (400, "BadDeviceToken"), "phone": (200, "")}


# --- the site command


def run_upload(lab: Lab, *arguments: str | pathlib.Path, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "securemail_lab.citrix.upload", str(lab.directory), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, input=f"{password}\n", timeout=20, check=False)


@pytest.fixture
def pkcs12_file(service: Service, tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "push.p12"
    path.write_bytes(push_certificates.file(push_certificates.issue(service.lab)))
    return path


def test_the_site_command_uploads(service: Service, pkcs12_file: pathlib.Path) -> None:
    finished = run_upload(service.lab, REGION, BUNDLE_ID, pkcs12_file)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout) == {"customer_id": CUSTOMER_ID}
    assert service.stored()


def test_the_site_command_repeats_the_refusal(service: Service, pkcs12_file: pathlib.Path) -> None:
    finished = run_upload(service.lab, REGION, BUNDLE_ID, pkcs12_file, password="canary-wrong")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        "push portal: HTTP 422: The file cannot be opened: it is no PKCS#12, or the password is wrong\n"
    )
    for arguments, words in (
        ([REGION, BUNDLE_ID, pkcs12_file.with_name("missing.p12")], "missing.p12"),
        ([REGION, BUNDLE_ID], "LAB REGION BUNDLE_ID PKCS12"),
    ):
        failed = run_upload(service.lab, *arguments)
        assert failed.returncode != 0 and words in failed.stderr and "Traceback" not in failed.stderr
        assert PASSWORD not in failed.stderr and service.lab.secret("portal") not in failed.stderr
