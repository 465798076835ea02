# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where APNs is and the way there: the option ``proof`` of every module that asks it."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput

#: Of an argument spec; documented in the fragment ``proof``.
PROOF_OPTIONS: dict[str, dict[str, t.Any]] = {
    "host": {"type": "str", "default": "api.push.apple.com"},
    "port": {"type": "int", "default": 443},
    "ca_path": {"type": "path"},
    "proxy": {"type": "str"},
    "proxy_username": {"type": "str"},
    "proxy_password": {"type": "str", "no_log": True},
    "timeout": {"type": "int", "default": 10},
}

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_PROXY = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")
_LONGEST = 300  # seconds


@dataclass(frozen=True)
class Endpoint:
    """Where APNs is, and the way there.

    :param ca_path: PEM file of the only authorities to trust; ``None`` for the system's own.
    :param proxy: URL of an HTTP proxy, without credentials; ``None`` for none.
    :param timeout: seconds for each of connecting, sending and waiting.
    """

    host: str
    port: int
    ca_path: str | None
    proxy: str | None
    proxy_username: str | None
    proxy_password: str | None = field(repr=False)
    timeout: int


def check_endpoint(proof: t.Mapping[str, t.Any]) -> Endpoint:
    """Where the proof asks, and the way there.

    :raises InvalidInput: a value that cannot be right; never shows a password.
    """
    host, port, proxy = proof["host"], proof["port"], proof["proxy"]
    if not _HOST.fullmatch(host):
        raise InvalidInput("proof.host", host, "a host name or an address, without port", "Leave it out for Apple's")
    if not 0 < port < 65536:
        raise InvalidInput("proof.port", port, "a TCP port from 1 to 65535", "Apple's are 443 and 2197")
    if proxy is not None and not _PROXY.fullmatch(proxy):
        raise InvalidInput(
            "proof.proxy",
            "(not shown)" if "@" in proxy else proxy,
            "a URL such as http://proxy.contoso.com:8080",
            "Put credentials into proof.proxy_username and proof.proxy_password",
        )
    if not 0 < proof["timeout"] <= _LONGEST:
        raise InvalidInput("proof.timeout", proof["timeout"], f"a number from 1 to {_LONGEST}", "Leave it out for 10")
    return Endpoint(
        host=host,
        port=port,
        ca_path=proof["ca_path"],
        proxy=proxy,
        proxy_username=proof["proxy_username"],
        proxy_password=proof["proxy_password"],
        timeout=proof["timeout"],
    )
