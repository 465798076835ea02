# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's XenMobile Server alone, and a plain HTTP client of its API."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import socket
import typing as t

import httpx

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab.lab import Lab, create
from securemail_lab.pki import Authority
from securemail_lab.state import JsonFile, write_atomically
from securemail_lab.xms.seed import LOGIN, seed

PASSWORD = "canary-xms-password"
Json = dict[str, t.Any]


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def installed(path: pathlib.Path) -> Lab:
    """A freshly installed server; nothing runs."""
    folder = create(path, "loopback", unprivileged=True).directory
    with JsonFile(folder / "lab.json").edit() as plan:
        for service in ("xms", "xms-device"):
            plan["ports"][service] = _free_port(plan["addresses"]["xms"][0])
    write_atomically(folder / "secrets.json", json.dumps({"xms": PASSWORD}).encode())
    lab = Lab(folder)
    Authority(lab).issue_server("xms")
    seed(lab)
    return lab


class Api:
    """A client of the public API that knows nothing but the document."""

    def __init__(self, lab: Lab) -> None:
        base = f"https://{lab.address('xms')}:{lab.port('xms')}/xenmobile/api/v1"
        self.http = httpx.Client(base_url=base, verify=lab.client_tls(), timeout=5)

    def post(self, path: str, body: t.Any = None) -> httpx.Response:
        return self.http.post(path, json=body)

    def log_in(self, password: str = PASSWORD, login: str = LOGIN) -> httpx.Response:
        answer = self.post("/authentication/login", {"login": login, "password": password})
        if answer.status_code == 200:
            self.http.headers["Auth_token"] = answer.json()["auth_token"]
        return answer

    def app(self, identifier: int = 4) -> Json:
        answer = self.http.get(f"/application/mobile/{identifier}").json()
        assert answer["status"] == 0 and answer["message"] == "Success"
        shown: Json = answer["container"]
        return shown

    def put(self, policies: t.Any, path: str = "/application/mobile/mdx/ios/4", **fields: t.Any) -> httpx.Response:
        return self.http.put(path, json={"appVersion": "", "policies": policies, **fields})

    def upload(self, path: str, package: t.Any, **info: t.Any) -> httpx.Response:
        """Upload a package.

        :param package: its content, or a file to read from.
        """
        parts = {"appInfo": (None, json.dumps(info)), "uploadFile": ("app.mdx", package, "application/octet-stream")}
        return self.http.post(path, files=parts)


@dataclasses.dataclass(frozen=True)
class Xms:
    """A running server, and a client of it."""

    lab: Lab
    api: Api

    def file(self, name: str) -> JsonFile:
        return JsonFile(self.lab.state("xms") / f"{name}.json")

    def set(self, **settings: t.Any) -> None:
        """Settings of ``server.json``."""
        with self.file("server").edit() as document:
            document |= settings

    def give_role(self, role: str) -> None:
        with self.file("users").edit() as document:
            document["users"][LOGIN]["role"] = role

    def check_in(self, user: str = "alex@contoso.com", **query: str) -> list[Json]:
        """What the server hands to a device."""
        url = f"https://{self.lab.address('xms')}:{self.lab.port('xms-device')}/device/apps"
        answer = httpx.get(url, params={"user": user, **query}, verify=self.lab.client_tls())
        found: list[Json] = answer.raise_for_status().json()
        return found


@contextlib.contextmanager
def running(folder: pathlib.Path) -> t.Iterator[Xms]:
    """A freshly installed server, whose client has logged in."""
    lab = installed(folder)
    with loopback.Running(lab, "xms"):
        api = Api(lab)
        with api.http:
            assert api.log_in().status_code == 200
            yield Xms(lab, api)
