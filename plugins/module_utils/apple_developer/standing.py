# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a profile serves, and for how long. Pure: the time is a parameter."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import asdict, dataclass

from .account import Account, Profile

MISSING, INVALID, EXPIRED, EXPIRING = "profile-missing", "profile-invalid", "profile-expired", "profile-expiring"
CERTIFICATE_EXPIRED, CERTIFICATE_EXPIRING = "certificate-expired", "certificate-expiring"
_CERTIFICATE = "Make a distribution certificate, then run apple_app_id. Apps signed with the old one stop when it ends"
_RENEW = "Run apple_app_id: it makes a new profile. Then wrap the app with it"


@dataclass(frozen=True)
class Finding:
    """
    :param breaks: whether an app cannot be signed with it, or its push does not work, by now.
    """

    reason: str
    sentence: str
    remedy: str
    breaks: bool

    def shown(self) -> dict[str, t.Any]:
        return asdict(self)


def judge(profile: Profile, now: datetime.datetime, renew_before: datetime.timedelta) -> Finding | None:
    """What is wrong with a profile, the worst alone; ``None`` if nothing is."""
    last = max((one.ends for one in profile.certificates), default=None)
    named = f"The profile {profile.name!r}"
    if profile.state != "ACTIVE":
        what = "a certificate was revoked, or the App ID changed, since it was made"
        return Finding(INVALID, f"{named} is {profile.state}: {what}", _RENEW, True)
    if profile.ends <= now:
        return Finding(EXPIRED, f"{named} ended on {profile.ends:%Y-%m-%d}", _RENEW, True)
    if last is None or last <= now:
        since = f"ended on {last:%Y-%m-%d}" if last else "are gone"
        sentence = f"The certificates of the profile {profile.name!r} {since}"
        return Finding(CERTIFICATE_EXPIRED, sentence, _CERTIFICATE, True)
    if profile.ends - now <= renew_before:
        return Finding(EXPIRING, f"{named} ends on {profile.ends:%Y-%m-%d}", _RENEW, False)
    if last - now <= renew_before:
        sentence = f"The last certificate of the profile {profile.name!r} ends on {last:%Y-%m-%d}"
        return Finding(CERTIFICATE_EXPIRING, sentence, _CERTIFICATE, False)
    return None


def serves(profile: Profile, now: datetime.datetime, renew_before: datetime.timedelta) -> bool:
    """Whether an app can be signed with a profile by now."""
    finding = judge(profile, now, renew_before)
    return finding is None or not finding.breaks


def best(
    profiles: t.Iterable[Profile],
    now: datetime.datetime,
    renew_before: datetime.timedelta,
    fits: t.Callable[[Profile], bool] = lambda profile: True,
) -> Profile | None:
    """The profile that serves longest, of those that fit if any does; where none serves, the one that ended last."""
    return max(
        profiles,
        key=lambda one: (serves(one, now, renew_before), fits(one), one.ends, one.created),
        default=None,
    )


def findings(
    account: Account, bundle_id: str, now: datetime.datetime, renew_before: datetime.timedelta
) -> list[Finding]:
    """What stands in the way of push, or soon will. Of the profiles of one type the best one counts."""
    if not account.id:
        return [Finding("app-id-missing", f"There is no App ID {bundle_id}", "Run apple_app_id: it registers it", True)]
    found = []
    if not account.push:
        remedy = "Run apple_app_id: it turns push on, and makes a new profile, because Apple invalidates the old ones"
        found.append(Finding("push-missing", f"The App ID {bundle_id} has no capability for push", remedy, True))
    for kind in sorted({one.type for one in account.profiles}):
        profile = best((one for one in account.profiles if one.type == kind), now, renew_before)
        finding = judge(profile, now, renew_before) if profile else None
        found += [finding] if finding else []
    if not account.profiles:
        found.append(Finding(MISSING, f"The App ID {bundle_id} has no distribution profile", _RENEW, True))
    return found
