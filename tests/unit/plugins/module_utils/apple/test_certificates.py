# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates in every form in which they come back, and what is none."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import (
    NotACertificate,
    parse_certificate,
)
from ansible_collections.pushops.securemail.plugins.module_utils.core.der import elements, leading_strings
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.apple.push_ca import (
    BUNDLE_ID,
    NOW,
    Kind,
    PushCa,
    der,
    new_private_key,
    pem,
    topics_value,
)

KEY = new_private_key()
CA = PushCa(KEY)
LEAF = CA.issue(KEY.public_key())
PEM = pem(LEAF)


@pytest.mark.parametrize(
    "content",
    [
        PEM,
        PEM.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PEM,
        b"Certificate:\n    Data:\n" + PEM + b"\n\n",
        LEAF.public_bytes(Encoding.DER),
        pkcs7.serialize_certificates([LEAF], Encoding.DER),
        pkcs7.serialize_certificates([LEAF], Encoding.PEM),
    ],
)
def test_every_form_reads_the_same(content: bytes) -> None:
    certificate = parse_certificate(content)
    assert certificate.sha256 == LEAF.fingerprint(hashes.SHA256()).hex()
    assert certificate.user_id == BUNDLE_ID and certificate.common_name == f"Apple Push Services: {BUNDLE_ID}"
    assert certificate.topics == (BUNDLE_ID, f"{BUNDLE_ID}.voip", f"{BUNDLE_ID}.complication")
    assert certificate.production and certificate.sandbox and certificate.key_type == "RSA-2048"
    shown = certificate.shown(NOW)
    assert shown["days_left"] == 394 and shown["bundle_id"] == BUNDLE_ID


def test_an_old_certificate_without_topics_reads() -> None:
    certificate = parse_certificate(pem(CA.issue(KEY.public_key(), Kind(topics=None))))
    assert certificate.topics == ()


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "unreadable"),
        (b"\n <html>", "unreadable"),
        (PEM[:200], "unreadable"),
        (pkcs7.serialize_certificates([LEAF, CA.certificate()], Encoding.DER), "not-a-leaf"),
        (PEM + pem(CA.certificate()), "not-a-leaf"),
        (pem(CA.certificate()), "not-a-leaf"),
    ],
)
def test_what_is_no_single_leaf_says_so(content: bytes, reason: str) -> None:
    with pytest.raises(NotACertificate) as caught:
        parse_certificate(content)
    assert caught.value.reason == reason and caught.value.sentence


def test_a_malformed_topics_extension_is_unreadable() -> None:
    builder = x509.CertificateBuilder(
        LEAF.issuer, LEAF.subject, KEY.public_key(), 1, LEAF.not_valid_before_utc, LEAF.not_valid_after_utc
    )
    oid = x509.ObjectIdentifier("1.2.840.113635.100.6.3.6")
    broken = builder.add_extension(x509.UnrecognizedExtension(oid, b"\x30\x05\x0c"), False).sign(KEY, hashes.SHA256())
    with pytest.raises(NotACertificate, match="malformed"):
        parse_certificate(pem(broken))


def test_a_key_of_an_unknown_algorithm_is_unreadable() -> None:
    rsa_encryption, unknown = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("01", "7f"))
    content = LEAF.public_bytes(Encoding.DER)
    assert content.count(rsa_encryption) == 1
    with pytest.raises(NotACertificate, match="malformed.*key type"):
        parse_certificate(content.replace(rsa_encryption, unknown))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"-----BEGIN" + tail))
def test_garbage_is_never_more_than_unreadable(content: bytes) -> None:
    with pytest.raises(NotACertificate):
        parse_certificate(content)


@given(st.integers(0, len(PEM) - 1), st.integers(0, 255))
def test_a_damaged_certificate_reads_or_is_refused(at: int, byte: int) -> None:
    try:
        parse_certificate(PEM[:at] + bytes((byte,)) + PEM[at + 1 :])
    except NotACertificate as problem:
        assert problem.reason in ("unreadable", "not-a-leaf")


@given(st.lists(st.text(max_size=300), max_size=8))
def test_topics_come_back_as_written(topics: list[str]) -> None:
    assert leading_strings(topics_value(topics)) == tuple(topics)


@given(st.lists(st.tuples(st.integers(1, 0x7E), st.binary(max_size=400)), max_size=6))
def test_elements_come_back_as_written(written: list[tuple[int, bytes]]) -> None:
    assert list(elements(b"".join(der(tag, content) for tag, content in written))) == written


@given(st.binary(max_size=60))
def test_reading_der_fails_with_one_kind_of_error(content: bytes) -> None:
    try:
        leading_strings(content)
    except ValueError as problem:
        assert str(problem)
