# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else must fit for push to work, judged over the policies' values as an administrator reads them. Pure.

Sources: Citrix, "Push notifications for Secure Mail" and "Rich push notifications for Secure Mail for iOS"; the texts
of the policies themselves. A policy that the app does not have is not judged.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from . import titles

Words = t.Mapping[str, str]
LINK = "xms-policies"
#: Codes of what lets no badge arrive.
_BREAKING = ("push-off", "network-blocked", "other-region", "other-customer", "registration-not-in-background")


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way.

    :param code: stable, for playbooks.
    :param link: the link of the push path that is broken by it for certain; empty where it costs something else.
    """

    code: str
    platform: str
    sentence: str
    remedy: str
    link: str

    def shown(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Expected:
    """What the environment says; empty, or ``None``, where it does not.

    :param registration: ``fqdn:port`` of the region's registration service.
    :param sta: whether NetScaler Gateway has a Secure Ticket Authority for this app.
    :param rich_push: whether the text of mails is to be shown on the locked screen.
    """

    region: str = ""
    customer_id: str = ""
    registration: str = ""
    sta: bool | None = None
    rich_push: bool = False


def obstacles(platform: str, words: Words, expected: Expected) -> tuple[Obstacle, ...]:
    """
    :param words: title -> value, a label for an enumeration.
    """
    found = [*_push(words, expected), *_background(words, expected), *_rich(words, expected)]
    return tuple(
        Obstacle(code, platform, sentence, remedy, LINK if code in _BREAKING else "")
        for code, sentence, remedy in found
    )


def _is_tunneled(words: Words) -> bool:
    """Citrix's labels, and the one id that is public (NetworkAccessTunneled), all say so."""
    return "tunnel" in words.get(titles.NETWORK_ACCESS, "").lower()


def _lists(words: Words, service: str) -> bool:
    listed = {entry.lower() for entry in titles.entries(words.get(titles.BACKGROUND_SERVICES, ""))}
    host, _colon, port = service.lower().rpartition(":")
    _label, _dot, domain = host.partition(".")
    return bool(listed & {f"{host}:{port}", f"*.{domain}:{port}", f"*:{port}"})


_Found = tuple[str, str, str]


def _push(words: Words, expected: Expected) -> t.Iterator[_Found]:
    if words.get(titles.PUSH_NOTIFICATIONS, "true").lower() != "true":
        yield "push-off", "Push notifications is off", "Turn it on: playbooks/xms.yml"
    if "block" in words.get(titles.NETWORK_ACCESS, "").lower():
        yield (
            "network-blocked",
            "Network access is blocked, so that the app reaches neither Exchange nor the registration service",
            "Set Network access to Unrestricted or to a tunneled value",
        )
    for code, title, wanted in (
        ("other-region", titles.REGION, expected.region),
        ("other-customer", titles.CUSTOMER_ID, expected.customer_id),
    ):
        if wanted and title in words and words[title] != wanted:
            yield code, f"{title} is {words[title]!r}, the environment says {wanted!r}", "Run playbooks/xms.yml"


def _background(words: Words, expected: Expected) -> t.Iterator[_Found]:
    if titles.BACKGROUND_SERVICES not in words:
        return
    if not _is_tunneled(words):
        if words[titles.BACKGROUND_SERVICES]:
            yield (
                "background-without-tunnel",
                "Background network services names services, but Network access is not tunneled",
                "Set Network access to Tunneled to the internal network, or empty Background network services",
            )
        return
    if expected.sta and expected.registration and not _lists(words, expected.registration):
        yield (
            "registration-not-in-background",
            f"Traffic is tunneled with an STA, and Background network services does not name {expected.registration}: "
            "devices cannot register for push in the background",
            f"Add {expected.registration} to background_services",
        )
    if words[titles.BACKGROUND_SERVICES] and words.get(titles.BACKGROUND_GATEWAY) == "":
        yield (
            "background-gateway-empty",
            "Background network services names services, and Background network service gateway is empty",
            "Name the Gateway as fqdn:port in background_gateway",
        )


def _rich(words: Words, expected: Expected) -> t.Iterator[_Found]:
    if not expected.rich_push:
        return
    shown = words.get(titles.LOCKED_SCREEN, "")
    if shown and not any(word in shown.lower() for word in ("allow", "sender")):
        yield (
            "locked-screen-hides",
            f"Control locked screen notifications is {shown!r}: rich push shows nothing on the locked screen",
            "Set locked_screen to Allow or to Email sender or event title",
        )
    host = words.get(titles.EWS_HOSTNAME) or words.get(titles.EXCHANGE_SERVER, "")
    if host and titles.BACKGROUND_SERVICES in words and _is_tunneled(words):
        service = host if ":" in host else f"{host}:443"
        if not _lists(words, service):
            yield (
                "ews-not-in-background",
                f"Rich push fetches the mail itself, and Background network services does not name {service}",
                f"Add {service} to background_services",
            )
