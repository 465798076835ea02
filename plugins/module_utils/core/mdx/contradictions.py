# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a package disagrees with the environment or with itself: pure checks over an injected clock.

Each gives a stable reason code, a sentence and a remedy. What breaks push or the app now is told from what will.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import asdict, dataclass

from .application import Application
from .package import Package
from .profile import DEVELOPMENT, PRODUCTION, Profile, SigningCertificate

WRONG_PLATFORM = "wrong-platform"
BUNDLE_ID_DIFFERS = "bundle-id-differs"
MANIFEST_DIFFERS = "manifest-differs"
NO_APPLICATION = "no-application"
NO_PROFILE = "no-profile"
APP_ID_DIFFERS = "app-id-differs"
WILDCARD_APP_ID = "wildcard-app-id"
NO_PUSH_ENTITLEMENT = "no-push-entitlement"
SANDBOX_ENTITLEMENT = "sandbox-entitlement"
PROFILE_EXPIRED = "profile-expired"
PROFILE_EXPIRING = "profile-expiring"
CERTIFICATE_EXPIRED = "signing-certificate-expired"
CERTIFICATE_EXPIRING = "signing-certificate-expiring"
DEVICES_LIMITED = "devices-limited"


@dataclass(frozen=True)
class Contradiction:
    """One disagreement.

    :param breaks: whether the app, or its push, fails by it now.
    """

    reason: str
    sentence: str
    remedy: str
    breaks: bool = True

    def shown(self) -> dict[str, t.Any]:
        return asdict(self)


@dataclass(frozen=True)
class Expected:
    """What a package is judged by.

    :param bundle_id: the environment's; empty: not judged.
    :param renew_before: from how long before its end on a profile or certificate is named.
    """

    bundle_id: str
    platform: str
    now: datetime.datetime
    renew_before: datetime.timedelta


_PROFILE_REMEDY = "Make a distribution profile for the explicit App ID with push, and wrap the app again with it"


def contradictions(package: Package, expected: Expected) -> tuple[Contradiction, ...]:
    """All disagreements, in the order in which they are best mended."""
    if package.platform != expected.platform:
        sentence = f"It is for the platform {package.platform}, expected {expected.platform}"
        return (Contradiction(WRONG_PLATFORM, sentence, f"Name the file for {expected.platform}"),)
    return tuple([*_bundle_id(package, expected), *_application(package, expected)])


def _bundle_id(package: Package, expected: Expected) -> t.Iterator[Contradiction]:
    if expected.bundle_id and package.bundle_id != expected.bundle_id:
        yield Contradiction(
            BUNDLE_ID_DIFFERS,
            f"Its bundle id is {package.bundle_id or 'not named'}, the environment's is {expected.bundle_id}",
            "Wrap the app with the environment's bundle id, or correct push_bundle_id",
        )
    manifest, application = package.manifest, package.application
    if manifest is None or application is None:
        return
    if manifest.bundle_id and manifest.bundle_id != application.bundle_id:
        yield Contradiction(
            MANIFEST_DIFFERS,
            f"The manifest names the bundle id {manifest.bundle_id}, the app itself {application.bundle_id or 'none'}",
            "Wrap the app again: its .mdx was put together by hand",
        )


def _application(package: Package, expected: Expected) -> t.Iterator[Contradiction]:
    if package.application is None:
        yield Contradiction(
            NO_APPLICATION,
            "It holds no app, so profile and entitlements cannot be judged",
            "Judge the .ipa that users install, too",
            breaks=False,
        )
    elif package.application.profile is None:
        yield Contradiction(
            NO_PROFILE,
            "The app carries no provisioning profile, so it is not signed by your company",
            "Wrap the app with your identity and profile",
        )
    else:
        profile = package.application.profile
        yield from _app_id(profile, package.application)
        yield from _push(profile)
        yield from _reach(profile)
        yield from _end_of_profile(profile, expected)
        for certificate in profile.certificates:
            yield from _end_of_certificate(certificate, expected)


def _app_id(profile: Profile, application: Application) -> t.Iterator[Contradiction]:
    if profile.wildcard:
        yield Contradiction(
            WILDCARD_APP_ID,
            f"The profile is for the wildcard App ID {profile.app_id}, and push needs an explicit one",
            _PROFILE_REMEDY,
        )
    if not profile.covers(application.bundle_id):
        yield Contradiction(
            APP_ID_DIFFERS,
            f"The profile is for the App ID {profile.app_id or 'none'}, the app's bundle id is"
            f" {application.bundle_id or 'none'}",
            _PROFILE_REMEDY,
        )


def _push(profile: Profile) -> t.Iterator[Contradiction]:
    if not profile.aps_environment:
        yield Contradiction(
            NO_PUSH_ENTITLEMENT,
            "The profile has no aps-environment, so the app cannot register for push",
            "Switch push on for the App ID, make the profile anew, and wrap the app again with it",
        )
    elif profile.aps_environment != PRODUCTION:
        place = "APNs' sandbox" if profile.aps_environment == DEVELOPMENT else "an unknown environment"
        yield Contradiction(
            SANDBOX_ENTITLEMENT,
            f"The profile's aps-environment is {profile.aps_environment}: the app registers at {place},"
            " where the listener does not push",
            _PROFILE_REMEDY,
        )


def _reach(profile: Profile) -> t.Iterator[Contradiction]:
    if not profile.all_devices:
        yield Contradiction(
            DEVICES_LIMITED,
            f"The profile names {profile.devices} devices, and no other one installs the app",
            "Use an in-house profile, unless these are all the devices",
            breaks=False,
        )


def _end_of_profile(profile: Profile, expected: Expected) -> t.Iterator[Contradiction]:
    end = profile.expires
    if end is None:
        yield Contradiction(PROFILE_EXPIRED, "The profile names no end of its validity", _PROFILE_REMEDY)
    elif end <= expected.now:
        yield Contradiction(
            PROFILE_EXPIRED, f"The profile expired on {end.isoformat()}: the app does not start", _PROFILE_REMEDY
        )
    elif end - expected.renew_before <= expected.now:
        yield Contradiction(
            PROFILE_EXPIRING, f"The profile expires on {end.isoformat()}", _PROFILE_REMEDY, breaks=False
        )


def _end_of_certificate(certificate: SigningCertificate, expected: Expected) -> t.Iterator[Contradiction]:
    end = certificate.not_after
    remedy = "Renew the distribution certificate, make the profile anew with it, and wrap the app again"
    if end <= expected.now:
        yield Contradiction(
            CERTIFICATE_EXPIRED,
            f"{certificate.common_name}, which may sign the app, expired on {end.isoformat()}",
            remedy,
        )
    elif end - expected.renew_before <= expected.now:
        sentence = f"{certificate.common_name}, which may sign the app, expires on {end.isoformat()}"
        yield Contradiction(CERTIFICATE_EXPIRING, sentence, remedy, breaks=False)
