# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native commands through the WinRM session that Ansible holds: one shell a task, no PowerShell.

Runs on the controller only, inside an action plugin. A read is repeated in a new session when its own is lost; a write
is repeated only where the host has said that it did not begin.
"""

from __future__ import annotations

import contextlib
import struct
import time
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.batch import read_all
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult
from ansible_collections.pushops.securemail.plugins.plugin_utils.winrm_errors import (
    QUOTA_OPERATIONS,
    SHELL_NOT_FOUND,
    codes_of,
    of_connection,
    of_fault,
    of_unconfirmed_write,
)


def _optional_errors() -> tuple[type[Exception], ...]:
    """The same of the libraries for Kerberos and CredSSP, where they are installed."""
    found: list[type[Exception]] = []
    with contextlib.suppress(ImportError):
        import kerberos

        found.append(kerberos.KrbError)
    with contextlib.suppress(ImportError):
        from requests_credssp.exceptions import AuthenticationException, NTStatusException

        found += [AuthenticationException, NTStatusException]
    return tuple(found)


try:
    import requests.exceptions
    import spnego.exceptions
    from ansible.errors import AnsibleConnectionFailure, AnsibleError
    from winrm.exceptions import WinRMError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError
except ImportError:  # only where this file is imported outside a controller; Ansible's connection says what is missing
    pass
else:
    #: What pywinrm and requests raise where there was no answer, or HTTP said no.
    _NO_ANSWER = (requests.exceptions.RequestException, WinRMTransportError, WinRMError)
    #: What pywinrm lets through where an answer is not what it takes it for: not XML, not Base64, not sealed by the
    #: other side, or without the element that it looks for.
    _BAD_ANSWER = (
        ET.ParseError,
        spnego.exceptions.SpnegoError,
        struct.error,
        AssertionError,
        AttributeError,
        LookupError,
        StopIteration,
        TypeError,
        ValueError,
        *_optional_errors(),
    )

#: How often a read is begun, and the seconds before each repetition.
_PAUSES = (0.0, 2.0)
#: What the host is told of other connections: what each would have to be for its commands to run natively.
_OTHERS = {
    "psrp": "psrp runs every command in PowerShell. Its settings have counterparts: ansible_winrm_transport for"
    " ansible_psrp_auth, ansible_winrm_scheme for ansible_psrp_protocol, ansible_winrm_ca_trust_path for"
    " ansible_psrp_ca_cert",
    "ssh": "an exit code above 255 does not come through ssh, and what a command prints is in the host's own code page",
}
_ResultT = t.TypeVar("_ResultT")


class _Interrupted(Exception):
    """A command that came to no result.

    :param reason: why, as the library or the host says it.
    :param begun: whether the host may have begun it.
    :param fault: the host's answer, where it gave one; the session is of use then, else it is not.
    """

    def __init__(self, reason: str, *, begun: bool, fault: WSManFaultError | None = None) -> None:
        super().__init__(reason)
        self.reason = " ".join(reason.split())
        self.begun = begun
        self.fault = fault

    @property
    def another_session_helps(self) -> bool:
        return self.fault is None or bool(codes_of(self.fault) & {QUOTA_OPERATIONS, SHELL_NOT_FOUND})


class WinrsRunner:
    """Commands in the shell of Ansible's own winrm connection, which opens and closes it.

    :param connection: the action plugin's connection.
    :param host: how messages name the host.
    :param timeout: seconds that one command may take.
    :param log: receives every command line; one may hold the user and password of a proxy that was there before.
    """

    def __init__(
        self,
        connection: t.Any,
        host: str,
        *,
        timeout: float = 120.0,
        clock: t.Callable[[], float] = time.monotonic,
        wait: t.Callable[[float], object] = time.sleep,
        log: t.Callable[[str], object] = lambda text: None,
    ) -> None:
        transport = getattr(connection, "transport", type(connection).__name__)
        if transport != "winrm":
            why = _OTHERS.get(transport, "native commands run in a WinRM shell, without PowerShell")
            raise InvalidInput(
                "ansible_connection", transport, "winrm", f"Set ansible_connection=winrm for {host}: {why}"
            )
        self._connection = connection
        self._host = host
        self._timeout = timeout
        self._clock = clock
        self._wait = wait
        self._log = log
        self._broken = False

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        self._log(command_line)
        with self._typed_errors():
            self._connection._connect()  # ansible-core 2.19 to 2.21 have no public name for it; does nothing twice
            for pause in (*_PAUSES, None):
                try:
                    return self._run(command_line)
                except _Interrupted as stop:
                    if pause is None or (writes and stop.begun) or not stop.another_session_helps:
                        raise self._named(stop, writes) from None
                    self._wait(pause)
                    self._renew(answers=stop.fault is not None)
        raise AssertionError("the last turn returns or raises")

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        return read_all(self.run, lines)

    def _run(self, command_line: str) -> CommandResult:
        """:raises _Interrupted: without a result."""
        if self._broken:
            self._renew(answers=False)
        protocol, shell = self._connection.protocol, self._connection.shell_id
        command = self._asked(protocol.run_command, shell, command_line, begins=True)
        try:
            return self._output(protocol, shell, command)
        finally:
            if not self._broken:
                self._broken = not _attempt(protocol.cleanup_command, shell, command)

    def _output(self, protocol: t.Any, shell: str, command: str) -> CommandResult:
        deadline = self._clock() + self._timeout
        stdout, stderr = bytearray(), bytearray()
        while self._clock() < deadline:
            try:
                out, err, rc, done = self._asked(protocol.get_command_output_raw, shell, command)
            except WinRMOperationTimeoutError:
                continue  # nothing to receive yet
            stdout += out
            stderr += err
            if done:
                return CommandResult(rc & 0xFFFFFFFF, _text(stdout), _text(stderr))
        raise Unreachable(
            f"A command on {self._host} did not finish within {self._timeout:g} s",
            "Look at the load of the host and run again; the next run reads first what this one has done",
        )

    def _asked(self, call: t.Callable[..., _ResultT], *arguments: str, begins: bool = False) -> _ResultT:
        """What the host answers.

        :param begins: the request begins a command, so that a fault says that it did not begin.
        :raises _Interrupted: a fault, nothing, or what is no answer of WinRM.
        """
        try:
            return call(*arguments)
        except WSManFaultError as fault:
            raise _Interrupted(fault.reason, begun=not begins, fault=fault) from None
        except WinRMOperationTimeoutError:
            if not begins:
                raise
            problem = "the WinRM service did not act within its operation timeout"
        except _NO_ANSWER as error:
            problem = str(error)
        except _BAD_ANSWER as error:
            problem = f"no WinRM answer ({type(error).__name__})"
        self._broken = True
        raise _Interrupted(problem, begun=True) from None

    def _renew(self, answers: bool) -> None:
        """A new session with a new shell; the old shell is closed while it can be, or else from the new session.

        :param answers: whether the old session still does.
        """
        connection = self._connection
        protocol, shell = connection.protocol, connection.shell_id
        if answers:
            _attempt(protocol.close_shell, shell)
        else:
            protocol.transport.close_session()
        connection.reset()
        self._broken = False
        if not answers:
            _attempt(connection.protocol.close_shell, shell, False)

    def _named(self, stop: _Interrupted, writes: bool) -> PushOpsError:
        if writes and stop.begun:
            return of_unconfirmed_write(self._host, stop.reason)
        return of_fault(self._host, stop.fault) if stop.fault else of_connection(self._host, stop.reason)

    @contextlib.contextmanager
    def _typed_errors(self) -> t.Iterator[None]:
        try:
            yield
        except AnsibleConnectionFailure as problem:
            raise of_connection(self._host, " ".join(str(problem).split())) from None
        except AnsibleError as problem:
            if "timed out" not in str(problem):  # a setting of the controller, which Ansible reports itself
                raise
            raise of_connection(self._host, str(problem)) from None


def _text(output: bytearray) -> str:
    """The shell's code page is UTF-8; a file in another encoding shows replacement characters."""
    return output.decode("utf-8", errors="replace")


def _attempt(end: t.Callable[..., object], *arguments: object) -> bool:
    """Tell the host that something is no longer needed; it ends by itself where the message does not arrive.

    :return: whether the host answered.
    """
    try:
        end(*arguments)
    except (WSManFaultError, WinRMOperationTimeoutError):
        return True
    except (*_NO_ANSWER, *_BAD_ANSWER):
        return False
    return True
