# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and findings over the account of one App ID, without a server and with a clock of the test's own."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer import standing
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.account import (
    Account,
    Certificate,
    Device,
    Profile,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.desired import (
    Desired,
    DesiredDevice,
    DesiredProfile,
)
from ansible_collections.pushops.securemail.plugins.module_utils.apple_developer.plan import MakeProfile, plan
from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import UnexpectedState

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
MONTH = 30 * DAY
UDID = "00008110-000A1C2E3F4B5D6E"


def certificate(days: int = 700, serial: str = "A1") -> Certificate:
    return Certificate(f"id-{serial}", serial, "Contoso", NOW + days * DAY)


def profile(days: int = 300, *, name: str = "Mail", state: str = "ACTIVE", **more: t.Any) -> Profile:
    held = {"certificates": (certificate(),), "created": "2026-01-01", "type": "in_house", **more}
    return Profile(id=f"id {name}", name=name, state=state, uuid="u", ends=NOW + days * DAY, content=b"p", **held)


def account(*profiles: Profile, **more: t.Any) -> Account:
    held = {"id": "1", "push": True, "certificates": (certificate(),), **more}
    return Account(profiles=profiles, **held)


def desired(kind: str = "in_house", *, serials: tuple[str, ...] = (), **more: t.Any) -> Desired:
    return Desired("com.contoso.securemail", "Mail", NOW, profile=DesiredProfile("Mail", kind, serials), **more)


def reason(account: Account, asked: Desired) -> str:
    """Why a profile is made; empty where none is."""
    made = [one for one in plan(account, None, asked).changes if isinstance(one.action, MakeProfile)]
    return (made[0].before or {"reason": "profile-missing"})["reason"] if made else ""


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (account(), "profile-missing"),
        (account(profile()), ""),
        (account(profile(state="INVALID")), "profile-invalid"),
        (account(profile(0)), "profile-expired"),
        (account(profile(30)), "profile-expiring"),
        (account(profile(31)), ""),
        (account(profile(), push=False), "push-missing"),
        (account(profile(type="ad_hoc")), "profile-missing"),
        (account(profile(name="Mailing")), "profile-missing"),
        (account(profile(certificates=())), "certificate-expired"),
        (account(profile(certificates=(certificate(-1, "B2"),))), "certificate-expired"),
        (account(profile(certificates=(certificate(9, "B2"),))), "certificate-expiring"),
        (account(profile(state="INVALID"), profile(name="Mail 2")), ""),
        (account(profile(), profile(5, name="Mail 2")), ""),
    ],
)
def test_why_a_profile_is_made(present: Account, expected: str) -> None:
    assert reason(present, desired()) == expected


def test_no_profile_is_made_that_would_end_as_soon() -> None:
    near = certificate(9)
    for present in (profile(9, certificates=(near,)), profile(300, certificates=(near,))):
        assert reason(account(present, certificates=(near,)), desired()) == ""


def test_an_ad_hoc_profile_needs_its_devices_in_any_case_of_letters() -> None:
    asked = desired("ad_hoc", devices=(DesiredDevice("Alex", UDID),))
    known = {UDID.lower(): Device("d", UDID, "Alex", "ENABLED")}
    held = profile(type="ad_hoc", devices=frozenset({UDID.lower()}))
    assert plan(account(held, devices=known), None, asked).changes == ()
    assert reason(account(profile(type="ad_hoc"), devices=known), asked) == "device-not-in-profile"
    disabled = {UDID.lower(): Device("d", UDID, "Alex", "DISABLED")}
    with pytest.raises(UnexpectedState, match="Enable it"):
        plan(account(held, devices=disabled), None, asked)


def test_the_profile_that_holds_what_is_asked_counts_even_if_it_ends_with_another() -> None:
    both = (certificate(), certificate(serial="B2"))
    old, new = profile(certificates=both[:1]), profile(name="Mail 2", certificates=both, created="2026-02-01")
    present = account(old, new, certificates=both)
    assert reason(present, desired(serials=("B2",))) == "" == reason(present, desired(serials=("A1", "B2")))
    assert reason(account(old, certificates=both), desired(serials=("B2",))) == "certificate-not-in-profile"


def test_a_certificate_that_is_not_valid_is_refused() -> None:
    with pytest.raises(UnexpectedState, match="valid are: A1"):
        plan(account(), None, desired(serials=("B2",)))
    with pytest.raises(UnexpectedState, match="no distribution certificate"):
        plan(account(certificates=(certificate(-1),)), None, desired())


def test_superseded_profiles_go_last_and_only_where_asked() -> None:
    present = account(profile(state="INVALID"), profile(3, name="Mail 2"), profile(3, name="Other"))
    names = [one.name for one in plan(present, None, desired(remove_superseded=True)).changes]
    assert names == ["profile (in_house)", "profile Mail (u)", "profile Mail 2 (u)"]
    assert len(plan(present, None, desired()).changes) == 1
    made = plan(present, None, desired()).changes[0].action
    assert made == MakeProfile("1", "Mail 3", ("id-A1",))


@given(
    st.lists(
        st.builds(
            profile,
            st.integers(-40, 365),
            name=st.sampled_from(["Mail", "Mail 2", "Mail 3"]),
            state=st.sampled_from(["ACTIVE", "INVALID"]),
            certificates=st.lists(st.builds(certificate, st.integers(-40, 700)), max_size=2).map(tuple),
        ),
        max_size=4,
        unique_by=lambda one: one.name,
    ),
    st.lists(st.integers(1, 700), min_size=1, max_size=3),
)
def test_after_the_profile_is_made_none_is_made_again(present: list[Profile], days: list[int]) -> None:
    certificates = tuple(certificate(count, f"C{place}") for place, count in enumerate(days))
    before = account(*present, certificates=certificates)
    for change in plan(before, None, desired()).changes:
        assert isinstance(change.action, MakeProfile)
        lasts = min(365, max(days))
        made = profile(lasts, name=change.action.name, certificates=certificates, created="2026-03-01")
        assert made.name not in {one.name for one in present}
        after = account(*present, made, certificates=certificates)
        assert plan(after, None, desired()).changes == ()


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (Account(), ["app-id-missing"]),
        (account(push=False), ["push-missing", "profile-missing"]),
        (account(profile(state="INVALID"), profile(20, name="Other")), ["profile-expiring"]),
        (account(profile(-1), profile(type="ad_hoc", state="INVALID")), ["profile-invalid", "profile-expired"]),
        (account(profile()), []),
    ],
)
def test_findings(present: Account, expected: list[str]) -> None:
    found = standing.findings(present, "com.contoso.securemail", NOW, MONTH)
    assert [one.reason for one in found] == expected
    assert all(one.sentence and one.remedy for one in found)
