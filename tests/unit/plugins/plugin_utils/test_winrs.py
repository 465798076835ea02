# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in Ansible's own shell: what is repeated, what is not, and what each failure is called."""

from __future__ import annotations

import binascii
import re
import types
import typing as t
import xml.etree.ElementTree as ET

import pytest
import requests.exceptions
from ansible import errors
from winrm import exceptions

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrm_errors import QUOTA_OPERATIONS, SHELL_NOT_FOUND
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import WinrsRunner

QUOTA_SHELLS, QUOTA_COMMANDS = 2150859173, 2150859241

Step = t.Any


def fault(wsman: int | None = None, wmi: int | None = None) -> Exception:
    problem: Exception = exceptions.WSManFaultError(
        500, "Bad HTTP response", "<xml/>", "a reason", wsman_fault_code=wsman, wmierror_code=wmi
    )
    return problem


class Connection:
    """Stands for ansible-core's winrm connection; ``start`` and ``receive`` are played step by step, then work."""

    transport = "winrm"

    def __init__(
        self,
        start: t.Iterable[Step] = (),
        receive: t.Iterable[Step] = (),
        cleanup: t.Iterable[Step] = (),
        connect: Step = None,
    ) -> None:
        self.start, self.receive, self.cleanup, self.connect = list(start), list(receive), list(cleanup), connect
        self.protocol: t.Any = None
        self.shell_id: str | None = None
        self.shells = 0
        self.calls: list[str] = []

    def _connect(self) -> None:
        if self.connect is not None:
            raise self.connect
        if self.protocol is None:
            self.shells += 1
            self.shell_id = f"shell-{self.shells}"
            self.protocol = types.SimpleNamespace(
                run_command=self._run,
                get_command_output_raw=self._get,
                cleanup_command=self._cleanup,
                close_shell=lambda shell, session=True: self._say(f"close {shell}"),
                transport=types.SimpleNamespace(close_session=lambda: self._say("hang up")),
            )

    def reset(self) -> None:
        self.protocol = None
        self._connect()

    def close(self) -> None:
        pytest.fail("Ansible closes its connection itself")

    def _say(self, call: str) -> None:
        self.calls.append(call)

    def _run(self, shell: str, line: str) -> str:
        self._say(f"run {shell} {line}")
        self._play(self.start)
        return "command"

    def _cleanup(self, shell: str, command: str) -> None:
        self._say(f"cleanup {shell}")
        self._play(self.cleanup)

    def _get(self, shell: str, command: str) -> tuple[bytes, bytes, int, bool]:
        step = self._play(self.receive)
        return (b"done", b"", 0, True) if step is None else step

    @staticmethod
    def _play(steps: list[Step]) -> Step:
        step = steps.pop(0) if steps else None
        if isinstance(step, Exception):
            raise step
        return step


def test_many_commands_share_one_shell_and_each_is_cleaned_up() -> None:
    connection = Connection()
    log: list[str] = []
    runner = WinrsRunner(connection, "exch01", log=log.append)
    assert [runner.run(line) for line in ("a", "b")] == [CommandResult(0, "done")] * 2
    assert connection.calls == ["run shell-1 a", "cleanup shell-1", "run shell-1 b", "cleanup shell-1"]
    assert log == ["a", "b"]


def test_reads_go_in_one_command_of_the_shell() -> None:
    connection = Connection(receive=[(b"", b"", 0, True)])
    assert WinrsRunner(connection, "exch01").read_all(["a", "b"]) == [CommandResult(0, "done")] * 2
    assert [call.partition(" shell-1")[0] for call in connection.calls] == ["run", "cleanup"] * 3
    assert re.fullmatch(r"run shell-1 \(a\) && \(echo (\w+)\+\) \|\| \(echo \1-\) & \(b\) && .*", connection.calls[0])


def test_output_arrives_in_pieces_and_characters_may_be_cut() -> None:
    text = "Grüße".encode()
    timeout = exceptions.WinRMOperationTimeoutError()
    receive = [(text[:3], b"e", -1, False), timeout, (text[3:], b"rr", -1073741515, True)]
    result = WinrsRunner(Connection(receive=receive), "exch01").run("a")
    assert result == CommandResult(0xC0000135, "Grüße", "err")


LOST_SESSION = [
    requests.exceptions.ConnectionError("reset by peer"),
    requests.exceptions.ReadTimeout("read timed out"),
    exceptions.WinRMTransportError("http", 503, "<html/>"),
    exceptions.WinRMTransportError("http", 500, ""),
    exceptions.InvalidCredentialsError("the specified credentials were rejected by the server"),
    exceptions.WinRMError("Encrypted length from server does not match"),
    ET.ParseError("no element found"),
    StopIteration(),
    AssertionError(),
    KeyError("Content-Type"),
    binascii.Error("Incorrect padding"),
]


def runner_of(connection: Connection) -> WinrsRunner:
    return WinrsRunner(connection, "exch01", wait=lambda seconds: None)


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("refused", [fault(wmi=QUOTA_OPERATIONS), fault(QUOTA_OPERATIONS), fault(SHELL_NOT_FOUND)])
def test_a_command_that_the_host_did_not_begin_is_begun_in_another_shell(refused: Exception, writes: bool) -> None:
    connection = Connection(start=[refused])
    assert runner_of(connection).run("a", writes=writes).rc == 0
    assert connection.calls == ["run shell-1 a", "close shell-1", "run shell-2 a", "cleanup shell-2"]

    connection = Connection(start=[refused] * 3)
    with pytest.raises((Refused, Unreachable), match="quota|shells while they are in use"):
        runner_of(connection).run("a", writes=writes)
    assert connection.shells == 3


@pytest.mark.parametrize("where", ["start", "receive"])
@pytest.mark.parametrize("lost", LOST_SESSION)
def test_a_read_is_repeated_in_a_new_session_and_the_old_shell_closed_from_there(lost: Exception, where: str) -> None:
    connection = Connection(**{where: [lost]})
    assert runner_of(connection).run("a").rc == 0
    assert connection.calls == ["run shell-1 a", "hang up", "close shell-1", "run shell-2 a", "cleanup shell-2"]

    connection = Connection(**{where: [lost] * 3})
    with pytest.raises(Unreachable, match="exch01"):
        runner_of(connection).run("a")
    assert connection.shells == 3


@pytest.mark.parametrize(
    ("where", "lost"),
    [
        *(("start", lost) for lost in LOST_SESSION),
        *(("receive", lost) for lost in LOST_SESSION),
        ("start", exceptions.WinRMOperationTimeoutError()),
        ("receive", fault(SHELL_NOT_FOUND)),
        ("receive", fault(wmi=QUOTA_OPERATIONS)),
        ("receive", fault(5)),
    ],
)
def test_a_write_that_may_have_begun_is_reported_and_not_repeated(where: str, lost: Exception) -> None:
    connection = Connection(**{where: [lost]})
    with pytest.raises(Unreachable, match="did not confirm a write, which may have been made.*Run again"):
        runner_of(connection).run("a", writes=True)
    assert connection.shells == 1


@pytest.mark.parametrize("writes", [True, False])
def test_a_session_that_ended_after_a_result_is_renewed_before_the_next_command(writes: bool) -> None:
    connection = Connection(cleanup=[requests.exceptions.ConnectionError("reset by peer")])
    runner = runner_of(connection)
    assert [runner.run(line, writes=writes).rc for line in "ab"] == [0, 0]
    assert connection.calls[1:] == ["cleanup shell-1", "hang up", "close shell-1", "run shell-2 b", "cleanup shell-2"]


def test_a_command_has_only_so_much_time() -> None:
    ticks = iter(range(0, 1000, 50))
    connection = Connection(receive=[exceptions.WinRMOperationTimeoutError()] * 10)
    with pytest.raises(Unreachable, match="120 s"):
        WinrsRunner(connection, "exch01", clock=lambda: float(next(ticks))).run("a")
    assert connection.calls[-1] == "cleanup shell-1"


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (exceptions.InvalidCredentialsError("credentials were rejected"), Unreachable, "ansible_password"),
        (exceptions.WinRMTransportError("http", 503, ""), Unreachable, "503.*web proxy"),
        (requests.exceptions.ConnectionError("refused"), Unreachable, "ansible_port"),
        (exceptions.WinRMOperationTimeoutError(), Unreachable, "operation timeout"),
        (StopIteration(), Unreachable, "no WinRM answer"),
        (fault(5), Refused, "Administrators"),
        (fault(QUOTA_SHELLS), Refused, "MaxShellsPerUser"),
        (fault(wmi=QUOTA_COMMANDS), Refused, "MaxProcessesPerShell"),
        (fault(12345), Refused, "a reason"),
    ],
)
def test_each_failure_has_a_name_and_a_remedy(problem: Exception, kind: type[PushOpsError], words: str) -> None:
    with pytest.raises(PushOpsError, match=words) as raised:
        runner_of(Connection(start=[problem] * 3)).run("a")
    assert raised.type is kind
    assert "exch01" in raised.value.what and raised.value.__suppress_context__


#: What Ansible's connection and its libraries say -> what the operator is told to look at.
SAID = [
    ("ntlm: the specified credentials were rejected by the server", "user name or password"),
    ("certificate: the specified credentials were rejected by the server", "no account for the client certificate"),
    ("ssl: HTTPSConnectionPool: Max retries exceeded", "ansible_host"),
    ("ssl: SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "ansible_winrm_ca_trust_path"),
    ("ssl: CERTIFICATE_VERIFY_FAILED: Hostname mismatch, certificate is not valid for 'x'", "for another name"),
    ("certificate: SSLError(1, '[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca')", "refused the client cert"),
    ("certificate: both cert_pem and cert_key_pem must be specified for cert auth", "ansible_winrm_cert_key_pem"),
    ("Kerberos auth failure for principal a@B: kinit: Password incorrect while getting", "realm in capitals"),
    ("kinit: Client 'a@B' not found in Kerberos database while getting initial credentials", "realm in capitals"),
    ('kinit: Cannot find KDC for realm "B" while getting initial credentials', "krb5.conf"),
    ("kinit: Clock skew too great while getting initial credentials", "time service"),
    ("kerberos: authGSSClientStep() failed: (('Unspecified', 851968), ('Ticket expired', 1))", "kinit"),
    ("('Server HTTP/x@B not found in Kerberos database', -1765328377)", "kerberos_hostname_override"),
    ("Kerberos auth failure when calling kinit cmd 'kinit': No such file", r"pywinrm\[kerberos\]"),
    ("credssp: requests auth method is credssp, but requests-credssp is not installed", r"pywinrm\[credssp\]"),
    ("credssp: Received error status from the server: (3221225581) STATUS 0xc000006d", "user name or password"),
    ("credssp: The server did not response CredSSP being an available authentication method", 'CredSSP="true"'),
]


@pytest.mark.parametrize(("said", "told"), SAID)
def test_a_connection_that_fails_is_named_too(said: str, told: str) -> None:
    with pytest.raises(Unreachable, match=f"exch01.*{told}") as raised:
        WinrsRunner(Connection(connect=errors.AnsibleConnectionFailure(said)), "exch01").run("a")
    assert raised.value.what and raised.value.remedy and "{" not in raised.value.what


@pytest.mark.parametrize(("code", "told"), [(QUOTA_SHELLS, "quota"), (5, "denied access")])
def test_a_fault_while_connecting_is_named_by_its_code(code: int, told: str) -> None:
    said = f"ntlm: a reason (extended fault data: {{'http_status_code': 500, 'wsmanfault_code': {code}}})"
    with pytest.raises(Refused, match=told):
        WinrsRunner(Connection(connect=errors.AnsibleConnectionFailure(said)), "exch01").run("a")


def test_other_errors_of_ansible_stay_what_they_are() -> None:
    with pytest.raises(Unreachable):
        WinrsRunner(Connection(connect=errors.AnsibleError("the connection attempt timed out")), "exch01").run("a")
    with pytest.raises(errors.AnsibleError, match="not installed"):
        WinrsRunner(Connection(connect=errors.AnsibleError("winrm is not installed")), "exch01").run("a")


@pytest.mark.parametrize(
    ("transport", "why"),
    [
        ("psrp", "ansible_winrm_transport for ansible_psrp_auth"),
        ("ssh", "exit code above 255"),
        ("local", "WinRM shell"),
    ],
)
def test_other_connections_are_refused_with_what_to_set(transport: str, why: str) -> None:
    connection = types.SimpleNamespace(transport=transport)
    with pytest.raises(InvalidInput, match=f"ansible_connection=winrm for exch01: .*{why}"):
        WinrsRunner(connection, "exch01")
