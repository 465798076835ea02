# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's XenMobile Server alone, and a plain HTTP client of its API."""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t

import httpx

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
