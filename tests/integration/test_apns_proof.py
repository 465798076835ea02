# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof over real sockets: the lab's APNs judges, a proxy passes on, and others answer what APNs never would."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import pathlib
import socket
import sys
import threading
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.plugins.module_utils.apple import keys, proof
from ansible_collections.pushops.securemail.plugins.module_utils.apple.apns import Apns, Endpoint
from ansible_collections.pushops.securemail.plugins.module_utils.apple.keys import Identity
from ansible_collections.pushops.securemail.plugins.module_utils.apple.proof import Proof
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState
from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.certificate_site import KEY_PASSPHRASE, CertificateSite
from ansible_collections.pushops.securemail.tests.integration.connect_proxy import ConnectProxy
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, TaskResult
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca
from securemail_lab.apple import authority
from securemail_lab.lab import BUNDLE_ID, Lab

PASSPHRASE = "canary 'key' passphrase"
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    made = running_lab.create(tmp_path_factory.mktemp("proof") / "lab", "apple-ca", "apns")
    authority.create(made)
    with running_lab.serving(made, "apple"):
        yield made


@pytest.fixture(scope="module")
def key() -> t.Any:
    return push_ca.new_private_key()


@pytest.fixture
def identity(lab: Lab, key: t.Any, tmp_path: pathlib.Path) -> t.Callable[..., Identity]:
    """Puts a certificate of Apple's authority beside its encrypted key."""

    def make(
        bundle_id: str = BUNDLE_ID,
        kind: authority.Kind = authority.UNIVERSAL,
        age: dt.timedelta = DAY,
        certificate: x509.Certificate | None = None,
    ) -> Identity:
        begin = dt.datetime.now(dt.UTC) - age
        issued = certificate or authority.issue(
            lab, bundle_id, key.public_key(), begin, begin + authority.LIFETIME, kind
        )
        made = Identity(tmp_path / "certificate.pem", tmp_path / "key.pem", PASSPHRASE)
        made.certificate.write_bytes(push_ca.pem(issued))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(PASSPHRASE.encode()),
            )
        )
        return made

    return make


def endpoint(lab: Lab, **changed: t.Any) -> Endpoint:
    given: dict[str, t.Any] = {
        "host": lab.address("apns"),
        "port": lab.port("https"),
        "ca_path": str(lab.ca_path),
        "proxy": None,
        "proxy_username": None,
        "proxy_password": None,
        "timeout": 5,
    }
    return Endpoint(**{**given, **changed})


def ask(lab: Lab, identity: Identity, topic: str = BUNDLE_ID, **changed: t.Any) -> Proof:
    return Apns(endpoint(lab, **changed)).prove(identity, topic)


# --- what APNs says


def test_the_right_certificate_is_accepted_and_no_device_hears_of_it(
    lab: Lab, identity: t.Callable[..., Identity]
) -> None:
    assert ask(lab, identity()) == Proof(proof.ACCEPTED, f"APNs accepts it for {BUNDLE_ID}")
    last = (lab.state("apns") / "requests.jsonl").read_text().splitlines()[-1]
    assert '"BadDeviceToken"' in last and BUNDLE_ID in last


def test_each_refusal_has_its_reason(lab: Lab, identity: t.Callable[..., Identity]) -> None:
    assert ask(lab, identity("com.example.other")).reason == proof.WRONG_APP
    assert ask(lab, identity(kind=authority.SANDBOX_ONLY)).reason == proof.WRONG_ENVIRONMENT
    assert ask(lab, identity(kind=authority.MDM)).reason == proof.BAD_CERTIFICATE
    assert ask(lab, identity(age=authority.LIFETIME + DAY)).reason == proof.EXPIRED
    assert ask(lab, identity(age=-DAY)).reason == proof.BAD_CERTIFICATE


def test_a_certificate_of_another_authority_is_refused(
    lab: Lab, identity: t.Callable[..., Identity], key: t.Any
) -> None:
    foreign = push_ca.PushCa(push_ca.new_private_key()).issue(key.public_key())
    found = ask(lab, identity(certificate=foreign))
    assert (found.reason, found.refused) == (proof.BAD_CERTIFICATE, True) and "unknown ca" in found.sentence


def test_a_revoked_certificate_is_refused_and_its_neighbor_is_not(
    lab: Lab, identity: t.Callable[..., Identity]
) -> None:
    revoked = identity()
    assert ask(lab, revoked).reason == proof.ACCEPTED
    authority.revoke(lab, x509.load_pem_x509_certificate(revoked.certificate.read_bytes()).serial_number)
    assert ask(lab, revoked) == Proof(proof.REVOKED, "APNs refused it during the TLS handshake: it is revoked")
    assert ask(lab, identity()).reason == proof.ACCEPTED


def test_key_and_certificate_that_do_not_match_are_no_verdict_of_apns(
    lab: Lab, identity: t.Callable[..., Identity]
) -> None:
    made = identity()
    made.key.write_bytes(keys.new_key(PASSPHRASE))
    with pytest.raises(UnexpectedState, match=r"key\.pem"):
        ask(lab, made)
    with pytest.raises(UnexpectedState) as caught:
        ask(lab, Identity(made.certificate, made.key, "canary-other"))
    assert "canary" not in str(caught.value)


# --- who is not APNs


def test_nobody_there_is_no_refusal(lab: Lab, identity: t.Callable[..., Identity], tmp_path: pathlib.Path) -> None:
    made = identity()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = [
            ask(lab, made, port=1),
            ask(lab, made, host="no-such-host.invalid"),
            ask(lab, made, host="127.0.0.1", port=silent.getsockname()[1], timeout=1),
            ask(lab, made, ca_path=str(authority.root_path(lab))),
            ask(lab, made, ca_path=None),
        ]
    assert {one.reason for one in found} == {proof.NOT_REACHABLE}
    assert "not trusted" in found[3].sentence and "not trusted" in found[4].sentence


@pytest.mark.parametrize(
    "says",
    [b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"\x00" * 9, b"garbage\xff" * 2000],
    ids=["hangs up", "HTTP/1.1", "no frames", "garbage"],
)
def test_a_server_that_speaks_something_else_is_no_refusal(
    lab: Lab, identity: t.Callable[..., Identity], says: bytes
) -> None:
    with _saying(lab, says) as port:
        found = ask(lab, identity(), host="127.0.0.1", port=port, ca_path=str(lab.ca_path), timeout=2)
    assert found.reason in (proof.NOT_REACHABLE, proof.NO_VERDICT) and len(found.sentence) < 300


@contextlib.contextmanager
def _saying(lab: Lab, says: bytes) -> t.Iterator[int]:
    """A TLS server with a certificate of the lab that says one thing and hangs up."""
    context = lab.server_tls("apns")
    address = lab.address("apns")
    with socket.create_server((address, 0)) as listening, contextlib.ExitStack() as stack:
        port = listening.getsockname()[1]
        listening.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError), context.wrap_socket(listening.accept()[0], server_side=True) as tls:
                tls.sendall(says)

        thread = threading.Thread(target=serve)
        thread.start()
        stack.callback(thread.join, 10)
        yield port


# --- through a proxy


def test_the_proxy_carries_it_and_needs_its_password(lab: Lab, identity: t.Callable[..., Identity]) -> None:
    made = identity()
    with ConnectProxy("svc-pushops", "canary-proxy-password") as proxy:
        way = {"proxy": f"http://127.0.0.1:{proxy.port}", "proxy_username": "svc-pushops"}
        assert ask(lab, made, **way, proxy_password="canary-proxy-password").reason == proof.ACCEPTED
        refused = ask(lab, made, **way, proxy_password="canary-wrong")
        assert refused.reason == proof.NOT_REACHABLE and "407" in refused.sentence and "canary" not in refused.sentence
        assert proxy.asked == [f"{lab.address('apns')}:{lab.port('https')}"]
    assert ask(lab, made, **way, proxy_password="x").reason == proof.NOT_REACHABLE


def test_the_proxy_of_the_environment_is_not_used(
    lab: Lab, identity: t.Callable[..., Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert ask(lab, identity()).reason == proof.ACCEPTED


# --- the module


@pytest.fixture
def site(tmp_path: pathlib.Path) -> CertificateSite:
    return CertificateSite.create(tmp_path / "site")


def asked(lab: Lab, site: CertificateSite, **changed: t.Any) -> dict[str, t.Any]:
    """A site whose certificates the lab's Apple signs and judges."""
    sign = [sys.executable, "-m", "securemail_lab.apple.sign", str(lab.directory), "{bundle_id}", "{csr}"]
    where = {"host": lab.address("apns"), "port": lab.port("https"), "ca_path": str(lab.ca_path)}
    commands = {**site.commands(), "signing_command": [*sign, "{certificate}"]}
    return {**commands, "now": dt.datetime.now(dt.UTC).isoformat(), "proof": {**where, **changed}}


def play(ansible: Ansible, *tasks: t.Mapping[str, t.Any]) -> tuple[TaskResult, ...]:
    run = ansible.play(CONTROLLER, *tasks, diff=True)
    assert "Traceback" not in run.output
    return run.tasks


def test_a_rotation_is_proved_and_a_revoked_certificate_is_found_and_replaced(
    lab: Lab, ansible: Ansible, site: CertificateSite
) -> None:
    authority.issued(lab).write([])
    arguments = asked(lab, site)
    predicted, done, again = play(
        ansible, site.task(check=True, **arguments), site.task(**arguments), site.task(**arguments)
    )
    assert predicted["changes"] == done["changes"] and predicted["proof"] is None
    assert (done["stage"], done["proof"]["reason"], again.changed) == ("in-service", "accepted", False)

    authority.revoke(lab, int(done["certificate"]["serial"], 16))
    info = {"path": str(site.store), "proof": arguments["proof"], "key_passphrase": KEY_PASSPHRASE}
    found, told, replaced, sound = play(
        ansible,
        site.task(check=True, **arguments),
        {"pushops.securemail.apns_certificate_info": info},
        site.task(**arguments),
        site.task(check=True, **arguments),
    )
    assert (found["decision"]["reason"], found["version"]) == ("revoked", "0002")
    (bundle,) = told["bundles"]
    assert (bundle["decision"], bundle["proof"], bundle["must_act"]) == (found["decision"], found["proof"], "rotation")
    assert {change["name"] for change in found["changes"] if not change["link"]} == {"0001 retired"}
    assert (replaced["changes"], replaced["proof"]["reason"]) == (found["changes"], "accepted")
    assert not sound.changed and len(site.uploads) == 2


def test_what_apns_refuses_is_never_uploaded(lab: Lab, ansible: Ansible, site: CertificateSite) -> None:
    """The site's own authority signs: for the module a good certificate, for APNs a foreign one."""
    arguments = {**asked(lab, site), **site.commands(), "now": push_ca.NOW.isoformat()}
    (stopped,) = play(ansible, site.task(**arguments))
    before = site.snapshot()
    (again,) = play(ansible, site.task(**arguments))
    for one in (stopped, again):
        assert one.status == "failed" and "(bad-certificate)" in one["msg"] and one["remedy"] in one["msg"]
    assert site.uploads == [] and site.snapshot() == before and not (site.home / "current").exists()


def test_apns_out_of_reach_stops_or_is_reported(lab: Lab, ansible: Ansible, site: CertificateSite) -> None:
    authority.issued(lab).write([])
    stopped, gone_on = (
        play(ansible, site.task(**asked(lab, site, port=1), proof_required=required))[0] for required in (True, False)
    )
    assert stopped.status == "failed" and "not-reachable" in stopped["msg"] and "proof_required" in stopped["remedy"]
    assert (gone_on["stage"], gone_on["proof"]["reason"]) == ("in-service", "not-reachable")
    assert any("could not be proved" in warning for warning in gone_on["warnings"])
    assert len(site.uploads) == 1


def test_no_plaintext_key_is_written(lab: Lab, ansible: Ansible, site: CertificateSite, tmp_path: pathlib.Path) -> None:
    authority.issued(lab).write([])
    play(ansible, site.task(**asked(lab, site)))
    key = serialization.load_pem_private_key(
        (site.home / "versions/0001/key.pem").read_bytes(), KEY_PASSPHRASE.encode()
    )
    clear = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forms = (clear, base64.b64encode(clear)[:60], b"BEGIN PRIVATE KEY", b"BEGIN RSA PRIVATE KEY")
    own = set(tmp_path.rglob("authority.key"))
    for path in set(tmp_path.rglob("*")) - own:
        if path.is_file():
            assert not any(form in path.read_bytes() for form in forms), path
