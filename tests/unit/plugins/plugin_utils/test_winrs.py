# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in Ansible's own shell: what is repeated, what is not, and what each failure is called."""

from __future__ import annotations

import re
import types
import typing as t

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
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrs import (
    QUOTA_OPERATIONS,
    SHELL_NOT_FOUND,
    WinrsRunner,
)

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

    def __init__(self, start: t.Iterable[Step] = (), receive: t.Iterable[Step] = (), connect: Step = None) -> None:
        self.start, self.receive, self.connect = list(start), list(receive), connect
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
                cleanup_command=lambda shell, command: self._say(f"cleanup {shell}"),
                close_shell=lambda shell: self._say(f"close {shell}"),
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


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("quota", [fault(wmi=QUOTA_OPERATIONS), fault(QUOTA_OPERATIONS)])
def test_a_used_up_shell_is_replaced_once(quota: Exception, writes: bool) -> None:
    connection = Connection(start=[quota])
    assert WinrsRunner(connection, "exch01").run("a", writes=writes).rc == 0
    assert connection.calls == ["run shell-1 a", "close shell-1", "run shell-2 a", "cleanup shell-2"]

    with pytest.raises(Refused, match="quota"):
        WinrsRunner(Connection(start=[quota, quota]), "exch01").run("a", writes=writes)


@pytest.mark.parametrize("where", ["start", "receive"])
def test_a_lost_shell_is_replaced_for_reads_and_never_for_writes(where: str) -> None:
    lost = fault(SHELL_NOT_FOUND)
    connection = Connection(**{where: [lost]})
    assert WinrsRunner(connection, "exch01").run("a").rc == 0
    assert connection.shells == 2

    connection = Connection(**{where: [lost]})
    with pytest.raises(Unreachable, match="before a write was confirmed"):
        WinrsRunner(connection, "exch01").run("a", writes=True)
    assert connection.shells == 1


def test_a_write_that_has_begun_is_not_repeated() -> None:
    connection = Connection(receive=[fault(wmi=QUOTA_OPERATIONS)])
    with pytest.raises(Refused):
        WinrsRunner(connection, "exch01").run("a", writes=True)
    assert connection.shells == 1


def test_a_command_has_only_so_much_time() -> None:
    ticks = iter(range(0, 1000, 50))
    connection = Connection(receive=[exceptions.WinRMOperationTimeoutError()] * 10)
    with pytest.raises(Unreachable, match="120 s"):
        WinrsRunner(connection, "exch01", clock=lambda: float(next(ticks))).run("a")
    assert connection.calls[-1] == "cleanup shell-1"


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (exceptions.InvalidCredentialsError("rejected"), Unreachable, "ansible_password"),
        (exceptions.WinRMTransportError("http", 503, ""), Unreachable, "503"),
        (requests.exceptions.ConnectionError("refused"), Unreachable, "ansible_port"),
        (requests.exceptions.ReadTimeout("read timed out"), Unreachable, "ansible_port"),
        (exceptions.WinRMOperationTimeoutError(), Unreachable, "operation timeout"),
        (StopIteration(), Unreachable, "no WinRM answer"),
        (AssertionError(), Unreachable, "no WinRM answer"),
        (fault(5), Refused, "Administrators"),
        (fault(QUOTA_SHELLS), Refused, "MaxShellsPerUser"),
        (fault(wmi=QUOTA_COMMANDS), Refused, "MaxProcessesPerShell"),
        (fault(12345), Refused, "a reason"),
    ],
)
def test_each_failure_has_a_name_and_a_remedy(problem: Exception, kind: type[PushOpsError], words: str) -> None:
    with pytest.raises(PushOpsError, match=words) as raised:
        WinrsRunner(Connection(start=[problem]), "exch01").run("a")
    assert raised.type is kind
    assert "exch01" in raised.value.what and raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("ntlm: the specified credentials were rejected by the server", Unreachable, "user name or password"),
        ("ssl: HTTPSConnectionPool: Max retries exceeded", Unreachable, "ansible_host"),
        ("ssl: SSLError: CERTIFICATE_VERIFY_FAILED", Unreachable, "ansible_winrm_ca_trust_path"),
        (f"ssl: (extended fault data: {{'wsmanfault_code': {QUOTA_SHELLS}}})", Refused, "quota"),
    ],
)
def test_a_connection_that_fails_is_named_too(text: str, kind: type[PushOpsError], words: str) -> None:
    with pytest.raises(kind, match=words):
        WinrsRunner(Connection(connect=errors.AnsibleConnectionFailure(text)), "exch01").run("a")


def test_other_errors_of_ansible_stay_what_they_are() -> None:
    with pytest.raises(Unreachable):
        WinrsRunner(Connection(connect=errors.AnsibleError("the connection attempt timed out")), "exch01").run("a")
    with pytest.raises(errors.AnsibleError, match="not installed"):
        WinrsRunner(Connection(connect=errors.AnsibleError("winrm is not installed")), "exch01").run("a")


@pytest.mark.parametrize("transport", ["psrp", "ssh", "local"])
def test_other_connections_are_refused_by_name(transport: str) -> None:
    connection = types.SimpleNamespace(transport=transport)
    with pytest.raises(InvalidInput, match="ansible_connection=winrm"):
        WinrsRunner(connection, "exch01")
