# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's WinRM service as clients that nobody here wrote see it: pywinrm and pypsrp over loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pathlib
import socket
import ssl
import threading
import typing as t

import pypsrp.exceptions
import pytest
import requests
import spnego
import winrm.exceptions
from aiohttp import web
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from winrm.protocol import Protocol

from securemail_lab import pki
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.registry import Registry
from securemail_lab.exchange.winrm import application
from securemail_lab.lab import create

USER, PASSWORD = "CONTOSO\\svc-pushops", "correct horse"
PLAIN = {"basic": True, "allow_unencrypted": True}
SHELL_NOT_FOUND, TIMED_OUT, TOO_MANY_SHELLS, TOO_MANY_COMMANDS = 2150858843, 2150858793, 2150859173, 2150859241
TOO_MANY_OPERATIONS = 0x803381A6


@contextlib.contextmanager
def _serving(machine: Machine, tls: ssl.SSLContext | None = None) -> t.Iterator[int]:
    """The service in a thread of its own; yields its port on 127.0.0.1."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application(machine, {USER: PASSWORD}), access_log=None, shutdown_timeout=1.0)

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        return int(runner.addresses[0][1])

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    machine = Machine("exch01", tmp_path / "exch01")
    machine.path(r"C:\Windows\Temp").mkdir(parents=True)
    return machine


@pytest.fixture
def port(machine: Machine) -> t.Iterator[int]:
    with _serving(machine) as port:
        yield port


def _settings(machine: Machine, **settings: t.Any) -> None:
    (machine.state / "winrm.json").write_text(json.dumps(settings))


def _pywinrm(port: int, transport: str, user: str = USER, password: str = PASSWORD, **options: t.Any) -> Protocol:
    url = f"http://127.0.0.1:{port}/wsman"
    timeouts = {"read_timeout_sec": 10, "operation_timeout_sec": 5}
    return Protocol(url, transport, user, password, proxy=None, **timeouts | options)


def _pypsrp(port: int, auth: str, encryption: str, **options: t.Any) -> WSMan:
    defaults = {"username": USER, "password": PASSWORD, "ssl": False, "no_proxy": True, "operation_timeout": 5}
    return WSMan("127.0.0.1", port=port, auth=auth, encryption=encryption, **defaults | options)


def _run(client: Protocol, command: str, arguments: tuple[str, ...] = (), **shell: t.Any) -> tuple[bytes, bytes, int]:
    shell_id = client.open_shell(**{"codepage": 65001, **shell})
    try:
        command_id = client.run_command(shell_id, command, arguments)
        result = client.get_command_output(shell_id, command_id)
        client.cleanup_command(shell_id, command_id)
    finally:
        client.close_shell(shell_id)
    return result


# --- who may ask, and how


@pytest.mark.parametrize("user", [USER, "svc-pushops", "svc-pushops@CONTOSO", "contoso\\SVC-PUSHOPS"])
def test_ntlm_with_message_encryption(port: int, user: str) -> None:
    assert _run(_pywinrm(port, "ntlm", user, message_encryption="always"), "hostname") == (b"EXCH01\r\n", b"", 0)


@pytest.mark.parametrize("user", [USER, "svc-pushops", "svc-pushops@contoso"])
def test_basic_where_unencrypted_traffic_is_allowed(machine: Machine, port: int, user: str) -> None:
    _settings(machine, **PLAIN)
    assert _run(_pywinrm(port, "basic", user), "hostname") == (b"EXCH01\r\n", b"", 0)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
@pytest.mark.parametrize(
    ("user", "password"), [(USER, "wrong"), ("CONTOSO\\nobody", PASSWORD), ("OTHER\\svc-pushops", PASSWORD)]
)
def test_wrong_credentials_are_401(machine: Machine, port: int, transport: str, user: str, password: str) -> None:
    _settings(machine, **PLAIN)
    with pytest.raises(winrm.exceptions.InvalidCredentialsError):
        _run(_pywinrm(port, transport, user, password), "hostname")


def test_the_challenge_names_both_schemes(machine: Machine, port: int) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/wsman", timeout=5)
    assert answer.status_code == 401
    assert answer.raw.headers.getlist("WWW-Authenticate") == ["Negotiate", 'Basic realm="WSMAN"']
    _settings(machine, basic=False)
    answer = requests.post(f"http://127.0.0.1:{port}/wsman", timeout=5)
    assert answer.raw.headers.getlist("WWW-Authenticate") == ["Negotiate"]


def test_plain_messages_are_refused_by_default(port: int) -> None:
    with pytest.raises(winrm.exceptions.WinRMTransportError, match="Code 500"):
        _run(_pywinrm(port, "ntlm", message_encryption="never"), "hostname")
    with pytest.raises(winrm.exceptions.InvalidCredentialsError):
        _run(_pywinrm(port, "basic"), "hostname")


def test_a_connection_proves_itself_only(port: int) -> None:
    with requests.Session() as session:
        client = _pywinrm(port, "ntlm")
        shell_id = client.open_shell()
        stranger = session.post(f"http://127.0.0.1:{port}/wsman", data=b"<x/>", timeout=5)
        assert stranger.status_code == 401
        client.close_shell(shell_id)


def test_half_an_exchange_proves_nothing(machine: Machine, port: int) -> None:
    _settings(machine, **PLAIN)
    url = f"http://127.0.0.1:{port}/wsman"
    client = spnego.client(USER, PASSWORD, protocol="ntlm")
    token = base64.b64encode(client.step() or b"").decode()
    with requests.Session() as session:
        challenge = session.post(url, headers={"Authorization": f"Negotiate {token}"}, timeout=5)
        assert (challenge.status_code, challenge.headers["WWW-Authenticate"][:22]) == (401, "Negotiate TlRMTVNTUAAC")
        assert session.post(url, data=b"<x/>", timeout=5).status_code == 401
        for answer in (token[:-4], "bm90IE5UTE0=", "!"):
            refused = session.post(url, headers={"Authorization": f"Negotiate {answer}"}, data=b"<x/>", timeout=5)
            assert refused.status_code == 401
            assert session.post(url, data=b"<x/>", timeout=5).status_code == 401


def test_a_failed_exchange_ends_what_the_connection_had_proved(machine: Machine, port: int) -> None:
    _settings(machine, **PLAIN)
    client = spnego.client(USER, PASSWORD, protocol="ntlm")
    with requests.Session() as session:

        def post(token: bytes | None = None, raw: str = "") -> requests.Response:
            raw = base64.b64encode(token).decode() if token else raw
            headers = {"Authorization": f"Negotiate {raw}"} if raw else {}
            return session.post(f"http://127.0.0.1:{port}/wsman", headers=headers, data=b"<x/>", timeout=5)

        challenge = post(client.step()).headers["WWW-Authenticate"].partition(" ")[2]
        assert post(client.step(base64.b64decode(challenge))).status_code == 400
        assert post().status_code == 400
        assert post(raw="!").status_code == 401
        assert post().status_code == 401


def test_basic_and_ntlm_over_tls(machine: Machine, tmp_path: pathlib.Path) -> None:
    lab = create(tmp_path / "lab", "loopback", unprivileged=True)
    pki.Authority(lab).issue_server("exch01")
    trust = {"ca_trust_path": str(lab.ca_path), "server_cert_validation": "validate"}
    with _serving(machine, lab.server_tls("exch01")) as port:
        for transport in ("basic", "ntlm"):
            client = Protocol(
                f"https://exch01.corp.contoso.com:{port}/wsman", transport, USER, PASSWORD, proxy=None, **trust
            )
            with _resolved_to_loopback():
                assert _run(client, "hostname")[0] == b"EXCH01\r\n"


@contextlib.contextmanager
def _resolved_to_loopback() -> t.Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr("urllib3.util.connection.socket.getaddrinfo", _loopback)
    try:
        yield
    finally:
        patch.undo()


def _loopback(host: str, port: int, *arguments: t.Any) -> list[t.Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


# --- pypsrp


@pytest.mark.parametrize(("auth", "encryption"), [("basic", "never"), ("negotiate", "always"), ("ntlm", "always")])
def test_pypsrp_runs_processes(machine: Machine, port: int, auth: str, encryption: str) -> None:
    _settings(machine, **PLAIN)
    with _pypsrp(port, auth, encryption) as wsman, WinRS(wsman, codepage=65001) as shell:
        process = Process(shell, "reg", ["query", '"HKLM\\No Such Key"'])
        process.invoke()
        process.signal(SignalCode.TERMINATE)
        assert (process.rc, process.stdout) == (1, b"")
        assert process.stderr.startswith(b"ERROR: The system was unable to find")


def test_pypsrp_sends_standard_input(port: int) -> None:
    with _pypsrp(port, "negotiate", "always") as wsman, WinRS(wsman, codepage=65001) as shell:
        process = Process(shell, "more", [">", r"C:\Windows\Temp\in.txt", "&", "type", r"C:\Windows\Temp\in.txt"])
        process.begin_invoke()
        process.poll_invoke(timeout=1)
        assert process.rc is None
        process.send(b"first\r\n", end=False)
        process.send(b"second", end=True)
        process.end_invoke()
        assert (process.rc, process.stdout) == (0, b"first\r\nsecond\r\n")


def test_ctrl_c_ends_a_command_that_waits(port: int) -> None:
    with _pypsrp(port, "negotiate", "always") as wsman, WinRS(wsman) as shell:
        process = Process(shell, "more")
        process.begin_invoke()
        process.signal(SignalCode.CTRL_C)
        process.end_invoke()
        assert process.rc == 0xC000013A


# --- command lines as they arrive


@pytest.mark.parametrize(
    ("command", "stdout"),
    [
        (r'echo "C:\Program Files\x\\" %COMPUTERNAME% ^& ^^', b'"C:\\Program Files\\x\\\\" EXCH01 & ^\r\n'),
        ("echo 100%", b"100%\r\n"),
        (
            "echo <\N{LATIN SMALL LETTER U WITH DIAERESIS}>".replace("<", "^<").replace(">", "^>"),
            "<\u00fc>\r\n".encode(),
        ),
        (
            'reg add "HKLM\\SOFTWARE\\A B" /v "C:\\dir\\\\" /d "^https://a\\.b$" /f',
            b"The operation completed successfully.\r\n",
        ),
    ],
)
def test_quoting(machine: Machine, port: int, command: str, stdout: bytes) -> None:
    assert _run(_pywinrm(port, "ntlm"), command) == (stdout, b"", 0)
    if command.startswith("reg"):
        assert Registry(machine).get(r"HKLM\SOFTWARE\A B", "C:\\dir\\") == ("REG_SZ", r"^https://a\.b$")


def test_command_and_arguments_are_joined_by_blanks(port: int) -> None:
    assert _run(_pywinrm(port, "ntlm"), "echo", ("a", "&", "echo", '"b'))[0] == b'a \r\n"b\r\n'


def test_the_shells_codepage_directory_and_variables(port: int) -> None:
    client = _pywinrm(port, "ntlm")
    shell: dict[str, t.Any] = {"codepage": 437, "working_directory": r"C:\Windows\Temp", "env_vars": {"PUSH": "yes"}}
    assert _run(client, "cd & echo %PUSH% \u00fc", **shell)[0] == b"C:\\Windows\\Temp\r\nyes \x81\r\n"


def test_large_output_comes_in_several_envelopes(machine: Machine, port: int) -> None:
    content = bytes(range(32, 127)) * 5000
    machine.path(r"C:\Windows\Temp\big").write_bytes(content)
    client, sizes = _pywinrm(port, "ntlm"), []
    send = client.transport.send_message

    def measured(message: str) -> bytes:
        answer: bytes = send(message)
        sizes.append(len(answer))
        return answer

    client.transport.send_message = measured
    path = r"C:\Windows\Temp\big"
    assert _run(client, f"type {path}& type {path} 1>&2") == (content, content, 0)
    assert max(sizes) <= client.max_env_sz
    assert len(sizes) < 15


# --- faults, quotas, counting


def _fault(error: pytest.ExceptionInfo[winrm.exceptions.WSManFaultError]) -> tuple[int | None, int | None]:
    return error.value.wsman_fault_code, error.value.wmierror_code


def test_a_deleted_shell_is_not_found(port: int) -> None:
    client = _pywinrm(port, "ntlm")
    shell_id = client.open_shell()
    client.close_shell(shell_id, close_session=False)
    with pytest.raises(winrm.exceptions.WSManFaultError) as error:
        client.run_command(shell_id, "hostname")
    assert _fault(error) == (SHELL_NOT_FOUND, None)


def test_a_receive_that_waits_too_long_times_out(port: int) -> None:
    client = _pywinrm(port, "ntlm", operation_timeout_sec=1, read_timeout_sec=5)
    shell_id = client.open_shell()
    command_id = client.run_command(shell_id, "more")
    with pytest.raises(winrm.exceptions.WinRMOperationTimeoutError):
        client.get_command_output_raw(shell_id, command_id)
    client.send_command_input(shell_id, command_id, b"late", end=True)
    assert client.get_command_output(shell_id, command_id) == (b"late\r\n", b"", 0)


def test_quotas(machine: Machine, port: int) -> None:
    _settings(machine, quotas={"max_shells_per_user": 2, "max_processes_per_shell": 1})
    client = _pywinrm(port, "ntlm")
    shell_id = client.open_shell()
    client.run_command(shell_id, "more")
    with pytest.raises(winrm.exceptions.WSManFaultError) as error:
        client.run_command(shell_id, "hostname")
    assert _fault(error) == (TOO_MANY_COMMANDS, None)
    client.open_shell()
    with pytest.raises(winrm.exceptions.WSManFaultError) as error:
        client.open_shell()
    assert _fault(error) == (TOO_MANY_SHELLS, None)
    client.close_shell(shell_id, close_session=False)
    client.open_shell()


def test_only_a_new_shell_gives_operations_back(machine: Machine, port: int) -> None:
    _settings(machine, faults={"quota": 2})
    client = _pywinrm(port, "ntlm")
    shell_id = client.open_shell()
    for _turn in range(2):
        client.cleanup_command(shell_id, client.run_command(shell_id, "hostname"))
    with pytest.raises(winrm.exceptions.WSManFaultError) as error:
        client.run_command(shell_id, "hostname")
    assert _fault(error) == (None, TOO_MANY_OPERATIONS)
    client.close_shell(shell_id, close_session=False)
    client.run_command(client.open_shell(), "hostname")


def test_idle_shells_expire(machine: Machine, port: int) -> None:
    _settings(machine, quotas={"idle_timeout": 0.0})
    client = _pywinrm(port, "ntlm")
    shell_id = client.open_shell()
    with pytest.raises(winrm.exceptions.WSManFaultError) as error:
        client.run_command(shell_id, "hostname")
    assert _fault(error) == (SHELL_NOT_FOUND, None)


def test_the_powershell_resource_is_not_there(port: int) -> None:
    with _pypsrp(port, "negotiate", "always") as wsman, pytest.raises(pypsrp.exceptions.WSManFaultError) as error:
        WinRS(wsman, resource_uri="http://schemas.microsoft.com/powershell/Microsoft.PowerShell").open()
    assert error.value.code == 2150858752


def test_a_service_that_is_down_hangs_up(machine: Machine, port: int) -> None:
    _settings(machine, faults={"down": True})
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(f"http://127.0.0.1:{port}/wsman", timeout=5)


def test_garbage_is_400(machine: Machine, port: int) -> None:
    _settings(machine, **PLAIN)
    for body in (b"no xml", b"<x/>", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'):
        assert (
            requests.post(f"http://127.0.0.1:{port}/wsman", body, auth=(USER, PASSWORD), timeout=5).status_code == 400
        )


def test_requests_are_counted(machine: Machine, port: int) -> None:
    _settings(machine, **PLAIN)
    _run(_pywinrm(port, "basic"), "hostname")
    totals = json.loads((machine.state / "winrm-wire.jsonl").read_text())
    assert totals["requests"] == 5
    assert totals["bytes"] > 5000
    actions = ("Create", "Command", "Receive", "Signal", "Delete")
    assert {kind: one["requests"] for kind, one in totals["by_action"].items()} == dict.fromkeys(actions, 1)
    assert sum(one["bytes"] for one in totals["by_action"].values()) == totals["bytes"]


def test_requests_that_only_sign_in_are_counted_apart(machine: Machine, port: int) -> None:
    _run(_pywinrm(port, "ntlm"), "hostname")
    counted = json.loads((machine.state / "winrm-wire.jsonl").read_text())["by_action"]
    assert counted.pop("Authentication")["requests"] >= 2
    assert [one["requests"] for one in counted.values()] == [1] * 5


def test_passwords_are_kept_for_ntlm_alone_and_private(machine: Machine, port: int) -> None:
    assert (machine.state / "ntlm-users").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="colon") as error:
        application(machine, {USER: "with:colon"})
    assert "with:colon" not in str(error.value)
