# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native commands through the WinRM session that Ansible holds: one shell a task, no PowerShell.

Runs on the controller only, inside an action plugin.
"""

from __future__ import annotations

import binascii
import contextlib
import time
import typing as t
import xml.etree.ElementTree as ET

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    InvalidInput,
    PushOpsError,
    Refused,
    Unreachable,
)
from ansible_collections.pushops.securemail.plugins.module_utils.windows.batch import read_all
from ansible_collections.pushops.securemail.plugins.module_utils.windows.runner import CommandResult

try:
    import requests.exceptions
    from ansible.errors import AnsibleConnectionFailure, AnsibleError
    from winrm.exceptions import (
        AuthenticationError,
        WinRMOperationTimeoutError,
        WinRMTransportError,
        WSManFaultError,
    )
except ImportError:  # only where this file is imported outside a controller; Ansible's connection says what is missing
    pass

#: ERROR_WSMAN_QUOTA_MAX_OPERATIONS: WinRS does not count a shell's commands down, only a new shell helps (the same
#: code that ansible-core's winrm connection looks for).
QUOTA_OPERATIONS = 0x803381A6
#: ERROR_WSMAN_QUOTA_*, of a user, a shell or the host (wsmerror.h, as PowerShell's CimChildJobBase lists it).
QUOTAS = frozenset({*range(0x803381A5, 0x803381A9), 0x803381AB, *range(0x803381E4, 0x803381EB)})
SHELL_NOT_FOUND = 0x8033805B
ACCESS_DENIED = 5


class WinrsRunner:
    """Commands in the shell of Ansible's own winrm connection, which opens and closes it.

    :param connection: the action plugin's connection.
    :param host: how messages name the host.
    :param timeout: seconds that one command may take.
    :param log: receives every command line, none of which holds a secret.
    """

    def __init__(
        self,
        connection: t.Any,
        host: str,
        *,
        timeout: float = 120.0,
        clock: t.Callable[[], float] = time.monotonic,
        log: t.Callable[[str], object] = lambda text: None,
    ) -> None:
        transport = getattr(connection, "transport", type(connection).__name__)
        if transport != "winrm":
            raise InvalidInput(
                "ansible_connection",
                transport,
                "winrm",
                f"Set ansible_connection=winrm for {host}: native commands run in its WinRM shell, without PowerShell",
            )
        self._connection = connection
        self._host = host
        self._timeout = timeout
        self._clock = clock
        self._log = log

    def run(self, command_line: str, *, writes: bool = False) -> CommandResult:
        self._log(command_line)
        with self._typed_errors():
            self._connection._connect()  # ansible-core 2.19 to 2.21 have no public name for it; does nothing twice
            return self._run(command_line, writes)

    def read_all(self, lines: t.Sequence[str]) -> list[CommandResult]:
        return read_all(self.run, lines)

    def _run(self, command_line: str, writes: bool, renewed: bool = False) -> CommandResult:
        protocol, shell = self._connection.protocol, self._connection.shell_id
        command: str | None = None
        try:
            command = protocol.run_command(shell, command_line)
            return self._output(protocol, shell, command)
        except WSManFaultError as fault:
            if renewed or not _another_shell_helps(fault, begun=command is not None, writes=writes):
                raise
        finally:
            if command is not None:
                _attempt(protocol.cleanup_command, shell, command)
        _attempt(protocol.close_shell, shell)
        self._connection.reset()
        return self._run(command_line, writes, renewed=True)

    def _output(self, protocol: t.Any, shell: str, command: str) -> CommandResult:
        deadline = self._clock() + self._timeout
        stdout, stderr = bytearray(), bytearray()
        while self._clock() < deadline:
            try:
                out, err, rc, done = protocol.get_command_output_raw(shell, command)
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

    @contextlib.contextmanager
    def _typed_errors(self) -> t.Iterator[None]:
        try:
            yield
        except WSManFaultError as fault:
            raise _fault(self._host, fault) from None
        except AuthenticationError:
            raise _unreachable(self._host, "the specified credentials were rejected by the server") from None
        except (AnsibleConnectionFailure, WinRMTransportError, requests.exceptions.RequestException) as problem:
            raise _unreachable(self._host, str(problem)) from None
        except AnsibleError as problem:
            if "timed out" not in str(problem):  # a setting of the controller, which Ansible reports itself
                raise
            raise _unreachable(self._host, str(problem)) from None
        except WinRMOperationTimeoutError:
            raise _unreachable(self._host, "the WinRM service did not act within its operation timeout") from None
        except (ET.ParseError, StopIteration, binascii.Error, AssertionError) as problem:
            raise _unreachable(self._host, f"no WinRM answer ({type(problem).__name__})") from None


def _text(output: bytearray) -> str:
    """The shell's code page is UTF-8; a file in another encoding shows replacement characters."""
    return output.decode("utf-8", errors="replace")


def _attempt(end: t.Callable[..., object], *arguments: object) -> None:
    """Tell the host that something is no longer needed; it ends by itself where the message does not arrive."""
    with contextlib.suppress(
        WSManFaultError,
        WinRMTransportError,
        WinRMOperationTimeoutError,
        requests.exceptions.RequestException,
        ET.ParseError,
        StopIteration,
        AssertionError,
    ):
        end(*arguments)


def _codes(fault: WSManFaultError) -> set[int | None]:
    return {fault.wsman_fault_code, fault.wmierror_code}


def _another_shell_helps(fault: WSManFaultError, *, begun: bool, writes: bool) -> bool:
    if QUOTA_OPERATIONS in _codes(fault):
        return not (writes and begun)
    return SHELL_NOT_FOUND in _codes(fault) and not writes


def _fault(host: str, fault: WSManFaultError) -> PushOpsError:
    codes = _codes(fault)
    if SHELL_NOT_FOUND in codes:
        return Unreachable(
            f"{host} ended the WinRM shell before a write was confirmed",
            "Run again: the next run reads first what this one has done",
        )
    if codes & QUOTAS:
        return _quota(host)
    if ACCESS_DENIED in codes:
        return Refused(
            f"{host} denied access to its WinRM shell",
            "Connect as a member of its Administrators or Remote Management Users group",
        )
    return Refused(
        f"{host} refused the WinRM request: {' '.join(fault.reason.split())}", "Look at the WinRM service's event log"
    )


def _quota(host: str) -> PushOpsError:
    return Refused(
        f"A WinRM quota of {host} is used up",
        "Wait until open shells end, or raise MaxShellsPerUser and MaxProcessesPerShell in winrm/config/winrs",
    )


def _unreachable(host: str, reason: str) -> PushOpsError:
    if any(str(code) in reason for code in QUOTAS):
        return _quota(host)
    if "credentials were rejected" in reason:
        return Unreachable(
            f"{host} rejected the user name or password",
            "Check ansible_user, ansible_password, the account's state, and that the host takes"
            " ansible_winrm_transport there (winrm get winrm/config/service)",
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return Unreachable(
            f"The certificate of {host} cannot be verified: {reason}",
            "Set ansible_winrm_ca_trust_path to the authority that issued it, or have the host use another one",
        )
    return Unreachable(
        f"{host} does not answer over WinRM: {reason}",
        "Check ansible_host, ansible_port, ansible_winrm_scheme, ansible_winrm_transport, the listener"
        " (winrm enumerate winrm/config/listener) and the firewall",
    )
