# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, requests and PKCS#12; openssl is the independent reader."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ansible_collections.pushops.securemail.plugins.module_utils.apple import keys
from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import (
    key_fingerprint,
    parse_certificate,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, UnexpectedState
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import (
    PushCa,
    new_private_key,
    pem,
)

KEY = new_private_key()
LEAF = parse_certificate(pem(PushCa(KEY).issue(KEY.public_key())))

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin.encode(), capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode()


def test_a_new_key_is_encrypted_rsa_2048() -> None:
    content = keys.new_key("correct horse")
    assert content.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert keys.read_key("key.pem", content, "correct horse").key_size == 2048
    with pytest.raises(UnexpectedState, match=r"key\.pem cannot be read with key_passphrase"):
        keys.read_key("key.pem", content, "wrong")


@pytest.mark.parametrize(
    "key, message",
    [
        (ec.generate_private_key(ec.SECP256R1()), "another kind"),
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), "another kind"),
    ],
)
def test_a_foreign_key_is_no_key_of_the_store(key: rsa.RSAPrivateKey, message: str) -> None:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    with pytest.raises(UnexpectedState, match=message):
        keys.read_key("key.pem", key.private_bytes(*form, serialization.BestAvailableEncryption(b"pw")), "pw")
    with pytest.raises(UnexpectedState, match="not encrypted"):
        keys.read_key("key.pem", KEY.private_bytes(*form, serialization.NoEncryption()), "pw")


def test_a_request_carries_key_email_and_name() -> None:
    content = keys.new_request(KEY, "postmaster@contoso.com", "Secure Mail push EMEA")
    request = x509.load_pem_x509_csr(content)
    assert request.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)[0].value == "postmaster@contoso.com"
    assert keys.read_request("request.csr", content) == key_fingerprint(KEY.public_key())
    with pytest.raises(InvalidInput, match="common_name"):
        keys.new_request(KEY, "postmaster@contoso.com", "x" * 65)
    with pytest.raises(UnexpectedState, match="is not a certificate request"):
        keys.read_request("request.csr", content[:300])


@needs_openssl
def test_openssl_reads_key_and_request(tmp_path: pathlib.Path) -> None:
    key, request = tmp_path / "key.pem", tmp_path / "request.csr"
    key.write_bytes(keys.new_key("correct horse"))
    private = keys.read_key(str(key), key.read_bytes(), "correct horse")
    request.write_bytes(keys.new_request(private, "postmaster@contoso.com", "Secure Mail"))
    public = openssl("pkey", "-in", str(key), "-passin", "stdin", "-pubout", stdin="correct horse\n")
    assert public.strip() == openssl("req", "-in", str(request), "-noout", "-pubkey").strip()


@needs_openssl
@pytest.mark.parametrize("passphrase", ["plain", "with spaces 'and' \"quotes\"", "x" * 200])
@pytest.mark.parametrize(
    "encryption, scheme, options",
    [("modern", "PBES2, PBKDF2, AES-256-CBC", ()), ("legacy", "pbeWithSHA1And3-KeyTripleDES-CBC", ("-legacy",))],
)
def test_openssl_opens_the_bundle(
    tmp_path: pathlib.Path, passphrase: str, encryption: str, scheme: str, options: tuple[str, ...]
) -> None:
    bundle = tmp_path / "bundle.p12"
    bundle.write_bytes(keys.new_bundle(KEY, LEAF, "com.contoso.securemail", encryption, passphrase))
    common = ("pkcs12", "-in", str(bundle), "-passin", "stdin", *options)
    info = openssl(*common, "-info", "-noout", stdin=passphrase + "\n")
    assert info.count(scheme) == 2, "key and certificate bag"
    assert ("MAC: sha1" in info) == (encryption == "legacy")
    shown = openssl(*common, "-nokeys", stdin=passphrase + "\n")
    assert LEAF.pem.decode().strip() in shown.replace("\r", "")


@pytest.mark.parametrize("encryption", ["modern", "legacy"])
def test_two_bundles_of_one_content_differ_in_bytes_and_read_the_same(encryption: str) -> None:
    first, second = (keys.new_bundle(KEY, LEAF, "name", encryption, "pw") for _n in range(2))
    assert first != second
    assert keys.read_bundle(first, "pw") == keys.read_bundle(second, "pw")
    assert keys.read_bundle(first, "pw") == keys.Bundle(LEAF.sha256, LEAF.key_sha256, encryption)
    assert keys.read_bundle(first, "other") is None and keys.read_bundle(b"garbage", "pw") is None
