# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's NetScaler, spoken to by curl: NITRO with sessions, objects and a configuration to save, and the tunnel."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import pathlib
import subprocess
import typing as t
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.pushops.securemail.tests.lab.tests import loopback
from securemail_lab.lab import USER, Lab
from securemail_lab.netscaler import console
from securemail_lab.netscaler.expressions import Connection, Malformed, compiled
from securemail_lab.netscaler.seed import COMMANDS, GROUP, LOGIN
from securemail_lab.netscaler.sessions import Sessions
from securemail_lab.netscaler.store import Store
from securemail_lab.state import JsonFile

PROJECT = pathlib.Path(__file__).resolve().parents[3]
Json = dict[str, t.Any]
POLICY = {"name": "push", "rule": "CLIENT.IP.DST.EQ(203.0.113.23) && CLIENT.TCP.DSTPORT.EQ(443)", "action": "ALLOW"}
BINDING = {"groupname": GROUP, "policy": "push", "priority": 90, "gotopriorityexpression": "END"}
BINDINGS = "aaagroup_authorizationpolicy_binding"


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> t.Iterator[Lab]:
    installed = loopback.make_lab(tmp_path / "lab")
    with loopback.Running(installed, "netscaler"):
        yield installed


class Curl:
    """An administrator with curl and a cookie jar."""

    def __init__(self, lab: Lab, folder: pathlib.Path) -> None:
        self.lab = lab
        self._jar = folder / "cookies"
        self._base = f"https://{lab.address('netscaler')}:{lab.port('https')}/nitro/v1/config/"

    def ask(self, method: str, path: str, body: t.Any = None, *words: str) -> tuple[int, Json]:
        """HTTP code and the JSON of the answer; ``{"page": ...}`` where it is none."""
        command = ["curl", "--silent", "--show-error", "--max-time", "10", "--cacert", str(self.lab.ca_path)]
        command += ["--cookie", str(self._jar), "--cookie-jar", str(self._jar), "--write-out", "\n%{http_code}"]
        command += ["--request", method, "--header", "Content-Type: application/json", *words]
        command += ["--data", json.dumps(body)] if body is not None else []
        done = subprocess.run([*command, self._base + path], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        text, _newline, code = done.stdout.rpartition("\n")
        try:
            return int(code), json.loads(text)
        except ValueError:
            return int(code), {"page": text}

    def log_in(self, password: str = "", login: str = LOGIN) -> tuple[int, Json]:
        credentials = {"username": login, "password": password or self.lab.secret("netscaler")}
        return self.ask("POST", "login", {"login": credentials})

    def add(self, resource: str, **fields: t.Any) -> tuple[int, Json]:
        return self.ask("POST", resource, {resource: fields})

    def get(self, path: str) -> t.Any:
        code, answer = self.ask("GET", path)
        assert (code, answer["errorcode"], answer["message"]) == (200, 0, "Done")
        return answer.get(path.partition("/")[0])


@pytest.fixture
def curl(lab: Lab, tmp_path: pathlib.Path) -> Curl:
    return Curl(lab, tmp_path)


@pytest.fixture
def session(curl: Curl) -> Curl:
    assert curl.log_in()[0] == 201
    return curl


def _everything(lab: Lab) -> None:
    """Let the service user give any command, as a superuser."""
    with JsonFile(lab.state("netscaler") / "users.json").edit() as users:
        users[LOGIN]["commands"] = ".*"


# --- sessions and command policies


def test_login_hands_out_a_session_and_a_cookie_and_logout_ends_it(curl: Curl) -> None:
    code, answer = curl.log_in()
    assert code == 201 and answer["errorcode"] == 0 and answer["sessionid"].startswith("##")
    assert curl.get("nsversion")["version"].startswith("NetScaler NS")
    assert curl.ask("POST", "logout", {"logout": {}})[0] == 201
    code, answer = curl.ask("GET", "nsversion")
    assert (code, answer["errorcode"]) == (401, 444)


def test_the_session_id_of_the_body_is_a_cookie_as_it_stands(curl: Curl) -> None:
    token = curl.log_in()[1]["sessionid"]
    for form in (token, urllib.parse.quote(token, safe="")):
        assert curl.ask("GET", "nsversion", None, "--cookie", f"NITRO_AUTH_TOKEN={form}")[0] == 200


def test_headers_sign_in_for_one_request(curl: Curl) -> None:
    words = ["--header", f"X-NITRO-USER: {LOGIN}", "--header", f"X-NITRO-PASS: {curl.lab.secret('netscaler')}"]
    assert curl.ask("GET", "nsversion", None, *words)[0] == 200
    assert curl.ask("GET", "nsversion")[1]["errorcode"] == 352
    assert curl.ask("GET", "nsversion", None, *words[:3], "X-NITRO-PASS: wrong")[1]["errorcode"] == 354


@pytest.mark.parametrize(("login", "password"), [(LOGIN, "wrong"), ("nobody", "wrong")])
def test_a_refused_login(curl: Curl, login: str, password: str) -> None:
    code, answer = curl.log_in(password, login)
    assert (code, answer["errorcode"], answer["message"]) == (401, 354, "Invalid username or password")


def test_a_session_ends_after_a_time_without_use(lab: Lab) -> None:
    clock = iter([0.0, 14.0, 14.0, 28.0, 28.0, 44.0])  # lab seconds: half an hour is a quarter of a minute
    sessions = Sessions(Store(lab), lambda: next(clock))
    token = sessions.open(LOGIN)
    assert sessions.use(token) == sessions.use(token) == LOGIN
    with pytest.raises(Exception, match="Session expired or killed"):
        sessions.use(token)


def test_a_command_policy_is_asked_before_anything_happens(session: Curl) -> None:
    for method, path, body in [
        ("POST", "authorizationpolicy", {"authorizationpolicy": POLICY}),
        ("DELETE", "authorizationpolicy/internal", None),
        ("POST", "nsacl", {"nsacl": {"aclname": "x", "aclaction": "DENY"}}),
        ("DELETE", f"{BINDINGS}/{GROUP}?args=policy:internal", None),
        ("POST", "nsconfig?action=clear", {"nsconfig": {}}),
        ("GET", "systemuser", None),
    ]:
        code, answer = session.ask(method, path, body)
        assert (code, answer["errorcode"]) == (403, 2138), path
    assert not Store(session.lab).changed


def test_the_documented_command_policy_is_the_one_that_works_here() -> None:
    documented = (PROJECT / "docs" / "netscaler.md").read_text(encoding="utf-8")
    (line,) = [line for line in documented.splitlines() if line.startswith("add system cmdPolicy")]
    assert line == f'add system cmdPolicy pushops ALLOW "{COMMANDS}"'.replace("\\", "\\\\")


# --- objects and bindings


def test_a_policy_is_added_changed_and_removed(lab: Lab, session: Curl) -> None:
    _everything(lab)
    assert session.add("authorizationpolicy", **POLICY)[0] == 201
    code, answer = session.add("authorizationpolicy", **POLICY)
    assert (code, answer["errorcode"], answer["message"]) == (409, 273, "Resource already exists [name, push]")
    (shown,) = session.get("authorizationpolicy/push")
    assert shown.items() >= POLICY.items()
    assert session.ask("PUT", "authorizationpolicy", {"authorizationpolicy": {**POLICY, "action": "DENY"}})[0] == 200
    assert session.get("authorizationpolicy/push")[0]["action"] == "DENY"
    assert session.ask("DELETE", "authorizationpolicy/push")[0] == 200
    code, answer = session.ask("GET", "authorizationpolicy/push")
    assert (code, answer["errorcode"], answer["message"]) == (404, 258, "No such resource [name, push]")


def test_a_name_is_decoded_twice(lab: Lab, session: Curl) -> None:
    _everything(lab)
    assert session.add("authorizationpolicy", **{**POLICY, "name": "a/b c"})[0] == 201
    assert session.get("authorizationpolicy/a%252Fb%2520c")[0]["name"] == "a/b c"
    assert session.ask("DELETE", "authorizationpolicy/a%252Fb%2520c")[0] == 200


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rule": ""}, 1095),
        ({"action": None}, 1095),
        ({"action": "MAYBE"}, 1097),
        ({"colour": "red"}, 1090),
        ({"rule": "CLIENT.IP.DST.EQ(300.1.1.1)"}, 1097),
        ({"rule": "REQ.IP.DESTIP == 1.2.3.4"}, 1097),
    ],
)
def test_a_policy_of_another_form_is_refused(lab: Lab, session: Curl, changed: Json, code: int) -> None:
    _everything(lab)
    status, answer = session.add("authorizationpolicy", **{**POLICY, **changed})
    assert (status, answer["errorcode"]) == (400, code)
    assert not Store(lab).changed


def test_a_policy_is_bound_shown_from_both_ends_and_unbound(lab: Lab, session: Curl) -> None:
    _everything(lab)
    code, answer = session.ask("PUT", BINDINGS, {BINDINGS: BINDING})
    assert (code, answer["message"]) == (404, "No such resource [policy, push]")
    session.add("authorizationpolicy", **POLICY)
    assert session.ask("PUT", BINDINGS, {BINDINGS: BINDING})[0] == 201
    shown = session.get(f"{BINDINGS}/{GROUP}")
    assert {(each["policy"], each["priority"]) for each in shown} == {
        ("no_admin", "50"),
        ("internal", "100"),
        ("push", "90"),
    }
    (other,) = session.get("authorizationpolicy_aaagroup_binding/push")
    assert (other["boundto"], other["priority"]) == (GROUP, "90")
    assert session.ask("PUT", BINDINGS, {BINDINGS: BINDING})[1]["errorcode"] == 273
    assert session.ask("PUT", BINDINGS, {BINDINGS: {**BINDING, "policy": "internal"}})[1]["errorcode"] == 273
    code, answer = session.ask("DELETE", "authorizationpolicy/push")
    assert (code, answer["errorcode"]) == (599, 315)
    assert session.ask("DELETE", f"{BINDINGS}/{GROUP}")[1]["errorcode"] == 1095
    assert session.ask("DELETE", f"{BINDINGS}/{GROUP}?args=policy:push")[0] == 200
    assert session.ask("DELETE", f"{BINDINGS}/{GROUP}?args=policy:push")[1]["errorcode"] == 258
    assert session.ask("GET", "authorizationpolicy_aaagroup_binding/nobody")[0] == 404


def test_nothing_has_no_key(session: Curl) -> None:
    assert session.get("nsacl") is None
    assert session.ask("GET", "vpnvserver_staserver_binding/vpn")[1].keys() == {"errorcode", "message", "severity"}


# --- ACLs


def test_an_acl_counts_once_it_is_applied(lab: Lab, session: Curl) -> None:
    _everything(lab)
    condition = {"destip": True, "destipop": "=", "destipval": "203.0.113.0-203.0.113.255"}
    assert session.add("nsacl", aclname="no", aclaction="DENY", priority=10, **condition)[0] == 201
    assert session.get("nsacl/no")[0]["kernelstate"] == "NOTAPPLIED" and Store(lab).kernel_acls == []
    assert session.ask("POST", "nsacls?action=apply", {"nsacls": {}})[0] == 200
    assert session.get("nsacl/no")[0]["kernelstate"] == "APPLIED"
    assert session.ask("PUT", "nsacl", {"nsacl": {"aclname": "no", "priority": 20}})[0] == 200
    assert session.get("nsacl/no")[0]["kernelstate"] == "RE-APPLY" and Store(lab).kernel_acls[0]["priority"] == 10
    assert session.ask("DELETE", "nsacl/no")[0] == 200 and len(Store(lab).kernel_acls) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"protocol": "TCP", "protocolnumber": 6}, 1092),
        ({"destport": True, "destportval": "443"}, 1093),
        ({"destipval": "1.2.3.4"}, 1093),
        ({"destip": True, "destipval": "1.2.3.4/24"}, 1097),
        ({"destip": True, "destipval": "1.2.3.9-1.2.3.4"}, 1097),
        ({"priority": 0}, 1097),
        ({"aclaction": "PERMIT"}, 1097),
    ],
)
def test_an_acl_of_another_form_is_refused(lab: Lab, session: Curl, fields: Json, code: int) -> None:
    _everything(lab)
    status, answer = session.add("nsacl", **{"aclname": "x", "aclaction": "DENY", **fields})
    assert (status, answer["errorcode"]) == (400, code) and session.get("nsacl") is None


# --- running and saved configuration


def test_what_was_not_saved_is_gone_after_a_reboot(lab: Lab, session: Curl) -> None:
    _everything(lab)
    assert session.get("nsconfig")["configchanged"] is False
    session.add("authorizationpolicy", **POLICY)
    assert session.get("nsconfig")["configchanged"] is True
    running, saved = session.get("nsrunningconfig")["response"], session.get("nssavedconfig")["textblob"]
    assert "add authorization policy push" in running and "push" not in saved
    console.reboot(lab)
    assert session.ask("GET", "authorizationpolicy/push")[0] == 404
    session.add("authorizationpolicy", **POLICY)
    assert session.ask("POST", "nsconfig?action=save", {"nsconfig": {}})[0] == 200
    console.reboot(lab)
    assert session.get("authorizationpolicy/push") and session.get("nsconfig")["configchanged"] is False


@pytest.mark.parametrize(
    ("fault", "code"), [({"down": True}, 503), ({"html": True}, 200), ({"errorcode": 1, "http": 500}, 500)]
)
def test_faults_are_switches(lab: Lab, session: Curl, fault: Json, code: int) -> None:
    JsonFile(lab.state("netscaler") / "faults.json").write({**fault, "times": 1, "only": "GET nsversion"})
    assert session.ask("GET", "nsconfig")[0] == 200
    status, answer = session.ask("GET", "nsversion")
    assert status == code and answer.get("errorcode") != 0
    assert session.ask("GET", "nsversion")[0] == 200


# --- expressions


@pytest.mark.parametrize(
    ("text", "address", "port", "expected"),
    [
        ("CLIENT.IP.DST.EQ(1.2.3.4)", "1.2.3.4", 443, True),
        ("CLIENT.IP.DST.EQ(1.2.3.4)", "1.2.3.5", 443, False),
        ("CLIENT.IP.DST.IN_SUBNET(1.2.3.0/24)", "1.2.3.255", 443, True),
        ("CLIENT.IP.DST.IN_SUBNET(1.2.3.0/24)", "1.2.4.0", 443, False),
        ("CLIENT.IPV6.DST.EQ(2001:db8::1)", "2001:db8::1", 443, True),
        ("CLIENT.IP.DST.EQ(1.2.3.4)", "2001:db8::1", 443, False),
        ("CLIENT.TCP.DSTPORT.BETWEEN(400,500)", "1.2.3.4", 443, True),
        ("CLIENT.TCP.DSTPORT.EQ(443).NOT", "1.2.3.4", 443, False),
        ("true || false && false", "1.2.3.4", 443, True),
        ("(true || false) && false", "1.2.3.4", 443, False),
        ("!(CLIENT.TCP.DSTPORT.EQ(80)) && ns_true", "1.2.3.4", 443, True),
    ],
)
def test_expressions(text: str, address: str, port: int, expected: bool) -> None:
    assert compiled(text)(Connection(ipaddress.ip_address(address), port)) is expected


@pytest.mark.parametrize(
    "text", ["", "(true", "true)", "true &&", "CLIENT.IP.DST", "CLIENT.IP.DST.EQ(1.2.3.0/24)", "&&"]
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(Malformed):
        compiled(text)


@given(st.text("()!&|truefalsCLIENT.PDSEQ0123, ", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert compiled(text)(Connection(ipaddress.ip_address("1.2.3.4"), 443)) in (True, False)


# --- the tunnel


def _tunnel(lab: Lab, *words: str, user: str = "") -> subprocess.CompletedProcess[str]:
    target = f"{lab.address('registration-emea')}:{lab.port('https')}"
    command = ["curl", "--silent", "--show-error", "--verbose", "--max-time", "5", "--cacert", str(lab.ca_path)]
    command += ["--proxy-cacert", str(lab.ca_path), "--proxy-user", user or f"{USER}:{lab.secret('mailbox')}"]
    command += ["--proxy", f"https://{lab.address('vpn')}:{lab.port('https')}", *words, f"https://{target}/v1/devices"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_the_tunnel_lets_through_what_is_authorized_and_nothing_else(lab: Lab, session: Curl) -> None:
    _everything(lab)
    address, port = lab.addresses("registration-emea")[0], lab.port("https")
    refused = _tunnel(lab)
    assert refused.returncode != 0 and f"no authorization policy allows {address}:{port}" in refused.stderr
    rule = f"CLIENT.IP.DST.EQ({address}) && CLIENT.TCP.DSTPORT.EQ({port})"
    session.add("authorizationpolicy", **{**POLICY, "rule": rule})
    assert "no authorization policy" in _tunnel(lab).stderr, "a policy that is not bound counts"
    session.ask("PUT", BINDINGS, {BINDINGS: BINDING})
    with loopback.Running(lab, "citrix"):
        passed = _tunnel(lab)
        assert passed.returncode == 0 and "405: Method Not Allowed" in passed.stdout


def test_the_tunnel_asks_who_comes(lab: Lab) -> None:
    assert "407" in _tunnel(lab, user=f"{USER}:wrong").stderr
