# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of Exchange's EWS applications in IIS: the arguments of exchange_ews_iis, checked."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..core.addresses import is_fqdn
from ..core.environment import check_proxy
from ..core.errors import InvalidInput
from .listener import Listener
from .way_back_spec import ARGUMENT_SPEC as WAY_BACK

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "upload_read_ahead_size": {"type": "int"},
    "client_certificate_auth": {"type": "bool"},
    "proxy_bypass": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"fqdn": {"type": "str", "required": True}, "port": {"type": "int", "default": 443}},
    },
    "prune": {"type": "bool", "default": False},
    "proxy": {"type": "str", "default": ""},
    "front_end": {"type": "str", "default": "Default Web Site/EWS"},
    "back_end": {"type": "str", "default": "Exchange Back End/EWS"},
    "require_healthy": {"type": "bool", "default": True},
    **WAY_BACK,
}

#: IIS's own range (validationType of the attribute in IIS_schema.xml).
LARGEST_READ_AHEAD = 2147483647


@dataclass(frozen=True)
class Desired:
    """What is asked of one Exchange host.

    :param read_ahead: bytes; ``None``: not declared.
    :param client_certificate_auth: what is believed of the front end; ``None``: not declared.
    """

    absent: bool
    read_ahead: int | None
    client_certificate_auth: bool | None
    listeners: tuple[Listener, ...]
    prune: bool
    proxy: str
    front_end: str
    back_end: str


def parse_desired(params: t.Mapping[str, t.Any]) -> Desired:
    """Turn validated module arguments into what is asked.

    :raises InvalidInput: names the option, its value and the remedy.
    """
    size = params["upload_read_ahead_size"]
    if size is not None and not 0 <= size <= LARGEST_READ_AHEAD:
        raise InvalidInput("upload_read_ahead_size", size, f"bytes from 0 to {LARGEST_READ_AHEAD}", "Correct it")
    listeners = tuple(dict.fromkeys(_listener(n, entry) for n, entry in enumerate(params["proxy_bypass"])))
    if params["prune"] and not listeners:
        raise InvalidInput(
            "prune", True, "false while proxy_bypass is empty", "Name the listener whose domain is to be cleared"
        )
    return Desired(
        absent=params["state"] == "absent",
        read_ahead=size,
        client_certificate_auth=params["client_certificate_auth"],
        listeners=listeners,
        prune=params["prune"],
        proxy=check_proxy(params["proxy"], "proxy"),
        front_end=application_path("front_end", params["front_end"]),
        back_end=application_path("back_end", params["back_end"]),
    )


def _listener(index: int, entry: t.Mapping[str, t.Any]) -> Listener:
    fqdn, port = entry["fqdn"], entry["port"]
    if not is_fqdn(fqdn):
        raise InvalidInput(f"proxy_bypass[{index}].fqdn", fqdn, "a fully qualified host name", "Name the listener")
    if not 0 < port < 65536:
        raise InvalidInput(f"proxy_bypass[{index}].port", port, "a TCP port from 1 to 65535", "Leave it out for 443")
    return Listener(fqdn.lower(), port)


def application_path(option: str, path: str) -> str:
    """A site and an application without slashes at the ends.

    :raises InvalidInput: one of them is missing.
    """
    site, _separator, application = path.strip("/").partition("/")
    if not site or not application:
        raise InvalidInput(option, path, "a site and an application such as Default Web Site/EWS", "Name both")
    return f"{site}/{application}"
