# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotated means seen in use: the lab's APNs accepts pushes, and the site's command asks by which certificate."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import ssl
import sys
import typing as t

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.pushops.securemail.tests.integration import running_lab
from ansible_collections.pushops.securemail.tests.integration.certificate_site import KEY_PASSPHRASE, CertificateSite
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible, TaskResult
from securemail_lab.apple import authority
from securemail_lab.apple.tokens import Tokens
from securemail_lab.lab import BUNDLE_ID, Lab
from securemail_lab.requesting import target

TOKEN = "5e" * 32


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> t.Iterator[Lab]:
    made = running_lab.create(tmp_path / "lab", "apple-ca", "apns")
    authority.create(made)
    Tokens(made).announce(TOKEN, BUNDLE_ID)
    with running_lab.serving(made, "apple"):
        yield made


@pytest.fixture
def site(tmp_path: pathlib.Path) -> CertificateSite:
    return CertificateSite.create(tmp_path / "site")


def asked(lab: Lab, site: CertificateSite, **changed: t.Any) -> dict[str, t.Any]:
    """The lab's Apple signs, proves, and is asked who pushed last."""
    apple = [sys.executable, "-m", "securemail_lab.apple."]
    return {
        **site.commands(),
        "signing_command": [*apple[:2], f"{apple[2]}sign", str(lab.directory), "{bundle_id}", "{csr}", "{certificate}"],
        "consumer_command": [*apple[:2], f"{apple[2]}seen", str(lab.directory), "{bundle_id}"],
        "now": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "proof": {"host": lab.address("apns"), "port": lab.port("https"), "ca_path": str(lab.ca_path)},
        **changed,
    }


def push(lab: Lab, site: CertificateSite, version: str) -> None:
    """What the vendor's listener does with the certificate of a version."""
    folder = site.home / "versions" / version
    tls: ssl.SSLContext = lab.client_tls()
    tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem", KEY_PASSPHRASE)
    url, headers, extensions = target(lab, "apns", f"/3/device/{TOKEN}")
    headers |= {"apns-topic": BUNDLE_ID, "apns-push-type": "alert"}
    with httpx.Client(http2=True, verify=tls, timeout=10, trust_env=False) as client:
        answer = client.post(url, json={"aps": {"badge": 1}}, headers=headers, extensions=extensions)
    assert answer.status_code == 200


def ago(days: int) -> str:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat(timespec="seconds")


def begin(lab: Lab, ansible: Ansible, site: CertificateSite, arguments: dict[str, t.Any]) -> None:
    """Version 0001 is in service since ten days ago, of a certificate that Apple issued 370 days ago."""
    play(ansible, site.task(**{**arguments, "signing_command": [], "now": ago(10)}))
    request = x509.load_pem_x509_csr((site.handed_out() / "request.csr").read_bytes())
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(days=370)
    old = authority.issue(lab, BUNDLE_ID, request.public_key(), begins, begins + authority.LIFETIME)
    with authority.issued(lab).edit() as record:
        ends = old.not_valid_after_utc.isoformat()
        record.append({"serial": f"{old.serial_number:x}", "bundle_id": BUNDLE_ID, "not_after": ends})
    (site.handed_out() / "aps.cer").write_bytes(old.public_bytes(Encoding.DER))
    (done,) = play(ansible, site.task(**{**arguments, "now": ago(10)}))
    assert (done["stage"], done["version"], done["proof"]["reason"]) == ("in-service", "0001", "accepted")


def play(ansible: Ansible, *tasks: t.Mapping[str, t.Any]) -> tuple[TaskResult, ...]:
    run = ansible.play(CONTROLLER, *tasks, diff=True)
    assert "Traceback" not in run.output
    return run.tasks


def test_a_certificate_is_in_use_once_the_listener_pushed_with_it(
    lab: Lab, ansible: Ansible, site: CertificateSite
) -> None:
    arguments = asked(lab, site)
    begin(lab, ansible, site, arguments)
    (renewed,) = play(ansible, site.task(**arguments))
    assert (renewed["version"], renewed["consumer"]["status"]) == ("0002", "not-yet-in-use")
    assert renewed["consumer"]["sha256"] == "", "the proof signed in with both, and is no consumer"

    info = {"pushops.securemail.apns_certificate_info": {"path": str(site.store)}}
    push(lab, site, "0001")
    waiting, told = play(ansible, site.task(**arguments), info)
    assert (waiting["consumer"]["version"], waiting.changed) == ("0001", False)
    assert [one["state"] for one in told["bundles"][0]["versions"]] == ["superseded", "in-service"]

    push(lab, site, "0002")
    predicted, done, again, told = play(
        ansible, site.task(check=True, **arguments), site.task(**arguments), site.task(**arguments), info
    )
    assert [change["name"] for change in done["changes"]] == ["0001 retired"] and not again.changed
    assert done["consumer"] == predicted["consumer"] and done["changes"] == predicted["changes"]
    assert (done["consumer"]["status"], done["consumer"]["sha256"]) == ("in-use", done["certificate"]["sha256"])
    (bundle,) = told["bundles"]
    assert [one["state"] for one in bundle["versions"]] == ["retired", "in-service"]
    assert {one["step"] for one in bundle["history"][-2:]} == {"seen-in-use", "retired"}


def test_a_third_certificate_is_not_asked_for(lab: Lab, ansible: Ansible, site: CertificateSite) -> None:
    arguments = asked(lab, site, consumer_command=[])
    begin(lab, ansible, site, arguments)
    (second,) = play(ansible, site.task(**{**arguments, "portal_command": []}))
    assert (second["stage"], second["version"]) == ("awaiting-upload", "0002")
    folder = site.home / "versions" / "0002"
    serial = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes()).serial_number
    folder.rename(site.folder / "aside")
    before = site.snapshot()
    (refused,) = play(ansible, site.task(**arguments))
    assert refused.status == "failed" and "at most 2 live" in refused["msg"]
    assert f"Revoke version 0002 (serial {serial:x}" in refused["remedy"] and site.snapshot() == before

    told = {**arguments, "revoked_serials": [f"{serial:X}"]}
    (mistaken,) = play(ansible, site.task(**told))
    assert mistaken.status == "failed" and "HTTP 409" in mistaken["msg"], "Apple knows better"
    authority.revoke(lab, serial)
    (third,) = play(ansible, site.task(**told))
    assert (third["stage"], third["version"]) == ("in-service", "0003")


def test_a_command_that_fails_is_a_warning(lab: Lab, ansible: Ansible, site: CertificateSite) -> None:
    (lab.directory / "secrets.json").write_text(
        json.dumps({**json.loads((lab.directory / "secrets.json").read_bytes()), "apple": "canary-other"})
    )
    look = asked(lab, site)["consumer_command"]
    (done,) = play(
        ansible, site.task(**site.commands(), consumer_command=[*look[:3], str(lab.directory / "x"), look[4]])
    )
    assert (done["stage"], done["consumer"]["status"]) == ("in-service", "not-observed")
    assert any("could not be seen" in warning for warning in done["warnings"])
