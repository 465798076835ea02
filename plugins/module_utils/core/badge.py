# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe saw of the badge: whether it is complete enough to be judged, and how it reads."""

from __future__ import annotations

import typing as t

from .errors import InvalidInput

_DEVICE = {"device": str, "arrived": bool, "badge_before": int, "badge_after": int}


def check_probe(document: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a probe command printed, complete enough to be judged.

    :raises InvalidInput: names the key that is missing or of another type.
    """
    _check_keys("probe", document, {"arrived": bool, "content_free": bool, "devices": list})
    for number, device in enumerate(document["devices"]):
        _check_keys(f"probe.devices[{number}]", device, _DEVICE)
    return dict(document)


def _check_keys(field: str, document: t.Any, kinds: t.Mapping[str, type]) -> None:
    remedy = "Correct the probe command; docs/verify.md says what it prints"
    if not isinstance(document, t.Mapping):
        raise InvalidInput(field, document, "a mapping", remedy)
    for key, kind in kinds.items():
        value = document.get(key)
        if not isinstance(value, kind):
            raise InvalidInput(f"{field}.{key}", value, f"a value of type {kind.__name__}", remedy)


def badge_sentence(badge: str, probe: t.Mapping[str, t.Any] | None) -> str:
    """What a person reads of it.

    :param badge: as ``evidence.Verdict`` has it.
    :param probe: what was checked here; ``None`` where nobody looked.
    """
    if probe is None:
        return "Badge: not tested: no push_verify_probe_command is declared, or this run leaves it out."
    devices = probe.get("devices", [])
    shown = ", ".join(
        f"{device['device']} {device['badge_before']} -> {device['badge_after']}"
        + (f" ({device['last_error']})" if device.get("last_error") and not device["arrived"] else "")
        for device in devices
    )
    return f"Badge: {badge} after one mail to {probe.get('mailbox', 'the probe mailbox')}: {shown}."
