# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shell resource answers to each action: create, command, send, receive, signal, delete (MS-WSMV 3.1.4)."""

from __future__ import annotations

import base64
import binascii
import ntpath
import typing as t
from xml.sax.saxutils import escape, quoteattr

from ..machine import Machine
from .settings import Settings
from .shells import INVALID_PARAMETER, Shells
from .soap import ANONYMOUS, SHELL, SHELL_RESOURCE, TRANSFER, Fault, Request, reply, seconds

_STATE = f"{SHELL}/CommandState"
_SIGNALS = {f"{SHELL}/signal/{name}".lower(): name for name in ("terminate", "ctrl_c", "ctrl_break")}
#: Room that a reply's envelope and headers take of the client's MaxEnvelopeSize.
_ENVELOPE_ROOM = 4096


class Operations:
    """One machine's shell resource, for authenticated users."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._shells = Shells(machine)
        self._actions: dict[str, t.Callable[[Request, str, Settings], t.Awaitable[bytes]]] = {
            f"{TRANSFER}/Create": self._create,
            f"{TRANSFER}/Delete": self._delete,
            f"{SHELL}/Command": self._command,
            f"{SHELL}/Send": self._send,
            f"{SHELL}/Receive": self._receive,
            f"{SHELL}/Signal": self._signal,
        }

    async def answer(self, request: Request, user: str, settings: Settings) -> bytes:
        """The reply's envelope.

        :raises Fault: with the documented code.
        """
        operation = self._actions.get(request.action)
        if operation is None:
            raise Fault("a:ActionNotSupported", 2150858753, f"The action {request.action} is not supported.")
        if request.resource != SHELL_RESOURCE:
            message = f"The service cannot find the resource identified by the resource URI {request.resource}."
            raise Fault("a:DestinationUnreachable", 2150858752, f"{message} The lab serves {SHELL_RESOURCE} only.")
        return await operation(request, user, settings)

    def close(self) -> None:
        self._shells.close()

    def lose_shells(self, user: str) -> None:
        """End a user's shells as a restart of the service would; what runs in them goes on to its end."""
        self._shells.lose(user)

    async def _create(self, request: Request, user: str, settings: Settings) -> bytes:
        codepage = request.options.get("WINRS_CODEPAGE", "")
        variables = request.body.iterfind(f".//{{{SHELL}}}Environment/{{{SHELL}}}Variable")
        profile = rf"C:\Users\{ntpath.basename(user)}"
        self._machine.path(profile).mkdir(parents=True, exist_ok=True)
        shell_id = self._shells.create(
            user,
            settings,
            int(codepage) if codepage.isdigit() else 437,
            request.text("rsp:Shell/rsp:WorkingDirectory") or profile,
            {node.get("Name", "").lower(): node.text or "" for node in variables},
            seconds(request.text("rsp:Shell/rsp:IdleTimeOut"), 0.0),
        )
        selectors = f'<w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
        return reply(
            request,
            f"{TRANSFER}/CreateResponse",
            f"<x:ResourceCreated><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{SHELL_RESOURCE}</w:ResourceURI>{selectors}</a:ReferenceParameters></x:ResourceCreated>"
            f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId><rsp:ResourceUri>{SHELL_RESOURCE}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(user)}</rsp:Owner><rsp:InputStreams>stdin</rsp:InputStreams>"
            f"<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
        )

    async def _delete(self, request: Request, user: str, settings: Settings) -> bytes:
        self._shells.delete(user, request.shell_id)
        return reply(request, f"{TRANSFER}/DeleteResponse", "")

    async def _command(self, request: Request, user: str, settings: Settings) -> bytes:
        """Command and arguments are joined by blanks and always run under cmd.exe, WINRS_SKIP_CMD_SHELL or not."""
        shell = self._shells.find(user, request.shell_id)
        node = request.find("rsp:CommandLine")
        if node is None:
            raise Fault("w:InvalidParameter", INVALID_PARAMETER, "The parameter is incorrect.")
        parts = [child.text or "" for child in node if child.tag in (f"{{{SHELL}}}Command", f"{{{SHELL}}}Arguments")]
        command_id = self._shells.start(user, settings, shell, " ".join(parts), node.get("CommandId", ""))
        body = f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId></rsp:CommandResponse>"
        return reply(request, f"{SHELL}/CommandResponse", body)

    async def _send(self, request: Request, user: str, settings: Settings) -> bytes:
        shell = self._shells.find(user, request.shell_id)
        for stream in request.body.iterfind(f"{{{SHELL}}}Send/{{{SHELL}}}Stream"):
            command = self._shells.command(shell, stream.get("CommandId", ""))
            try:
                content = base64.b64decode(stream.text or "")
            except binascii.Error:
                raise Fault("w:EncodingLimit", INVALID_PARAMETER, "The stream is not Base64.") from None
            command.stdin.feed(content, stream.get("End", "").lower() in ("true", "1"))
        return reply(request, f"{SHELL}/SendResponse", "<rsp:SendResponse/>")

    async def _receive(self, request: Request, user: str, settings: Settings) -> bytes:
        """All output that fits the client's envelope; the state is Done with the last of it."""
        shell = self._shells.find(user, request.shell_id)
        wanted = request.find("rsp:Receive/rsp:DesiredStream")
        command_id = wanted.get("CommandId", "") if wanted is not None else ""
        command = self._shells.command(shell, command_id)
        await command.finished(request.operation_timeout)
        room = max((request.max_envelope - _ENVELOPE_ROOM) * 3 // 4, 1024)
        identity = f"CommandId={quoteattr(command_id)}"
        body = ""
        for name in ("stdout", "stderr"):
            content: bytes = getattr(command, name)
            part, rest = content[:room], content[room:]
            room -= len(part)
            setattr(command, name, rest)
            if part:
                text = base64.b64encode(part).decode("ascii")
                body += f'<rsp:Stream Name="{name}" {identity}>{text}</rsp:Stream>'
        if command.stdout or command.stderr:
            body += f'<rsp:CommandState {identity} State="{_STATE}/Running"/>'
        else:
            ends = "".join(f'<rsp:Stream Name="{name}" {identity} End="true"/>' for name in ("stdout", "stderr"))
            body += (
                f'{ends}<rsp:CommandState {identity} State="{_STATE}/Done">'
                f"<rsp:ExitCode>{(command.rc or 0) & 0xFFFFFFFF}</rsp:ExitCode></rsp:CommandState>"
            )
        return reply(request, f"{SHELL}/ReceiveResponse", f"<rsp:ReceiveResponse>{body}</rsp:ReceiveResponse>")

    async def _signal(self, request: Request, user: str, settings: Settings) -> bytes:
        """``terminate`` ends and forgets a command; signalling a forgotten one is no error, as on Windows."""
        shell = self._shells.find(user, request.shell_id)
        node = request.find("rsp:Signal")
        signal = _SIGNALS.get(request.text("rsp:Signal/rsp:Code").lower())
        if node is None or signal is None:
            raise Fault("w:InvalidParameter", INVALID_PARAMETER, "The parameter is incorrect.")
        command = shell.commands.get(node.get("CommandId", "").upper())
        if command is not None:
            command.interrupt()
            if signal == "terminate":
                del shell.commands[node.get("CommandId", "").upper()]
        return reply(request, f"{SHELL}/SignalResponse", "<rsp:SignalResponse/>")
