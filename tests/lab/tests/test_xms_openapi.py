# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/xms_openapi.yml, and what others make of it: a fuzzer and a generated client meet the lab; curl as well."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.pushops.securemail.tests.lab.tests import xms_api
from ansible_collections.pushops.securemail.tests.lab.tests.xms_api import PASSWORD, Xms
from securemail_lab.xms.seed import APP, LOGIN, MDX

ROOT = pathlib.Path(__file__).resolve().parents[3]
DESCRIPTION = ROOT / "docs" / "xms_openapi.yml"
TOOLS = ROOT / ".cache" / "openapi" / "bin"

needs_tools = pytest.mark.skipif(
    not (TOOLS / "schemathesis").exists(), reason="the tools of requirements/openapi.txt are not installed: make units"
)


@pytest.fixture
def xms(tmp_path: pathlib.Path) -> t.Iterator[Xms]:
    with xms_api.running(tmp_path / "lab") as made:
        made.give_role("administrator")
        made.set(properties={"xms.publicapi.static.timeout": "1000000"})  # the fuzzer logs in once
        yield made


def _run(*command: str | pathlib.Path, **options: t.Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, **options)


@needs_tools
def test_the_description_is_valid() -> None:
    done = _run(TOOLS / "openapi-spec-validator", DESCRIPTION)
    assert done.returncode == 0, done.stdout


#: Left out: the logout, which ends the one session, and the cloud's login of the other generation; the check that takes
#: each refusal for a lack, because the description cannot say which apps and delivery groups there are; the one that
#: compares ``Allow``, which no source describes.
_CONFIGURATION = """
base-url = "{url}"
tls-verify = "{ca}"
seed = 1
max-failures = 15
request-timeout = 10
color = false
[headers]
Auth_token = "{token}"
[generation]
deterministic = true
database = "none"
max-examples = 12
[phases.stateful]
enabled = false
[checks.positive_data_acceptance]
enabled = false
[checks.allow_header_conformance]
enabled = false
[[operations]]
include-operation-id = ["logout", "{other_login}"]
enabled = false
"""


@needs_tools
@pytest.mark.parametrize(("generation", "other_login"), [("2021", "loginServiceKey"), ("2016", "loginCloud")])
def test_a_fuzzer_finds_the_lab_as_the_description_says(
    xms: Xms, tmp_path: pathlib.Path, generation: str, other_login: str
) -> None:
    xms.set(generation=generation, cloud={"login": LOGIN, "secret": "xms", "customer": "contoso"})
    configuration = tmp_path / "schemathesis.toml"
    url, token = str(xms.api.http.base_url).rstrip("/"), xms.api.http.headers["Auth_token"]
    filled = _CONFIGURATION.format(url=url, ca=xms.lab.ca_path, token=token, other_login=other_login)
    configuration.write_text(filled)
    done = _run(TOOLS / "schemathesis", "--config-file", configuration, "run", DESCRIPTION, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_tools
def test_a_client_generated_from_the_description_does_the_work(xms: Xms, tmp_path: pathlib.Path) -> None:
    settings, client = tmp_path / "generator.yml", tmp_path / "client"
    settings.write_text("post_hooks: []\nliteral_enums: true\npackage_name_override: xms_client\n")
    command = ("generate", "--fail-on-warning", "--path", DESCRIPTION, "--output-path", client, "--config", settings)
    made = _run(TOOLS / "openapi-python-client", *command, cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    given = {
        "url": str(xms.api.http.base_url).rstrip("/"),
        "ca": str(xms.lab.ca_path),
        "login": LOGIN,
        "password": PASSWORD,
        "package": str(xms.lab.state("xms") / MDX),
    }
    program = pathlib.Path(__file__).with_name("xms_generated_client.py")
    environment = {"PYTHONPATH": str(client), "no_proxy": "*"}
    done = _run(TOOLS / "python", program, input=json.dumps(given), env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "uploaded": "Operation completed successfully. Container Id: 4",
        "roles": ["AllUsers"],
        "push": ["true"],
        "ended": f"user {LOGIN} logged out successfully.",
        "refused": 1,
    }
    assert [app["policies"]["Push notifications"]["value"] for app in xms.check_in() if app["name"] == APP] == ["true"]


def test_curl_does_the_work(xms: Xms, tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"

    def curl(method: str, path: str, *options: str, body: t.Any = None) -> t.Any:
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", str(xms.lab.ca_path)]
        command += ["--max-time", "20", "--request", method, *options]
        if body is not None:
            command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
        if token.exists():
            command += ["--header", f"@{token}"]
        done = _run(*command, f"{xms.api.http.base_url}{path}", input=json.dumps(body))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    session = curl("POST", "authentication/login", body={"login": LOGIN, "password": PASSWORD})
    token.write_text(f"Auth_token: {session['auth_token']}\n")
    listed = curl("POST", "application/filter", body={"search": APP})["applicationListData"]["appList"]
    identifier = listed[0]["id"]
    before = curl("GET", f"application/mobile/{identifier}")["container"]
    info = {"name": before["name"], "category": before["categories"], "deliveryGroups": before["roles"]}
    package = f"uploadFile=@{xms.lab.state('xms') / MDX};type=application/octet-stream"
    path = f"application/mobile/mdx/ios/{identifier}"
    uploaded = curl("POST", path, "--form-string", f"appInfo={json.dumps(info)}", "--form", package)
    assert uploaded["message"].endswith(f"Container Id: {identifier}")
    policies = [policy for policy in before["ios"]["policies"] if policy["title"] == "Push notifications"]
    changed = curl("PUT", path, body={"appVersion": "", "policies": [{**policies[0], "policyValue": "true"}]})
    assert changed["container"]["roles"] == ["AllUsers"]
    assert curl("POST", "authentication/logout", body={"login": LOGIN})["Status"].startswith(f"user {LOGIN}")
    assert curl("GET", f"application/mobile/{identifier}")["status"] != 0
    assert [app["policies"]["Push notifications"]["value"] for app in xms.check_in() if app["name"] == APP] == ["true"]
