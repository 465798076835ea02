# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apple's side, asked by clients that know nothing of this lab: aioapns, httpx over HTTP/2 and openssl."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import typing as t

import httpx
import pytest
from aioapns import APNs, NotificationRequest
from aioapns.common import NotificationResult
from aioapns.connection import APNsProductionClientProtocol
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab.apple import authority, topics
from securemail_lab.lab import BUNDLE_ID, Lab
from securemail_lab.requesting import target
from securemail_lab.state import JsonFile

TOKEN, OTHER_TOKEN = "5a" * 32, "6b" * 32
BADGE = {"aps": {"badge": 3}}
DAY = dt.timedelta(days=1)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Json = dict[str, t.Any]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    made = loopback.make_lab(tmp_path_factory.mktemp("apple") / "lab")
    with loopback.Running(made, "apple"):
        yield made


@pytest.fixture
def books(lab: Lab) -> t.Iterator[JsonFile]:
    """Apple's record of certificates, empty before and after."""
    record = authority.issued(lab)
    record.write([])
    yield record
    record.write([])


def pem(key: t.Any) -> bytes:
    found: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return found


@pytest.fixture(scope="module")
def sender(lab: Lab) -> t.Callable[..., pathlib.Path]:
    """Makes a sender's PEM file: a certificate of Apple's authority, and its key."""
    folder = lab.directory / "senders"
    folder.mkdir()

    def make(
        bundle_id: str = BUNDLE_ID, kind: authority.Kind = authority.UNIVERSAL, age: dt.timedelta = DAY
    ) -> pathlib.Path:
        begin = dt.datetime.now(dt.UTC) - age
        certificate = authority.issue(lab, bundle_id, KEY.public_key(), begin, begin + authority.LIFETIME, kind)
        path = folder / f"{certificate.serial_number:x}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem(KEY))
        return path

    return make


@pytest.fixture(scope="module")
def universal(sender: t.Callable[..., pathlib.Path]) -> pathlib.Path:
    return sender()


def trusting(lab: Lab, certificate: pathlib.Path | None) -> ssl.SSLContext:
    context = lab.client_tls()
    if certificate:
        context.load_cert_chain(certificate)
    return context


class Device:
    """A connection to the courier, as a device holds it."""

    def __init__(self, lab: Lab, token: str = TOKEN, bundle_id: str = BUNDLE_ID) -> None:
        address = lab.address("apns"), lab.port("courier")
        self._socket = lab.client_tls().wrap_socket(
            socket.create_connection(address, 5), server_hostname=lab.name("apns")
        )
        self._lines = self._socket.makefile("rb")
        self._socket.sendall(json.dumps({"token": token, "bundle_id": bundle_id}).encode() + b"\n")
        known = JsonFile(lab.state("apns") / "tokens.json")
        loopback.wait(lambda: known.read().get(token, {}).get("bundle_id") == bundle_id, "the courier knows the device")

    def receive(self) -> Json:
        received: Json = json.loads(self._lines.readline())
        return received

    def is_silent(self, seconds: float = 0.2) -> bool:
        self._socket.settimeout(seconds)
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return True

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def device(lab: Lab) -> t.Iterator[Device]:
    with contextlib.closing(Device(lab)) as connected:
        yield connected


def push(
    lab: Lab,
    certificate: pathlib.Path | None,
    path: str = f"/3/device/{TOKEN}",
    method: str = "POST",
    content: bytes = json.dumps(BADGE).encode(),
    topic: str | None = BUNDLE_ID,
    **headers: str,
) -> httpx.Response:
    url, names, extensions = target(lab, "apns", path)
    asked = {"apns-topic": topic} if topic else {}
    asked |= {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(http2=True, http1=False, verify=trusting(lab, certificate), timeout=5) as client:
        answer = client.request(method, url, content=content, headers=names | asked, extensions=extensions)
    assert answer.http_version == "HTTP/2"
    return answer


# --- APNs: what arrives


def aioapns(lab: Lab, certificate: pathlib.Path, *requests: NotificationRequest) -> list[NotificationResult]:
    class AtTheLab(APNsProductionClientProtocol):
        APNS_SERVER, APNS_PORT = lab.address("apns"), lab.port("https")

    async def send() -> list[NotificationResult]:
        client = APNs(client_cert=str(certificate), ssl_context=lab.client_tls(), max_connection_attempts=1)
        client.pool.protocol_class = AtTheLab
        try:
            async with asyncio.timeout(10):
                return [await client.send_notification(request) for request in requests]
        finally:
            client.pool.close()
            await asyncio.sleep(0)  # lets the transport close

    return asyncio.run(send())


@pytest.mark.filterwarnings("ignore:X509.get_subject is deprecated:DeprecationWarning")  # aioapns asks pyOpenSSL
def test_aioapns_brings_a_badge(lab: Lab, universal: pathlib.Path, device: Device) -> None:
    wrong = NotificationRequest(OTHER_TOKEN, BADGE)
    good = NotificationRequest(TOKEN, BADGE, priority=10)
    (first, second) = aioapns(lab, universal, wrong, good)
    assert (first.status, first.description) == ("400", "BadDeviceToken")
    assert second.is_successful and second.notification_id == good.notification_id
    received = device.receive()
    assert received["payload"] == BADGE
    assert received["headers"] == {
        "apns-id": good.notification_id,
        "apns-topic": BUNDLE_ID,
        "apns-priority": "10",
    }


def test_every_request_is_recorded_without_token_and_payload(lab: Lab, universal: pathlib.Path, device: Device) -> None:
    push(lab, universal, content=b'{"aps":{"badge":3},"canary":1}')
    log = (lab.state("apns") / "requests.jsonl").read_text(encoding="ascii")
    line = json.loads(log.splitlines()[-1])
    certificate = x509.load_pem_x509_certificate(universal.read_bytes())
    assert line["certificate_sha256"] == certificate.fingerprint(hashes.SHA256()).hex()
    assert (line["status"], line["reason"], line["topic"]) == (200, "", BUNDLE_ID)
    assert TOKEN not in log and "canary" not in log


def test_a_push_for_a_device_that_is_away_waits_and_comes_once(lab: Lab, universal: pathlib.Path) -> None:
    Device(lab, OTHER_TOKEN).close()
    # The courier notices a moment later that the device hung up; what it is given before then may be lost.
    pushes = JsonFile(lab.state("apns") / "tokens.json")

    def waits() -> bool:
        answer = push(lab, universal, f"/3/device/{OTHER_TOKEN}", content=b'{"aps":{"badge":1}}')
        return answer.status_code == 200 and pushes.read()[OTHER_TOKEN]["waiting"] is not None

    loopback.wait(waits, "the courier keeps a push")
    last = push(lab, universal, f"/3/device/{OTHER_TOKEN}", content=b'{"aps":{"badge":2}}')
    assert last.status_code == 200
    with contextlib.closing(Device(lab, OTHER_TOKEN)) as back:
        assert back.receive()["payload"] == {"aps": {"badge": 2}}
        assert back.is_silent(), "only the last push is kept"
    with contextlib.closing(Device(lab, OTHER_TOKEN)) as again:
        assert again.is_silent(), "it comes once"


def test_a_second_connection_of_a_device_takes_over(lab: Lab, universal: pathlib.Path, device: Device) -> None:
    push(lab, universal)
    assert device.receive()["payload"] == BADGE
    with contextlib.closing(Device(lab)) as second:
        loopback.wait(
            lambda: push(lab, universal).status_code == 200 and not second.is_silent(0.05), "the second one receives"
        )


@pytest.mark.parametrize("greeting", [b"\n", b"[]\n", b'{"token": 1, "bundle_id": "x"}\n', b"{}\n", b"\xff\n"])
def test_the_courier_hangs_up_on_what_is_no_device(
    lab: Lab, greeting: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        socket.create_connection((lab.address("apns"), lab.port("courier")), 5) as plain,
        lab.client_tls().wrap_socket(plain, server_hostname=lab.name("apns")) as stranger,
    ):
        stranger.sendall(greeting)
        assert stranger.recv(1) == b""
    assert "1" not in JsonFile(lab.state("apns") / "tokens.json").read()
    assert "Traceback" not in capfd.readouterr().err


# --- APNs: what is refused, in Apple's words

REFUSALS: dict[str, tuple[int, Json]] = {
    "BadPath": (404, {"path": f"/2/device/{TOKEN}"}),
    "MethodNotAllowed": (405, {"method": "PUT"}),
    "MissingDeviceToken": (400, {"path": "/3/device/"}),
    "BadDeviceToken": (400, {"path": "/3/device/no-hexadecimal-digits"}),
    "DeviceTokenNotForTopic": (400, {"topic": f"{BUNDLE_ID}.voip"}),
    "BadTopic": (400, {"topic": "no topic"}),
    "TopicDisallowed": (400, {"topic": "com.example.other"}),
    "PayloadEmpty": (400, {"content": b""}),
    "PayloadTooLarge": (413, {"content": json.dumps({"aps": {"alert": "x" * 4096}}).encode()}),
    "BadMessageId": (400, {"apns_id": "17"}),
    "BadExpirationDate": (400, {"apns_expiration": "tomorrow"}),
    "BadPriority": (400, {"apns_priority": "3"}),
    "InvalidPushType": (400, {"apns_push_type": "shout"}),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_has_apples_status_and_reason(lab: Lab, universal: pathlib.Path, device: Device, reason: str) -> None:
    status, asked = REFUSALS[reason]
    answer = push(lab, universal, **asked)
    assert (answer.status_code, answer.json()) == (status, {"reason": reason})
    assert device.is_silent(0.05)


def test_a_payload_of_4096_bytes_is_the_largest(lab: Lab, universal: pathlib.Path, device: Device) -> None:
    frame = len(json.dumps({"aps": {"alert": ""}}))
    largest = json.dumps({"aps": {"alert": "x" * (4096 - frame)}}).encode()
    assert push(lab, universal, content=largest).status_code == 200
    device.receive()
    assert push(lab, universal, content=largest + b" ").status_code == 413


@pytest.mark.parametrize("content", [b"[]", b"{", b"17"])
def test_a_payload_that_is_no_dictionary_is_empty(lab: Lab, universal: pathlib.Path, content: bytes) -> None:
    assert push(lab, universal, content=content).json() == {"reason": "PayloadEmpty"}


def test_a_certificate_of_several_topics_must_name_one(
    lab: Lab, universal: pathlib.Path, sender: t.Callable[..., pathlib.Path], device: Device
) -> None:
    several = sender(kind=authority.Kind(topics=("{bundle_id}", "{bundle_id}.voip")))
    single = sender(kind=authority.Kind(topics=()))
    assert push(lab, several, topic=None).json() == {"reason": "MissingTopic"}
    assert push(lab, single, topic=None).status_code == 200, "the UID is the one topic"
    assert device.receive()["payload"] == BADGE


def test_a_sandbox_certificate_is_of_the_wrong_environment(
    lab: Lab, sender: t.Callable[..., pathlib.Path], device: Device
) -> None:
    answer = push(lab, sender(kind=authority.SANDBOX_ONLY))
    assert (answer.status_code, answer.json()) == (403, {"reason": "BadCertificateEnvironment"})


def test_an_mdm_certificate_is_none_for_an_app(lab: Lab, sender: t.Callable[..., pathlib.Path], device: Device) -> None:
    answer = push(lab, sender(kind=authority.MDM))
    assert (answer.status_code, answer.json()) == (403, {"reason": "BadCertificate"})


def test_a_certificate_of_another_app_may_not_name_this_one(
    lab: Lab, sender: t.Callable[..., pathlib.Path], device: Device
) -> None:
    answer = push(lab, sender("com.example.other"))
    assert answer.json() == {"reason": "TopicDisallowed"}


# --- APNs: who is not even heard


def foreign(lab: Lab) -> pathlib.Path:
    """The certificate that Apple's authority would issue, by another authority of the same name."""
    path = lab.directory / "senders" / "foreign.pem"
    root = x509.load_pem_x509_certificate(authority.root_path(lab).read_bytes())
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(root.subject, root.subject, KEY.public_key(), 7, now - DAY, now + DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem(KEY))
    return path


@pytest.mark.parametrize("who", ["nobody", "expired", "not yet valid", "foreign", "mailbox user"])
def test_tls_refuses(lab: Lab, sender: t.Callable[..., pathlib.Path], who: str) -> None:
    certificates = lab.state("devices") / "pki"
    both = lab.directory / "senders" / "user.pem"
    both.write_bytes((certificates / "client.pem").read_bytes() + (certificates / "client.key").read_bytes())
    presented = {
        "nobody": None,
        "expired": sender(age=authority.LIFETIME + DAY),
        "not yet valid": sender(age=-DAY),
        "foreign": foreign(lab),
        "mailbox user": both,
    }[who]
    log = lab.state("apns") / "requests.jsonl"
    before = log.read_bytes() if log.exists() else b""
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        push(lab, presented)
    context = trusting(lab, presented)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose handshake ends when the certificate was looked at
    with (
        socket.create_connection((lab.address("apns"), lab.port("https")), 5) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname=lab.name("apns"))
    assert (log.read_bytes() if log.exists() else b"") == before


@pytest.mark.parametrize(
    ("who", "alert"),
    [("expired", "certificate expired"), ("foreign", "unknown ca"), ("revoked", "certificate revoked")],
)
def test_openssl_is_told_why(lab: Lab, sender: t.Callable[..., pathlib.Path], who: str, alert: str) -> None:
    presented = {
        "expired": lambda: sender(age=authority.LIFETIME + DAY),
        "foreign": lambda: foreign(lab),
        "revoked": sender,
    }[who]()
    if who == "revoked":
        serial = x509.load_pem_x509_certificate(presented.read_bytes()).serial_number
        authority.revoke(lab, serial - 1)
        authority.revoke(lab, serial)
    where = f"{lab.address('apns')}:{lab.port('https')}"
    words = ["openssl", "s_client", "-connect", where, "-tls1_2", "-cert", str(presented), "-key", str(presented)]
    finished = subprocess.run(words, input=b"", capture_output=True, timeout=10, check=False)
    assert finished.returncode != 0 and f"alert {alert}" in finished.stderr.decode()


def test_a_revoked_certificate_makes_room_for_another(lab: Lab, books: JsonFile) -> None:
    wanted = {"bundle_id": BUNDLE_ID, "csr": signing_request().decode()}
    assert [order(lab, wanted).status_code for _turn in range(3)] == [201, 201, 409]
    authority.revoke(lab, int(books.read()[0]["serial"], 16))
    assert [order(lab, wanted).status_code for _turn in range(2)] == [201, 409]


# --- topics

NAMES = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=300), max_size=12)


@given(names=NAMES)
def test_topics_survive_encoding(names: list[str]) -> None:
    assert topics.decode(topics.encode(names)) == names


@pytest.mark.parametrize(
    "names", [[], ["a"], ["x" * 127, "x" * 128], ["y" * 300] * 3, [f"com.example.app{n}" for n in range(3000)]]
)
def test_openssl_reads_the_topics(names: list[str]) -> None:
    read = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=topics.encode(names), capture_output=True, check=True
    ).stdout.decode()
    texts = re.findall(r"d=(\d) .*UTF8STRING +:(.*)", read)
    assert [text for depth, text in texts if depth == "1"] == names
    assert [text for depth, text in texts if depth == "2"] == ["app"] * len(names)


# --- the developer portal


def signing_request(key: t.Any = KEY, algorithm: t.Any = hashes.SHA256()) -> bytes:  # noqa: B008 - a constant
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push of Contoso")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM)


def order(lab: Lab, document: t.Any, token: str = "") -> httpx.Response:
    url, headers, extensions = target(lab, "apple-ca", "/v1/push-certificates")
    headers["Authorization"] = f"Bearer {token or lab.secret('apple')}"
    with httpx.Client(verify=lab.client_tls(), timeout=5) as client:
        return client.post(url, json=document, headers=headers, extensions=extensions)


def test_a_certificate_is_shaped_as_apples(lab: Lab, books: JsonFile) -> None:
    answer = order(lab, {"bundle_id": BUNDLE_ID, "csr": signing_request().decode()})
    assert answer.status_code == 201
    certificate = x509.load_der_x509_certificate(base64.b64decode(answer.json()["certificate"]))
    assert [(each.oid, each.value) for each in certificate.subject] == [
        (NameOID.USER_ID, BUNDLE_ID),
        (NameOID.COMMON_NAME, f"Apple Push Services: {BUNDLE_ID}"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, authority.TEAM_ID),
        (NameOID.ORGANIZATION_NAME, authority.ORGANIZATION),
        (NameOID.COUNTRY_NAME, "US"),
    ]
    assert certificate.public_key() == KEY.public_key()
    extensions = certificate.extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    marks = {each.oid.dotted_string: each.value for each in extensions}
    for oid in ("1.2.840.113635.100.6.3.1", "1.2.840.113635.100.6.3.2"):
        assert t.cast("x509.UnrecognizedExtension", marks[oid]).value == b"\x05\x00"
    listed = t.cast("x509.UnrecognizedExtension", marks["1.2.840.113635.100.6.3.6"]).value
    assert topics.decode(listed) == [BUNDLE_ID, f"{BUNDLE_ID}.voip", f"{BUNDLE_ID}.complication"]
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert dt.timedelta(days=395) <= life < dt.timedelta(days=396)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.root_path(lab).read_bytes()))


def test_a_long_bundle_id_is_whole_in_the_uid_and_cut_in_the_common_name(lab: Lab, books: JsonFile) -> None:
    bundle_id = f"com.contoso.{'mail' * 12}"
    document = order(lab, {"bundle_id": bundle_id, "csr": signing_request().decode()}).json()
    certificate = x509.load_der_x509_certificate(base64.b64decode(document["certificate"]))
    (common_name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (owner,) = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    assert owner.value == bundle_id
    assert common_name.value == f"Apple Push Services: {bundle_id}"[:64]


def _broken_signature() -> bytes:
    der = bytearray(x509.load_pem_x509_csr(signing_request()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n".encode()


BAD_REQUESTS: dict[str, t.Callable[[], bytes]] = {
    "RSA with 2048 bits": lambda: signing_request(rsa.generate_private_key(public_exponent=65537, key_size=3072)),
    "must be RSA": lambda: signing_request(ec.generate_private_key(ec.SECP256R1())),
    "RSA": lambda: signing_request(ed25519.Ed25519PrivateKey.generate(), None),
    "signature of the certificate signing request is wrong": _broken_signature,
    "not a certificate signing request": lambda: b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n",
    "signing request in PEM": lambda: b"",
}


@pytest.mark.parametrize("why", BAD_REQUESTS)
def test_a_bad_request_is_not_signed(lab: Lab, books: JsonFile, why: str) -> None:
    answer = order(lab, {"bundle_id": BUNDLE_ID, "csr": BAD_REQUESTS[why]().decode()})
    assert answer.status_code == 422 and why in answer.json()["error"]
    assert books.read() == []


@pytest.mark.parametrize("document", [[], {}, {"bundle_id": BUNDLE_ID}, {"bundle_id": 1, "csr": "x"}, {"csr": "x"}])
def test_a_form_that_is_not_filled_in_is_refused(lab: Lab, books: JsonFile, document: t.Any) -> None:
    answer = order(lab, document)
    assert answer.status_code == 400 and "bundle_id" in answer.json()["error"]


def test_a_session_that_ended_is_401(lab: Lab, books: JsonFile) -> None:
    answer = order(lab, {"bundle_id": BUNDLE_ID, "csr": signing_request().decode()}, token="ended")
    assert answer.status_code == 401 and "sign in" in answer.json()["error"]
    assert books.read() == []


def test_a_third_live_certificate_is_409_and_an_expired_one_does_not_count(lab: Lab, books: JsonFile) -> None:
    wanted = {"bundle_id": BUNDLE_ID, "csr": signing_request().decode()}
    statuses = [order(lab, wanted).status_code for _turn in range(3)]
    assert statuses == [201, 201, 409]
    assert order(lab, wanted | {"bundle_id": "com.example.other"}).status_code == 201
    with books.edit() as record:
        record[0]["not_after"] = (dt.datetime.now(dt.UTC) - DAY).isoformat()
    assert [order(lab, wanted).status_code for _turn in range(2)] == [201, 409]
    assert len({one["serial"] for one in books.read()}) == 4


# --- the site command


def run_sign(lab: Lab, *arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "securemail_lab.apple.sign", str(lab.directory), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)


def test_the_site_command_signs(lab: Lab, books: JsonFile, tmp_path: pathlib.Path) -> None:
    (tmp_path / "push.csr").write_bytes(signing_request())
    finished = run_sign(lab, BUNDLE_ID, tmp_path / "push.csr", tmp_path / "aps.cer")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    certificate = x509.load_der_x509_certificate((tmp_path / "aps.cer").read_bytes())
    assert certificate.public_key() == KEY.public_key()
    assert books.read()[0]["serial"] == f"{certificate.serial_number:x}"


def test_the_site_command_repeats_the_refusal(lab: Lab, books: JsonFile, tmp_path: pathlib.Path) -> None:
    (tmp_path / "push.csr").write_bytes(b"garbage\n")
    finished = run_sign(lab, BUNDLE_ID, tmp_path / "push.csr", tmp_path / "aps.cer")
    assert finished.returncode == 1 and not (tmp_path / "aps.cer").exists()
    assert finished.stderr == ("Apple's developer portal: HTTP 422: This is not a certificate signing request in PEM\n")


def test_the_site_command_says_what_it_cannot_do(lab: Lab, tmp_path: pathlib.Path) -> None:
    """Wrong number of words, no request file, nobody at the other end: one line each, exit status not 0."""
    (tmp_path / "push.csr").write_bytes(signing_request())
    (tmp_path / "lab").mkdir()
    silent = Lab(tmp_path / "lab")
    for name in ("lab.json", "secrets.json"):
        (silent.directory / name).write_bytes((lab.directory / name).read_bytes())
    (silent.directory / "pki").mkdir()
    silent.ca_path.write_bytes(lab.ca_path.read_bytes())
    with JsonFile(silent.directory / "lab.json").edit() as plan:
        plan["ports"]["https"] = 1
    attempts = {
        "LAB BUNDLE_ID CSR CERTIFICATE": run_sign(lab, BUNDLE_ID),
        "missing.csr": run_sign(lab, BUNDLE_ID, tmp_path / "missing.csr", tmp_path / "aps.cer"),
        "developer.apple.com does not answer": run_sign(silent, BUNDLE_ID, tmp_path / "push.csr", tmp_path / "aps.cer"),
    }
    for words, finished in attempts.items():
        assert finished.returncode != 0 and words in finished.stderr
        assert "Traceback" not in finished.stderr and lab.secret("apple") not in finished.stderr


# --- who pushed last


def run_seen(lab: Lab, bundle_id: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "securemail_lab.apple.seen", str(lab.directory), bundle_id]
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)


def test_the_last_certificate_by_which_a_push_was_accepted_is_told(
    lab: Lab, sender: t.Callable[..., pathlib.Path], device: Device
) -> None:
    never = json.loads(run_seen(lab, "com.contoso.never").stdout)
    assert never == {"sha256": None, "at": None}
    pushes = {name: sender(age=days * DAY) for name, days in (("old", 2), ("new", 1))}
    for name in ("old", "new"):
        leaf = x509.load_pem_x509_certificate(pushes[name].read_bytes())
        assert push(lab, pushes[name]).status_code == 200
        finished = run_seen(lab, BUNDLE_ID)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert json.loads(finished.stdout)["sha256"] == leaf.fingerprint(hashes.SHA256()).hex()


def test_a_refused_push_is_none(lab: Lab, universal: pathlib.Path, device: Device) -> None:
    assert push(lab, universal).status_code == 200
    before = run_seen(lab, BUNDLE_ID).stdout
    assert push(lab, universal, path=f"/3/device/{'ab' * 32}").json() == {"reason": "BadDeviceToken"}
    assert run_seen(lab, BUNDLE_ID).stdout == before


@pytest.mark.parametrize(
    ("document", "token", "status"), [({}, "", 400), ([], "", 400), ({"bundle_id": "x"}, "old", 401)]
)
def test_who_pushed_last_is_told_to_whom_is_signed_in(lab: Lab, document: t.Any, token: str, status: int) -> None:
    url, headers, extensions = target(lab, "apple-ca", "/v1/last-push")
    headers["Authorization"] = f"Bearer {token or lab.secret('apple')}"
    with httpx.Client(verify=lab.client_tls(), timeout=5) as client:
        assert client.post(url, json=document, headers=headers, extensions=extensions).status_code == status
