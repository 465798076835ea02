# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote shells and their commands, in memory as on a real server: who may use them, how many, until when."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import threading
import time
import uuid

from ..commands.session import UTF8, Session
from ..machine import CommandResult, Machine
from ..shell import run_in
from .settings import Settings
from .soap import Fault

#: Windows error numbers (wsmerror.h).
SHELL_NOT_FOUND = 2150858843
OPERATION_TIMED_OUT = 2150858793
QUOTA_SHELLS = 2150859173
QUOTA_OPERATIONS = 2150859174
QUOTA_COMMANDS_PER_SHELL = 2150859241
INVALID_PARAMETER = 87
#: What a program leaves that ctrl_c ended.
CONTROL_C_EXIT = 0xC000013A

_CODEPAGES = {437, 850, 1252, UTF8}


class Input:
    """Standard input of a command: fed by Send, read once it is closed."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._closed = threading.Event()

    def feed(self, content: bytes, end: bool) -> None:
        if not self._closed.is_set():
            self._content += content
        if end:
            self._closed.set()

    def read(self) -> bytes:
        self._closed.wait()
        return bytes(self._content)


@dataclasses.dataclass
class Command:
    """A running or finished command; ``stdout`` and ``stderr`` hold what Receive has not taken yet."""

    stdin: Input
    future: asyncio.Future[CommandResult]
    rc: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""

    async def finished(self, timeout: float) -> None:
        """Wait for the end.

        :raises Fault: w:TimedOut, which clients take as "ask again".
        """
        if self.rc is None:
            await asyncio.wait([self.future], timeout=timeout)
        if not self.future.done():
            raise Fault(
                "w:TimedOut",
                OPERATION_TIMED_OUT,
                "The WS-Management service cannot complete the operation within the time specified in "
                "OperationTimeout.",
                sender=False,
            )
        if self.rc is None:
            result = self.future.result()
            self.rc, self.stdout, self.stderr = result.rc, result.stdout, result.stderr

    def interrupt(self) -> None:
        """ctrl_c: the command ends, its output is lost."""
        self.stdin.feed(b"", end=True)
        if self.rc is None:
            self.rc = CONTROL_C_EXIT


@dataclasses.dataclass
class Shell:
    """A remote shell. ``operations`` counts the commands it ever started: only deleting the shell gives them back."""

    owner: str
    codepage: int
    directory: str
    variables: dict[str, str]
    idle_timeout: float
    used: float
    commands: dict[str, Command] = dataclasses.field(default_factory=dict)
    operations: int = 0

    def close(self) -> None:
        for command in self.commands.values():
            command.interrupt()


class Shells:
    """All shells of one machine. Methods raise ``Fault`` with the documented codes."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._shells: dict[str, Shell] = {}
        self._threads = concurrent.futures.ThreadPoolExecutor(max_workers=64, thread_name_prefix="winrs")

    def create(
        self, owner: str, settings: Settings, codepage: int, directory: str, variables: dict[str, str], idle: float
    ) -> str:
        self._expire()
        if sum(shell.owner == owner for shell in self._shells.values()) >= settings.max_shells_per_user:
            raise Fault(
                "w:QuotaLimit",
                QUOTA_SHELLS,
                "The WS-Management service cannot process the request. This user is allowed a maximum number of "
                f"{settings.max_shells_per_user} concurrent shells, which has been exceeded. Close existing shells or "
                "raise the quota for this user.",
            )
        shell_id = str(uuid.uuid4()).upper()
        self._shells[shell_id] = Shell(
            owner=owner,
            codepage=codepage if codepage in _CODEPAGES else 437,
            directory=directory,
            variables=variables,
            idle_timeout=min(idle, settings.idle_timeout) if idle else settings.idle_timeout,
            used=time.monotonic(),
        )
        return shell_id

    def find(self, owner: str, shell_id: str) -> Shell:
        """The shell, which is in use again from now on; other users' shells are not found."""
        self._expire()
        shell = self._shells.get(shell_id.upper())
        if shell is None or shell.owner != owner:
            raise Fault(
                "w:InvalidSelectors",
                SHELL_NOT_FOUND,
                f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not "
                "found on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer "
                "exists on the server. Provide the correct ShellId or create a new shell and retry the operation.",
            )
        shell.used = time.monotonic()
        return shell

    def delete(self, owner: str, shell_id: str) -> None:
        self.find(owner, shell_id).close()
        del self._shells[shell_id.upper()]

    def lose(self, owner: str) -> None:
        """End a user's shells; a program that does not wait for input runs on to its end."""
        for shell_id, shell in list(self._shells.items()):
            if shell.owner == owner:
                shell.close()
                del self._shells[shell_id]

    def start(self, owner: str, settings: Settings, shell: Shell, line: str, command_id: str) -> str:
        """Run a line as ``cmd.exe /c`` in the shell; returns the command's id."""
        running = sum(command.rc is None and not command.future.done() for command in shell.commands.values())
        if running >= settings.max_processes_per_shell:
            raise Fault(
                "w:QuotaLimit",
                QUOTA_COMMANDS_PER_SHELL,
                "The WS-Management service cannot process the request. The maximum number of concurrent commands per "
                "shell has been exceeded. Retry the request later or raise the Maximum Commands per Shell quota.",
            )
        operations = sum(other.operations for other in self._shells.values() if other.owner == owner)
        if operations >= settings.max_operations_per_user:
            raise Fault(
                "w:InternalError",
                QUOTA_OPERATIONS,
                "The WS-Management service cannot process the request. This user is allowed a maximum number of "
                f"{settings.max_operations_per_user} concurrent operations, which has been exceeded. Close existing "
                "operations for this user, or raise the quota for this user.",
                provider=True,
                sender=False,
            )
        shell.operations += 1
        session = Session(self._machine, shell.codepage, shell.directory, dict(shell.variables))
        stdin = Input()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, run_in, session, line, stdin.read)
        command_id = command_id or str(uuid.uuid4()).upper()
        shell.commands[command_id.upper()] = Command(stdin, future)
        return command_id

    def command(self, shell: Shell, command_id: str) -> Command:
        command = shell.commands.get(command_id.upper())
        if command is None:
            raise Fault("w:InvalidParameter", INVALID_PARAMETER, "The parameter is incorrect.")
        return command

    def close(self) -> None:
        """End everything: blocked readers see the end of their input."""
        for shell in self._shells.values():
            shell.close()
        self._shells.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _expire(self) -> None:
        now = time.monotonic()
        for shell_id, shell in list(self._shells.items()):
            busy = any(command.rc is None and not command.future.done() for command in shell.commands.values())
            if not busy and now - shell.used > shell.idle_timeout:
                shell.close()
                del self._shells[shell_id]
