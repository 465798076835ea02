# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as it stands after Secure Mail was uploaded: push is off, and nobody has told it a region or a customer."""

from __future__ import annotations

import typing as t

from ..lab import BUNDLE_ID, Lab
from ..state import JsonFile, write_atomically
from . import certificates, containers, groups, mdx, permissions
from .policies import SECURE_MAIL, SECURE_WEB, Policy
from .store import HOST, Json

LOGIN = "svc-pushops"
APP = "Secure Mail"
MDX = "SecureMail.mdx"
_VERSION = "10.8.65"
_UPLOADED = 1_512_086_400_000  # ms: 1 December 2017


def seed(lab: Lab) -> None:
    """Write the server's state, and the .mdx of Secure Mail for iOS, where there is none yet."""
    folder = lab.state(HOST)
    documents: dict[str, Json] = {
        "apps.json": {"apps": _apps()},
        "users.json": {
            "users": {LOGIN: {"secret": "xms", "role": "push-operator"}},
            "roles": {
                "push-operator": [permissions.API, permissions.APPS, permissions.DELIVERY_GROUPS],
                "administrator": [*permissions.EVERYTHING],
                "helpdesk": [],
            },
        },
        "server.json": {"generation": "2021", "properties": {}},
        "deliverygroups.json": {"groups": [groups.new(1, groups.EVERYBODY)]},
    }
    for name, document in documents.items():
        if not (folder / name).exists():
            JsonFile(folder / name).write(document)
    if not (folder / "certificates.json").exists():
        JsonFile(folder / "certificates.json").write({"certificates": [certificates.for_device_management()]})
    if not (folder / MDX).exists():
        write_atomically(folder / MDX, mdx.package(APP, BUNDLE_ID, _VERSION, SECURE_MAIL["ios"]))


def _apps() -> list[Json]:
    return [
        containers.new(1, "Secure Hub", "App Store App", _UPLOADED, iphone=_from_store(1, "Secure Hub")),
        containers.new(
            2,
            "Secure Web",
            "MDX",
            _UPLOADED,
            ios=_platform(2, "ios", "Secure Web", "com.contoso.secureweb", SECURE_WEB["ios"]),
        ),
        containers.new(
            3, "Site survey", "Enterprise", _UPLOADED, ios=_platform(3, "ios", "Site survey", "com.contoso.survey", ())
        ),
        containers.new(
            4,
            APP,
            "MDX",
            _UPLOADED,
            **{
                name: _platform(4 + number, name, APP, BUNDLE_ID, policies)
                for number, (name, policies) in enumerate(SECURE_MAIL.items())
            },
        ),
    ]


def _platform(identifier: int, name: str, app: str, bundle_id: str, policies: t.Sequence[Policy]) -> Json:
    uploaded = [policy.as_uploaded() for policy in policies]
    minimum = "9.0" if name == "ios" else "5.0"
    made = containers.new_platform(identifier, name, app, bundle_id, _VERSION, uploaded, minimum)
    made["description"] = f"{app} of Contoso"
    made["store"]["faqs"] = [{"question": "Who helps?", "answer": "helpdesk@contoso.com"}]
    return made


def _from_store(identifier: int, app: str) -> Json:
    return {
        **containers.new_platform(identifier, "iphone", app, "com.contoso.securehub", _VERSION, []),
        "checkForUpdate": True,
    }
