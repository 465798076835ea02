# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A XenMobile Server in memory, behind the client's transport, that can be made to misbehave."""

from __future__ import annotations

import copy
import io
import json
import typing as t
import zipfile
from xml.sax.saxutils import escape

from ansible_collections.pushops.securemail.plugins.module_utils.xms.client import XmsClient

URL = "https://xms.example.com:4443"
USER = "svc-pushops"
PASSWORD = 'canary-"xms"-password'
BASE = "/xenmobile/api/v1"

Json = dict[str, t.Any]
Answer = tuple[int, str]

#: Policy name -> label -> id, unlike each other on purpose.
LABELS = {
    "NetAccess": {"Unrestricted": "na-0", "Tunneled to the internal network": "na-2"},
    "PnRegion": {"Americas": "use1", "EMEA": "euw1", "APAC": "aps1"},
}
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


def policy(name: str, title: str, value: str, kind: str = "string") -> Json:
    return {
        "policyName": name,
        "policyValue": value,
        "policyType": kind,
        "policyCategory": "Application Settings",
        "title": title,
        "description": "",
        "units": "",
        "explanation": None,
        "fieldOfALaterVersion": {"kept": name},
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
        self.answers: dict[int, Answer | Exception] = {}
        self.requests: list[tuple[str, str, Json]] = []
        self.tokens: set[str] = set()
        self.logins = 0
        self.root_key = "container"
        self.takes_policies = True
        self.ignores_paging = False

    def client(self, password: str = PASSWORD) -> XmsClient:
        return XmsClient(URL, USER, password, self)

    @property
    def lines(self) -> list[str]:
        """The requests, each as ``METHOD path``."""
        return [f"{method} {path}" for method, path, _body in self.requests]

    def policies(self, identifier: int = 4, name: str = "ios") -> dict[str, str]:
        (found,) = [one for one in self.apps if one["id"] == identifier]
        return {item["title"]: item["policyValue"] for item in found[name]["policies"]}

    def send(self, method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
        assert url.startswith(URL + BASE), url
        path, given = url.removeprefix(URL + BASE), json.loads(body or "{}")
        number = len(self.requests)
        self.requests.append((method, path, given))
        planned = self.answers.get(number)
        if isinstance(planned, Exception):
            raise planned
        if planned is not None:
            return planned
        code, document = self._answer(method, path, headers, given)
        return code, json.dumps(document)

    def _answer(self, method: str, path: str, headers: dict[str, str], body: Json) -> tuple[int, Json]:
        if path == "/authentication/login":
            if (body["login"], body["password"]) != (USER, PASSWORD):
                return 401, {"status": 1, "message": f"no login with {body['password']}"}
            self.logins += 1
            token = f"canary-token-{self.logins}:half"
            self.tokens.add(token)
            return 200, {"auth_token": token}
        if headers.get("Auth_token") not in self.tokens:
            return 401, {"status": 1, "message": "session expired"}
        if path == "/authentication/logout":
            self.tokens.remove(headers["Auth_token"])
            return 200, {"Status": "user svc-pushops logged out successfully."}
        if path == "/application/filter":
            return 200, {"status": 0, "message": "Success", "applicationListData": self._list(body)}
        *_head, last = path.split("/")
        (found,) = [one for one in self.apps if str(one["id"]) == last]
        if method == "PUT":
            self._update(found[path.split("/")[-2]], body)
        return 200, {"status": 0, "message": "Success", self.root_key: found}

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


def mdx_bytes(labels: t.Mapping[str, t.Mapping[str, str]], metadata: bytes | None = None) -> bytes:
    """An .mdx whose metadata has these enumerations, or this metadata."""
    policies = "".join(
        f"<Policy><PolicyName> {escape(name)} </PolicyName><PolicyEnumValues>"
        + "".join(
            f"<PolicyEnumValue><PolicyEnumValueId>{escape(identifier)}</PolicyEnumValueId>"
            f'<PolicyEnumValueString res_id="x">{escape(label)}</PolicyEnumValueString></PolicyEnumValue>'
            for label, identifier in choices.items()
        )
        + "</PolicyEnumValues></Policy>"
        for name, choices in labels.items()
    )
    text = (
        f"<PolicyMetadata><Policies><Policy><PolicyName>Pn</PolicyName></Policy>{policies}</Policies></PolicyMetadata>"
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("policy_metadata.xml", text.encode() if metadata is None else metadata)
    return content.getvalue()
