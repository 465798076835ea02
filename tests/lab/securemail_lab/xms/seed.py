# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server as it stands after Secure Mail was uploaded: push is off, and nobody has told it a region or a customer.

A container in ``apps.json`` has every field that the API shows (:mod:`.applications`), and what only the server knows:
``bundleId`` of a platform, and the ``enumValues`` of a policy.
"""

from __future__ import annotations

import typing as t

from ..lab import BUNDLE_ID, Lab
from ..state import JsonFile, write_atomically
from . import mdx
from .policies import SECURE_MAIL, SECURE_WEB, Policy
from .store import API_PERMISSION, HOST, Json

LOGIN = "svc-pushops"
APP = "Secure Mail"
MDX = "SecureMail.mdx"
_VERSION = "10.8.65"
_UPLOADED = 1_512_086_400_000  # ms: 1 December 2017
_MOBILE_PLATFORMS = ("ios", "android", "android_knox", "android_work", "windows", "windows_tab")


def seed(lab: Lab) -> None:
    """Write the server's state, and the .mdx of Secure Mail for iOS, where there is none yet."""
    folder = lab.state(HOST)
    documents: dict[str, Json] = {
        "apps.json": {"apps": _apps()},
        "users.json": {
            "users": {LOGIN: {"secret": "xms", "role": "push-operator"}},
            "roles": {"push-operator": [API_PERMISSION], "helpdesk": []},
        },
        "server.json": {"generation": "2021", "properties": {}},
    }
    for name, document in documents.items():
        if not (folder / name).exists():
            JsonFile(folder / name).write(document)
    if not (folder / MDX).exists():
        write_atomically(folder / MDX, mdx.package(APP, BUNDLE_ID, _VERSION, SECURE_MAIL["ios"]))


def _apps() -> list[Json]:
    return [
        _container(1, "Secure Hub tips", "Web Link"),
        _container(
            2,
            "Secure Web",
            "MDX",
            ios=_platform(2, "ios", "Secure Web", "com.contoso.secureweb", SECURE_WEB["ios"]),
        ),
        _container(
            3,
            "Site survey",
            "Enterprise",
            ios=_platform(3, "ios", "Site survey", "com.contoso.survey", ()),
        ),
        _container(
            4,
            APP,
            "MDX",
            **{
                name: _platform(4 + number, name, APP, BUNDLE_ID, policies)
                for number, (name, policies) in enumerate(SECURE_MAIL.items())
            },
        ),
    ]


def _container(identifier: int, name: str, app_type: str, **platforms: Json) -> Json:
    return {
        "id": identifier,
        "name": name,
        "description": "",
        "creationDate": _UPLOADED,
        "lastModificationDate": _UPLOADED,
        "disabled": False,
        "nbSuccess": 0,
        "nbFailure": 0,
        "nbPending": 0,
        "schedule": None,
        "permitAsRequired": True,
        "iconData": None,
        "appType": app_type,
        "categories": ["default"],
        "roles": ["AllUsers"],
        "workflow": None,
        "vppAccount": None,
        **{platform: platforms.get(platform) for platform in _MOBILE_PLATFORMS},
    }


def _platform(identifier: int, name: str, app: str, bundle_id: str, policies: t.Sequence[Policy]) -> Json:
    return {
        "displayName": app,
        "description": f"{app} of Contoso",
        "paid": False,
        "removeWithMdm": True,
        "preventBackup": True,
        "changeManagementState": True,
        "associateToDevice": False,
        "canAssociateToDevice": False,
        "appVersion": _VERSION,
        "minOsVersion": "9.0" if name == "ios" else "5.0",
        "maxOsVersion": "",
        "excludedDevices": "",
        "store": {
            "rating": {"rating": 0, "reviewerCount": 0},
            "screenshots": [],
            "faqs": [{"question": "Who helps?", "answer": "helpdesk@contoso.com"}],
            "storeSettings": {"rate": True, "review": True},
        },
        "policies": [policy.as_uploaded() for policy in policies],
        "avppParams": None,
        "avppTokenParams": None,
        "rules": None,
        "appType": f"mobile_{name}",
        "uuid": f"00000000-0000-4000-8000-{identifier:012d}",
        "id": identifier,
        "bundleId": bundle_id,
    }
