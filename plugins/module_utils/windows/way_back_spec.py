# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments by which every module for EWS is given a way back, checked."""

from __future__ import annotations

import typing as t
import urllib.parse

from ..core.errors import InvalidInput
from .health import HealthSettings

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "keep_backups": {"type": "int", "default": 5},
    "health": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "back_end_url": {"type": "str", "default": ""},
            "server_name": {"type": "str", "default": ""},
            "ca_path": {"type": "path"},
            "back_end_ca_path": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 10},
            "warm_up": {"type": "int", "default": 90},
        },
    },
}


def parse_keep(params: t.Mapping[str, t.Any]) -> int:
    """How many copies of one file stay.

    :raises InvalidInput: fewer than one, which would leave no way back.
    """
    keep: int = params["keep_backups"]
    if keep < 1:
        raise InvalidInput("keep_backups", keep, "at least 1", "The last copy is the way back: keep it")
    return keep


def parse_health(params: t.Mapping[str, t.Any]) -> HealthSettings | None:
    """Where EWS is asked; ``None`` where nobody asks.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    given = params["health"]
    if not given:
        return None
    for name, least in (("timeout", 1), ("warm_up", 0)):
        if not least <= given[name] <= 3600:
            raise InvalidInput(f"health.{name}", given[name], f"seconds from {least} to 3600", "Correct it")
    return HealthSettings(
        url=_base(given["url"], "url"),
        back_end_url=_base(given["back_end_url"], "back_end_url") if given["back_end_url"] else "",
        server_name=given["server_name"],
        ca_path=given["ca_path"] or "",
        back_end_ca_path=given["back_end_ca_path"] or given["ca_path"] or "",
        validate_certs=given["validate_certs"],
        timeout=given["timeout"],
        warm_up=given["warm_up"],
    )


def _base(url: str, option: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidInput(
            f"health.{option}", url, "https://HOST[:PORT]", "Name the Exchange host alone, without a path or user"
        )
    return url.rstrip("/")
