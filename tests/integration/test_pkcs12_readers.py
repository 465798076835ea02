# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every PKCS#12 that the product makes opens with openssl and with a JDK's keytool, which share no code with it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.pushops.securemail.plugins.module_utils.apple import keys
from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import parse_certificate
from ansible_collections.pushops.securemail.tests.integration.certificate_site import CertificateSite
from ansible_collections.pushops.securemail.tests.integration.running_ansible import CONTROLLER, Ansible
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple import push_ca

pytestmark = [
    pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program}; make setup installs it")
    for program in ("keytool", "openssl")
]

KEY = push_ca.new_private_key()
PEM = push_ca.pem(push_ca.PushCa(push_ca.new_private_key()).issue(KEY.public_key()))
ENCRYPTIONS = [keys.MODERN, keys.LEGACY]
NAME = "com.contoso.securemail"
QUOTED = 'it\'s "quoted", `ticked`, $HOME, %PATH%, \\ and !'
PASSPHRASES = {"spaces": "  between and at both ends  ", "quotes": QUOTED, "200 characters": "x9" * 100}
BEYOND_ASCII = {"umlauts": "Grüße aus Zürich", "other scripts": "пароль 密码"}


def _run(command: list[str], passphrase: str) -> subprocess.CompletedProcess[str]:
    """The passphrase goes by the environment, in UTF-8."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PASSPHRASE": passphrase}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _keytool(deed: str, path: pathlib.Path, passphrase: str) -> subprocess.CompletedProcess[str]:
    common = ["-storetype", "PKCS12", "-keystore", str(path), "-storepass:env", "PASSPHRASE"]
    return _run(["keytool", deed, *common, *(["-rfc"] if deed == "-list" else ["-alias", NAME])], passphrase)


def _openssl(path: pathlib.Path, encryption: str, passphrase: str, *what: str) -> subprocess.CompletedProcess[str]:
    legacy = ["-legacy"] if encryption == keys.LEGACY else []
    command = ["openssl", "pkcs12", "-in", str(path), "-passin", "env:PASSPHRASE", "-nodes", *legacy, *what]
    return _run(command, passphrase)


def _opens(path: pathlib.Path, encryption: str, passphrase: str, certificate: bytes) -> None:
    """Both find the certificate, and have its key: one shows it, the other signs with it."""
    expected = x509.load_pem_x509_certificate(certificate)
    shown = _keytool("-list", path, passphrase)
    assert shown.returncode == 0, shown
    assert x509.load_pem_x509_certificates(shown.stdout.encode()) == [expected]
    request = x509.load_pem_x509_csr(_keytool("-certreq", path, passphrase).stdout.encode())
    assert request.is_signature_valid and request.public_key() == expected.public_key()
    found = _openssl(path, encryption, passphrase, "-nocerts")
    assert found.returncode == 0, found.stderr
    key = serialization.load_pem_private_key(found.stdout.encode(), None)
    assert key.public_key() == expected.public_key()
    found = _openssl(path, encryption, passphrase, "-nokeys")
    assert x509.load_pem_x509_certificates(found.stdout.encode()) == [expected]


def _bundle(folder: pathlib.Path, encryption: str, passphrase: str) -> pathlib.Path:
    path = folder / "bundle.p12"
    path.write_bytes(keys.new_bundle(KEY, parse_certificate(PEM), NAME, encryption, passphrase))
    return path


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
@pytest.mark.parametrize("passphrase", PASSPHRASES.values(), ids=PASSPHRASES)
def test_both_open_a_bundle(tmp_path: pathlib.Path, encryption: str, passphrase: str) -> None:
    _opens(_bundle(tmp_path, encryption, passphrase), encryption, passphrase, PEM)


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_neither_opens_it_with_another_passphrase(tmp_path: pathlib.Path, encryption: str) -> None:
    path = _bundle(tmp_path, encryption, QUOTED)
    assert _keytool("-list", path, "another one").returncode != 0
    assert _openssl(path, encryption, "another one").returncode != 0


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_both_open_what_the_rotation_wrote(tmp_path: pathlib.Path, ansible: Ansible, encryption: str) -> None:
    site = CertificateSite.create(tmp_path / "site")
    more: dict[str, t.Any] = {"pkcs12_encryption": encryption, "pkcs12_passphrase": QUOTED}
    done = ansible.play(CONTROLLER, site.task(**site.commands(), **more))
    assert done.status == 0, done.output
    version = site.home / "current"
    _opens(version / "bundle.p12", encryption, QUOTED, (version / "certificate.pem").read_bytes())


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
@pytest.mark.parametrize("passphrase", BEYOND_ASCII.values(), ids=BEYOND_ASCII)
def test_beyond_ascii_openssl_opens_it_and_java_does_not(
    tmp_path: pathlib.Path, encryption: str, passphrase: str
) -> None:
    """docs/certificate.md says so. Java says inside that the password is not ASCII, and keytool that it is wrong."""
    path = _bundle(tmp_path, encryption, passphrase)
    found = _openssl(path, encryption, passphrase, "-nokeys")
    assert x509.load_pem_x509_certificates(found.stdout.encode()) == [x509.load_pem_x509_certificate(PEM)]
    assert _keytool("-list", path, passphrase).returncode != 0
