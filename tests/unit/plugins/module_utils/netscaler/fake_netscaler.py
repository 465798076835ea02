# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetScaler in memory, behind the client's transport, that can be made to misbehave."""

from __future__ import annotations

import copy
import json
import typing as t
import urllib.parse

from ansible_collections.pushops.securemail.plugins.module_utils.core.https import Answer
from ansible_collections.pushops.securemail.plugins.module_utils.netscaler.nitro import BASE_PATH, NitroClient

URL = "https://netscaler.example.com"
USER = "svc-pushops"
PASSWORD = 'canary-"netscaler"-password'
GROUP = "Users"

Json = dict[str, t.Any]
_KEYS = {"authorizationpolicy": "name", "nsacl": "aclname"}
_BINDING = "aaagroup_authorizationpolicy_binding"


class FakeNetScaler:
    """A transport. ``answers`` maps the number of a request (from 0, the login is one) to what it gets instead."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Json]] = {
            "aaagroup": [{"groupname": GROUP}, {"groupname": "Others"}],
            "vpnvserver": [{"name": "gw"}],
            "vpnglobal_staserver_binding": [{"staserver": "https://sta.example.com"}],
            "vpnparameter": [{"splittunnel": "OFF", "defaultauthorizationaction": "DENY"}],
            "nsversion": [{"version": "NetScaler NS13.1"}],
        }
        self.applied: list[Json] = []
        self.saved: dict[str, list[Json]] = copy.deepcopy(self.tables)
        self.answers: dict[int, tuple[int, str] | Exception] = {}
        self.lines: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.tokens: set[str] = set()
        self.logins = 0

    def client(
        self, password: str = PASSWORD, on_secret: t.Callable[[str], None] = lambda _secret: None
    ) -> NitroClient:
        return NitroClient(URL, USER, password, self, on_secret)

    def table(self, resource: str) -> list[Json]:
        return self.tables.setdefault(resource, [])

    def deny(self, name: str, rule: str, priority: int, action: str = "DENY") -> None:
        """A policy of somebody else, bound to the group."""
        self.table("authorizationpolicy").append({"name": name, "rule": rule, "action": action})
        self.table(_BINDING).append({"groupname": GROUP, "policy": name, "priority": str(priority)})

    def acl(self, name: str, action: str, priority: int, **fields: t.Any) -> None:
        self.table("nsacl").append({"aclname": name, "aclaction": action, "priority": str(priority), **fields})
        self.applied = copy.deepcopy(self.table("nsacl"))

    def save(self) -> None:
        self.saved = copy.deepcopy(self.tables)

    def foreign(self, name: str) -> dict[str, list[Json]]:
        """Everything that does not bear a name."""
        return {
            resource: kept
            for resource, rows in self.tables.items()
            if (kept := [row for row in rows if name not in json.dumps(row)])
        }

    def send(self, method: str, url: str, headers: dict[str, str], body: str | None) -> Answer:
        assert url.startswith(URL + BASE_PATH), url
        path = url.removeprefix(URL + BASE_PATH)
        number = len(self.lines)
        self.lines.append(f"{method} {path}")
        self.headers.append(headers)
        planned = self.answers.get(number)
        if isinstance(planned, Exception):
            raise planned
        if planned is not None:
            return Answer(*planned)
        code, document = self._answer(method, path, headers, json.loads(body or "{}"))
        return Answer(code, json.dumps({"errorcode": 0, "message": "Done", "severity": "NONE", **document}))

    def _answer(self, method: str, path: str, headers: dict[str, str], body: Json) -> tuple[int, Json]:
        if path == "login":
            if body["login"] != {"username": USER, "password": PASSWORD}:
                return 401, {"errorcode": 354, "message": f"no {body['login']['password']}"}
            self.logins += 1
            token = f"##canary-token-{self.logins}"
            self.tokens.add(token)
            return 201, {"sessionid": token}
        token = headers.get("Cookie", "").removeprefix("NITRO_AUTH_TOKEN=")
        if token not in self.tokens:
            return 401, {"errorcode": 444, "message": "Session expired or killed. Please login again"}
        if path == "logout":
            self.tokens.remove(token)
            return 201, {}
        target, _mark, query = path.partition("?")
        resource, _slash, name = target.partition("/")
        name = urllib.parse.unquote(urllib.parse.unquote(name))
        if method == "GET":
            return self._get(resource, name)
        return self._write(method, resource, name, urllib.parse.unquote(query), body.get(resource, {}))

    def _get(self, resource: str, name: str) -> tuple[int, Json]:
        if resource == "nsconfig":
            return 200, {resource: {"configchanged": _filled(self.tables) != _filled(self.saved)}}
        if resource == "nsrunningconfig":
            return 200, {resource: {"response": _text(self.tables)}}
        if resource == "nssavedconfig":
            return 200, {resource: {"textblob": _text(self.saved)}}
        if resource == "authorizationpolicy_aaagroup_binding":
            rows = [{"boundto": row["groupname"]} for row in self.tables.get(_BINDING, []) if row["policy"] == name]
        else:
            rows = [row for row in self.tables.get(resource, []) if name in ("", row.get("groupname"), row.get("name"))]
        if resource == "nsacl":
            rows = [{**row, "kernelstate": "APPLIED" if row in self.applied else "NOTAPPLIED"} for row in rows]
        return 200, {resource: rows} if rows else {}

    def _write(self, method: str, resource: str, name: str, query: str, fields: Json) -> tuple[int, Json]:
        if query == "action=apply":
            self.applied = copy.deepcopy(self.table("nsacl"))
        elif query == "action=save":
            self.save()
        elif resource == _BINDING:
            group = name or fields["groupname"]
            policy = query.partition("policy:")[2] or fields["policy"]
            rows = self.table(_BINDING)
            rows[:] = [row for row in rows if (row["groupname"], row["policy"]) != (group, policy)]
            if method == "PUT":
                assert all(row["priority"] != str(fields["priority"]) for row in rows if row["groupname"] == group)
                rows.append({**fields, "priority": str(fields["priority"])})
        else:
            rows, key = self.table(resource), _KEYS[resource]
            name = name or fields[key]
            present = [row for row in rows if row[key] == name]
            if method == "POST" and present:
                return 409, {"errorcode": 273, "message": "Resource already exists"}
            if method != "POST" and not present:
                return 404, {"errorcode": 258, "message": "No such resource"}
            if method == "DELETE":
                assert all(row["policy"] != name for row in self.table(_BINDING)), "it is bound"
            rows[:] = [row for row in rows if row[key] != name]
            if method != "DELETE":
                shown = {**fields, "priority": str(fields["priority"])} if "priority" in fields else fields
                rows.append(shown)
        return (201 if method != "DELETE" else 200), {}


def _filled(tables: dict[str, list[Json]]) -> dict[str, list[Json]]:
    return {resource: rows for resource, rows in tables.items() if rows}


def _text(tables: dict[str, list[Json]]) -> str:
    return "\n".join(
        [
            "set system user nsroot canary-hash -encrypted",
            *(json.dumps(row) for rows in tables.values() for row in rows),
        ]
    )
