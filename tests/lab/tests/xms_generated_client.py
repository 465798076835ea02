# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses the client that was generated from docs/xms_openapi.yml: log in, list, read, upload, set a policy, log out.

A program of its own, because the client lives in another environment. Reads JSON from standard input: url, ca, login,
password, package (a path); writes what it saw as JSON.
"""

from __future__ import annotations

import io
import json
import pathlib
import ssl
import sys
import typing as t

from xms_client import AuthenticatedClient, Client
from xms_client.api.apps import filter_apps, get_mobile_app, update_mdx, upload_mdx
from xms_client.api.session import login, logout
from xms_client.models.app_info import AppInfo
from xms_client.models.app_query import AppQuery
from xms_client.models.login import Login
from xms_client.models.logout_body import LogoutBody
from xms_client.models.platform_update import PlatformUpdate
from xms_client.models.upload_mdx_body import UploadMdxBody
from xms_client.types import File

_PUSH = "Push notifications"


def walk(given: dict[str, str]) -> dict[str, t.Any]:
    tls = ssl.create_default_context(cafile=given["ca"])
    public = Client(base_url=given["url"], verify_ssl=tls)
    session = login.sync(client=public, body=Login(given["login"], given["password"]))
    client = AuthenticatedClient(
        base_url=given["url"], token=session.auth_token, prefix="", auth_header_name="Auth_token", verify_ssl=tls
    )
    query = AppQuery(search="Secure Mail", filter_ids="['application.type.mdx']")
    (item,) = filter_apps.sync(client=client, body=query).application_list_data.app_list
    before = get_mobile_app.sync(item.id, client=client).container
    info = AppInfo(before.name, before.description, before.categories, before.roles)
    file = File(io.BytesIO(pathlib.Path(given["package"]).read_bytes()), "SecureMail.mdx", "application/octet-stream")
    uploaded = upload_mdx.sync("ios", item.id, client=client, body=UploadMdxBody(info, file))
    policies = [policy.to_dict() for policy in before.ios.policies if policy.title == _PUSH]
    body = PlatformUpdate.from_dict({"policies": [{**policies[0], "policyValue": "true"}]})
    changed = update_mdx.sync("ios", item.id, client=client, body=body)
    ended = logout.sync(client=client, body=LogoutBody(given["login"]))
    refused = filter_apps.sync(client=client, body=query)
    return {
        "uploaded": uploaded.message,
        "roles": changed.container.roles,
        "push": [policy.policy_value for policy in changed.container.ios.policies if policy.title == _PUSH],
        "ended": ended.status,
        "refused": refused.status,
    }


if __name__ == "__main__":
    print(json.dumps(walk(json.load(sys.stdin))))
