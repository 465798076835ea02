# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of xms_mdx_push_policy ask for, checked before anything connects."""

from __future__ import annotations

import re
import typing as t

from ..core.environment import check_customer_id
from ..core.errors import InvalidInput
from . import titles
from .mdx import enum_labels
from .policies import Target, Wanted
from .rules import Expected

_SERVICE = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def check_service(field: str, value: str) -> str:
    """``fqdn:port``, as Background network services and its gateway take it."""
    if not _SERVICE.fullmatch(value) or not 0 < int(value.rpartition(":")[2]) < 65536:
        raise InvalidInput(field, value, "fqdn:port, e.g. mail.example.com:443", "No scheme, no path, no blanks")
    return value


def desired(params: t.Mapping[str, t.Any]) -> dict[str, Wanted]:
    """Title -> what is wanted.

    :raises InvalidInput: a value that cannot be right.
    """
    if params["state"] == "absent":
        return {titles.PUSH_NOTIFICATIONS: "false"}
    wanted: dict[str, Wanted] = {
        titles.NETWORK_ACCESS: params["network_access"],
        titles.PUSH_NOTIFICATIONS: str(params["push_notifications"]).lower(),
        titles.REGION: params["region"],
        titles.CUSTOMER_ID: check_customer_id(params["customer_id"], "customer_id"),
    }
    if params["background_services"]:
        services = [check_service("background_services", service) for service in params["background_services"]]
        wanted[titles.BACKGROUND_SERVICES] = tuple(services)
    if params["background_gateway"]:
        wanted[titles.BACKGROUND_GATEWAY] = check_service("background_gateway", params["background_gateway"])
    if params["ews_hostname"]:
        if not _HOST.fullmatch(params["ews_hostname"]):
            raise InvalidInput("ews_hostname", params["ews_hostname"], "a host name", "No scheme, no port, no path")
        wanted[titles.EWS_HOSTNAME] = params["ews_hostname"]
    if params["locked_screen"]:
        wanted[titles.LOCKED_SCREEN] = params["locked_screen"]
    return wanted


def expected(params: t.Mapping[str, t.Any]) -> Expected:
    """What the related rules are judged by."""
    return Expected(
        region=params["region"] or "",
        customer_id=params["customer_id"] or "",
        registration=check_service("registration", params["registration"]) if params["registration"] else "",
        sta=params["sta"],
        rich_push=params["rich_push"],
    )


def targets(platforms: t.Sequence[t.Mapping[str, t.Any]]) -> list[Target]:
    """The platforms that are asked for, each with what its .mdx knows.

    :raises InvalidInput: none, or one named twice.
    :raises UnexpectedState: an .mdx that cannot be read.
    """
    names = [platform["name"] for platform in platforms]
    if not names or len(set(names)) < len(names):
        raise InvalidInput("platforms", names, "at least one platform, each once", "Correct the list")
    return [
        Target(platform["name"], enum_labels(platform["mdx_path"]), platform["mdx_path"])
        if platform["mdx_path"]
        else Target(platform["name"])
        for platform in platforms
    ]
