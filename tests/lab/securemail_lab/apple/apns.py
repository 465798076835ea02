# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""APNs: HTTP/2 over TLS with a client certificate of Apple's authority that is neither expired nor revoked."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import ssl
import typing as t
import uuid

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from ..lab import Lab
from ..state import append_line
from . import authority
from .courier import Courier
from .judging import Refusal, Sender, judge
from .tls import TlsStream
from .tokens import Tokens


class Apns:
    """The provider side. Every request is written to ``state/apns/requests.jsonl``, without token or payload."""

    def __init__(self, lab: Lab, tokens: Tokens, courier: Courier) -> None:
        self._lab = lab
        self._tokens = tokens
        self._courier = courier

    async def serve(self, host: str) -> asyncio.Server:
        async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._attend(TlsStream(reader, writer, self._tls(host)))

        return await asyncio.start_server(attend, self._lab.addresses(host), self._lab.port("https"))

    def _tls(self, host: str) -> ssl.SSLContext:
        """Made for each connection, so that what is revoked now is refused now."""
        tls = self._lab.server_tls(host)
        tls.set_alpn_protocols(["h2"])
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(authority.root_path(self._lab))
        revoked = authority.revocations_path(self._lab)
        if revoked.exists():
            tls.load_verify_locations(revoked)
            tls.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        return tls

    async def _attend(self, stream: TlsStream) -> None:
        try:
            encoded = await stream.handshake()
            await _Conversation(stream, lambda headers, body: self._answer(encoded, headers, body)).hold()
        except (ConnectionError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass  # the provider is not let in, hung up, or speaks no HTTP/2
        finally:
            await stream.close()

    async def _answer(self, certificate: bytes, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Status, ``apns-id`` and body for one request."""
        try:
            accepted = judge(Sender.of(certificate), headers, body, self._tokens.bundle_id)
        except Refusal as refusal:
            status, reason = refusal.status, refusal.reason
        else:
            status, reason = 200, ""
            sent = {name: value for name, value in headers.items() if name.startswith("apns-")}
            await self._courier.bring(accepted.token, {"payload": accepted.payload, "headers": sent})
        self._record(certificate, headers, status, reason)
        content = json.dumps({"reason": reason}).encode() if reason else b""
        return status, headers.get("apns-id", str(uuid.uuid4()).upper()), content

    def _record(self, certificate: bytes, headers: dict[str, str], status: int, reason: str) -> None:
        line = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "certificate_sha256": hashlib.sha256(certificate).hexdigest(),
            "topic": headers.get("apns-topic"),
            "status": status,
            "reason": reason,
        }
        append_line(self._lab.state("apns") / "requests.jsonl", json.dumps(line))


Answer = t.Callable[[dict[str, str], bytes], t.Awaitable[tuple[int, str, bytes]]]


class _Conversation:
    """One HTTP/2 connection; requests are answered one after the other, which keeps their order."""

    def __init__(self, stream: TlsStream, answer: Answer) -> None:
        self._stream = stream
        self._answer = answer
        self._http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._headers: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytes] = {}

    async def hold(self) -> None:
        self._http2.initiate_connection()
        await self._flush()
        while content := await self._stream.read():
            for event in self._http2.receive_data(content):
                await self._on(event)
            await self._flush()

    async def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._headers[event.stream_id] = dict(event.headers or [])  # type: ignore[arg-type]
                self._bodies[event.stream_id] = b""
            case h2.events.DataReceived() if event.stream_id in self._bodies:
                self._bodies[event.stream_id] += event.data or b""
                self._http2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            case h2.events.StreamEnded() if event.stream_id in self._headers:
                headers, body = self._headers.pop(event.stream_id), self._bodies.pop(event.stream_id)
                await self._reply(event.stream_id, *await self._answer(headers, body))
            case h2.events.StreamReset():
                self._headers.pop(event.stream_id, None)
                self._bodies.pop(event.stream_id, None)

    async def _reply(self, stream: int, status: int, identifier: str, content: bytes) -> None:
        headers = [(":status", str(status)), ("apns-id", identifier)]
        self._http2.send_headers(stream, headers, end_stream=not content)
        if content:
            self._http2.send_data(stream, content, end_stream=True)

    async def _flush(self) -> None:
        await self._stream.write(self._http2.data_to_send())
