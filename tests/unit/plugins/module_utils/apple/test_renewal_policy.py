# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of the policy over an injected clock."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple.certificates import Certificate
from ansible_collections.pushops.securemail.plugins.module_utils.apple.renewal_policy import Subject, assess

DAY = datetime.timedelta(days=1)
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
ID = "com.contoso.securemail"
GOOD = Certificate(
    pem=b"",
    sha256="a" * 64,
    key_sha256="b" * 64,
    key_type="RSA-2048",
    subject=f"UID={ID}",
    common_name=f"Apple Push Services: {ID}",
    user_id=ID,
    serial="1",
    not_before=START,
    not_after=START + 395 * DAY,
    sandbox=True,
    production=True,
    topics=(ID, f"{ID}.voip"),
)
SUBJECT = Subject(GOOD, ID, START + DAY, 30 * DAY, "b" * 64)


def reason(now: datetime.datetime = SUBJECT.now, **changed: object) -> str:
    certificate = dataclasses.replace(GOOD, **changed)  # type: ignore[arg-type]
    return assess(dataclasses.replace(SUBJECT, certificate=certificate, now=now)).reason


def test_a_good_certificate_is_valid() -> None:
    assert assess(SUBJECT).reason == "valid" and assess(SUBJECT).serves


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"user_id": ""}, "wrong-bundle-id"),
        ({"user_id": ID.upper()}, "wrong-bundle-id"),
        ({"user_id": f"{ID}.voip"}, "wrong-bundle-id"),
        ({"common_name": ID}, "wrong-bundle-id"),
        ({"common_name": f"Apple Push Services: x.{ID}"}, "wrong-bundle-id"),
        ({"topics": (f"{ID}.voip",)}, "wrong-bundle-id"),
        ({"topics": ()}, "valid"),
        ({"common_name": f"Apple Production IOS Push Services: {ID}", "sandbox": False}, "valid"),
        ({"key_sha256": "c" * 64}, "key-mismatch"),
        ({"production": False}, "sandbox-only"),
        ({"topics": ("com.apple.mgmt.External.1",)}, "mdm-certificate"),
        ({"common_name": "APSP:6f3a", "user_id": "com.apple.mgmt.External.6f3a", "key_sha256": "c"}, "mdm-certificate"),
    ],
)
def test_each_reason_has_its_code(changed: dict[str, object], expected: str) -> None:
    assert reason(**changed) == expected  # type: ignore[arg-type]


def test_nothing_is_missing_and_a_successor_supersedes() -> None:
    assert assess(dataclasses.replace(SUBJECT, certificate=None)).reason == "missing"
    superseded = assess(dataclasses.replace(SUBJECT, successor="0002"))
    assert superseded.reason == "superseded" and "0002" in superseded.sentence and superseded.serves


def test_a_common_name_may_be_cut_off_at_64_characters() -> None:
    wanted = "com.contoso.a-very-long-bundle-id-for-secure-mail.internal.edition"
    full = f"Apple Push Services: {wanted}"
    for name, expected in ((full[:64], "valid"), (full[:63], "wrong-bundle-id")):
        certificate = dataclasses.replace(GOOD, user_id=wanted, common_name=name, topics=(wanted,))
        assert assess(dataclasses.replace(SUBJECT, certificate=certificate, bundle_id=wanted)).reason == expected


@pytest.mark.parametrize(
    "moment, expected",
    [
        (START - datetime.timedelta(seconds=1), "not-yet-valid"),
        (START, "valid"),
        (START + 365 * DAY - datetime.timedelta(seconds=1), "valid"),
        (START + 365 * DAY, "due"),
        (START + 395 * DAY, "due"),
        (START + 395 * DAY + datetime.timedelta(seconds=1), "expired"),
    ],
)
def test_the_edges_of_time(moment: datetime.datetime, expected: str) -> None:
    assert reason(moment) == expected


@given(
    st.integers(1, 800),
    st.integers(1, 1000),
    st.floats(-10, 900, allow_nan=False),
    st.floats(0, 400, allow_nan=False),
)
def test_time_only_moves_forward_through_the_reasons(life: int, before: int, day: float, later: float) -> None:
    order = ["not-yet-valid", "valid", "due", "expired"]
    certificate = dataclasses.replace(GOOD, not_after=START + life * DAY)

    def at(days: float) -> int:
        subject = Subject(certificate, ID, START + days * DAY, before * DAY)
        return order.index(assess(subject).reason)

    assert at(day) <= at(day + later)
    assert order[at(0)] == "valid", "a fresh certificate is never due at once"
