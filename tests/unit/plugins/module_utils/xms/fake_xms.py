# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A XenMobile Server in memory, behind the client's transport, that can be made to misbehave."""

from __future__ import annotations

import copy
import email
import json
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.https import Answer, AnswerLost, Body
from ansible_collections.pushops.securemail.plugins.module_utils.core.multipart import Multipart
from ansible_collections.pushops.securemail.plugins.module_utils.xms.client import XmsClient
from ansible_collections.pushops.securemail.plugins.module_utils.xms.logins import Login, local_user
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_groups import FakeGroups
from ansible_collections.pushops.securemail.tests.unit.plugins.module_utils.xms.fake_packages import policy, unpacked

URL = "https://xms.example.com:4443"
USER = "svc-pushops"
PASSWORD = 'canary-"xms"-password'
BEARER, SERVICE_KEY, CUSTOMER = "canary-bearer-token", "canary-service-key", "contoso"
BASE = "/xenmobile/api/v1"

Json = dict[str, t.Any]

DESIRED = {
    "Network access": "Tunneled to the internal network",
    "Push notifications": "true",
    "Push notifications region": "EMEA",
    "Push notifications customer ID": "contoso-7Q2M4",
}
APPLIED = {
    "Network access": "na-2",
    "Push notifications": "true",
    "Push notifications region": "euw1",
    "Push notifications customer ID": "contoso-7Q2M4",
}


def push_policies() -> list[Json]:
    return [
        policy("NetAccess", "Network access", "na-0", "enum"),
        policy("Offline", "Maximum offline period (hours)", "72", "integer"),
        policy("Pn", "Push notifications", "false", "boolean"),
        policy("PnRegion", "Push notifications region", "use1", "enum"),
        policy("PnCustomer", "Push notifications customer ID", ""),
    ]


def app(identifier: int, name: str, app_type: str = "MDX", **platforms: Json | None) -> Json:
    return {"id": identifier, "name": name, "appType": app_type, "roles": ["AllUsers"], **platforms}


def platform(policies: list[Json]) -> Json:
    return {
        "displayName": "Mail",
        "description": "Mail of Contoso",
        "removeWithMdm": False,
        "preventBackup": True,
        "minOsVersion": "9.0",
        "maxOsVersion": None,
        "excludedDevices": "iPad1",
        "appVersion": "10.8.65",
        "store": {"rating": {}, "faqs": [{"question": "q", "answer": "a"}], "storeSettings": {"rate": False}},
        "policies": policies,
    }


class FakeXms:
    """A transport. ``answers`` maps the number of a request (from 0, the login is one) to what it gets instead."""

    def __init__(self, *apps: Json) -> None:
        self.apps = list(apps) or [
            app(2, "Secure Web", ios=platform([])),
            app(4, "Secure Mail", ios=platform(push_policies()), android=platform(push_policies())),
        ]
        self.answers: dict[int, tuple[int, str] | tuple[int, str, str] | Exception] = {}
        #: Numbers of requests that break off, and of those that are carried out before their answer is lost.
        self.cut_off: set[int] = set()
        self.answer_lost: set[int] = set()
        self.requests: list[tuple[str, str, Json]] = []
        self.tokens: set[str] = set()
        self.logins = 0
        self.pauses: list[float] = []
        self.root_key = "container"
        self.takes_policies = True
        self.ignores_paging = False
        self.resets = False
        self.drops_groups: set[str] = set()
        self.groups = FakeGroups("AllUsers", "Sales & Service")

    def client(self, password: str = PASSWORD, login: Login | None = None) -> XmsClient:
        return XmsClient(URL, login or local_user(USER, password), self, pause=self.pauses.append)

    @property
    def lines(self) -> list[str]:
        """The requests, each as ``METHOD path``."""
        return [f"{method} {path}" for method, path, _body in self.requests]

    def policies(self, identifier: int = 4, name: str = "ios") -> dict[str, str]:
        (found,) = [one for one in self.apps if one["id"] == identifier]
        return {item["title"]: item["policyValue"] for item in found[name]["policies"]}

    def send(self, method: str, url: str, headers: dict[str, str], body: Body) -> Answer:
        assert url.startswith(URL + BASE), url
        path = url.removeprefix(URL + BASE)
        number = len(self.requests)
        if number in self.cut_off:
            self.requests.append((method, path, {}))
            if isinstance(body, Multipart):
                next(iter(body))
            raise AnswerLost(f"{method} {url} brought no answer: reset", "Check the address")
        given = self._received(body) if isinstance(body, Multipart) else json.loads(body or "{}")
        self.requests.append((method, path, given))
        planned = self.answers.get(number)
        if isinstance(planned, Exception):
            raise planned
        if planned is not None:
            return Answer(*planned)
        code, document = self._answer(method, path, headers, given)
        if number in self.answer_lost:
            raise AnswerLost(f"{method} {url} brought no answer: timed out", "Check the address")
        return Answer(code, json.dumps(document))

    @staticmethod
    def _received(body: Multipart) -> Json:
        """What an upload brings: ``appInfo``, and the file."""
        content = b"".join(body)
        assert len(content) == len(body)
        message = email.message_from_bytes(f"Content-Type: {body.content_type}\r\n\r\n".encode() + content)
        parts = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
        assert set(parts) == {"appInfo", "uploadFile"}
        return {
            "info": json.loads(parts["appInfo"].get_payload()),
            "file": parts["uploadFile"].get_payload(decode=True),
        }

    def _answer(self, method: str, path: str, headers: dict[str, str], body: Json) -> tuple[int, Json]:
        if path.startswith("/authentication/") and path != "/authentication/logout":
            return self._open(path, headers, body)
        if headers.get("Auth_token") not in self.tokens:
            return 401, {"status": 1, "message": "session expired"}
        if path == "/authentication/logout":
            self.tokens.remove(headers["Auth_token"])
            return 200, {"Status": "user svc-pushops logged out successfully."}
        if path == "/application/filter":
            return 200, {"status": 0, "message": "Success", "applicationListData": self._list(body)}
        if path.startswith("/deliverygroups"):
            return self.groups.answer(method, path, body, self.apps)
        if method == "POST":
            return self._upload(path, body)
        *_head, last = path.split("/")
        found = [one for one in self.apps if str(one["id"]) == last]
        if not found:
            return 400, {"status": 1, "message": f"There is no app {last}"}
        if method == "DELETE":
            self.apps.remove(found[0])
            return 200, {"status": 0, "message": "Operation completed successfully"}
        if method == "PUT":
            self._update(found[0][path.split("/")[-2]], body)
        return 200, {"status": 0, "message": "Success", self.root_key: found[0]}

    def _open(self, path: str, headers: dict[str, str], body: Json) -> tuple[int, Json]:
        accepted = {
            "/authentication/login": body == {"login": USER, "password": PASSWORD},
            "/authentication/login/cloud": body == {"bearerToken": BEARER},
            "/authentication/cwclogin": body == {"context": "customer", "customerId": CUSTOMER}
            and headers.get("Authorization") == f"CWSAuth service={SERVICE_KEY}",
        }
        if not accepted[path]:
            said = " ".join([*body.values(), headers.get("Authorization", "")])
            return 401, {"status": 1, "message": f"no login with {said}"}
        self.logins += 1
        token = f"canary-token-{self.logins}:half"
        self.tokens.add(token)
        return 200, {"auth_token": token}

    def _upload(self, path: str, body: Json) -> tuple[int, Json]:
        """Take a file as one that states name, groups and all else anew; what is left out is gone."""
        name, _slash, last = path.removeprefix("/application/mobile/mdx/").partition("/")
        version, policies = unpacked(body["file"])
        if last:
            (found,) = [one for one in self.apps if str(one["id"]) == last]
        else:
            found = app(max(one["id"] for one in self.apps) + 1, body["info"]["name"])
            self.apps.append(found)
        info = body["info"]
        found |= {
            "name": info["name"],
            "description": info["description"],
            "categories": info["category"],
            "roles": [name for name in info["deliveryGroups"] if name not in self.drops_groups],
            "schedule": info.get("deploymentSchedule"),
            "workflow": info["workflowTemplateName"] or None,
        }
        values = (
            {}
            if self.resets or not found.get(name)
            else {item["policyName"]: item["policyValue"] for item in found[name]["policies"]}
        )
        policies = [{**item, "policyValue": values.get(item["policyName"], item["policyValue"])} for item in policies]
        found[name] = {**(found.get(name) or platform([])), "appVersion": version, "policies": policies}
        return 200, {"status": 0, "message": f"Operation completed successfully. Container Id: {found['id']}"}

    def _list(self, body: Json) -> Json:
        found = [{"id": one["id"], "name": one["name"], "appType": one["appType"]} for one in self.apps]
        found = [one for one in found if body["search"] in one["name"]]
        shown = found if self.ignores_paging else found[body["start"] : body["start"] + body["limit"]]
        return {"totalMatchCount": len(found), "totalCount": len(self.apps), "appList": shown}

    def _update(self, details: Json, body: Json) -> None:
        """Like a server that takes the request for the whole truth: what it leaves out is reset."""
        kept = ("displayName", "description", "removeWithMdm", "preventBackup", "minOsVersion", "excludedDevices")
        details.update({name: body.get(name) for name in kept})
        details["store"].update({name: body["store"].get(name) for name in ("faqs", "storeSettings")})
        if self.takes_policies:
            sent = {item["policyName"]: item for item in body["policies"]}
            details["policies"] = [copy.deepcopy(sent.get(item["policyName"], item)) for item in details["policies"]]
