# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that counts: deliver one mail and watch every device of the user.

A site command for ``playbooks/verify.yml``: prints one JSON document. It runs in the controller's network and reads
what the devices themselves recorded.
"""

from __future__ import annotations

import dataclasses
import email.message
import json
import secrets
import smtplib
import time
import typing as t

from .lab import DEVICES, USER, Lab
from .state import JsonFile

_PAUSE = 0.05


@dataclasses.dataclass(frozen=True)
class Sighting:
    """What one device showed after the mail."""

    device: str
    arrived: bool
    badge_before: int
    badge_after: int
    content_free: bool
    seconds: float | None
    last_error: str


def _device(lab: Lab, device: str) -> dict[str, t.Any]:
    document: dict[str, t.Any] = JsonFile(lab.state("devices") / f"{device}.json").read()
    return document


def _deliver(lab: Lab, words: dict[str, str]) -> None:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = words["sender"], USER, words["subject"]
    message.set_content(words["body"])
    door = lab.address("exch01"), lab.port("smtp")
    with smtplib.SMTP(*door, local_hostname=lab.name("controller"), timeout=5) as connection:
        connection.send_message(message)


def _shows_news(before: dict[str, t.Any], now: dict[str, t.Any]) -> bool:
    """Whether a push came, and there is a badge. Not that it grew: a region that is new to the user counts from 0."""
    return now["notifications"][-1:] != before["notifications"][-1:] and now["badge"] > 0


def _is_content_free(notifications: list[dict[str, t.Any]], words: dict[str, str]) -> bool:
    """A badge and nothing else, and none of the mail's words anywhere in it."""
    return all(
        set(note["payload"]) == {"aps"}
        and set(note["payload"]["aps"]) == {"badge"}
        and not any(word in json.dumps(note) for word in words.values())
        for note in notifications
    )


def probe(lab: Lab, patience: float) -> dict[str, t.Any]:
    """Deliver a mail, wait up to ``patience`` seconds, and say what every device showed.

    :raises OSError: the mail could not be delivered.
    """
    marker = secrets.token_hex(6)
    words = {"sender": f"{marker}-sender@example.com", "subject": f"{marker}-subject", "body": f"{marker}-body"}
    before = {device: _device(lab, device) for device in DEVICES}
    started = time.monotonic()
    _deliver(lab, words)
    seen: dict[str, float] = {}
    while len(seen) < len(DEVICES) and time.monotonic() - started < patience:
        for device in DEVICES:
            if device not in seen and _shows_news(before[device], _device(lab, device)):
                seen[device] = round(time.monotonic() - started, 2)
        time.sleep(_PAUSE)
    sightings = []
    for device in DEVICES:
        after = _device(lab, device)
        error = after["last_error"]
        sightings.append(
            Sighting(
                device,
                device in seen,
                before[device]["badge"],
                after["badge"],
                _is_content_free(after["notifications"], words),
                seen.get(device),
                f"{error['step']}: {error['detail']}" if error else "",
            )
        )
    return {
        "mailbox": USER,
        "arrived": len(seen) == len(DEVICES),
        "content_free": all(sighting.content_free for sighting in sightings),
        "devices": [dataclasses.asdict(sighting) for sighting in sightings],
    }
