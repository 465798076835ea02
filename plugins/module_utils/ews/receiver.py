# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server for the notifications of one push subscription. It is what ends the subscription.

An EWS push subscription is not ended by a request. It ends when its receiver answers ``Unsubscribe``, or when nobody
answers until the retries are over (Microsoft, "Notification subscriptions, mailbox events, and EWS in Exchange").
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
import typing as t

from ..core.errors import InvalidInput, Refused

#: A notification is a few kilobytes.
_LARGEST = 256 * 1024
_PATIENCE = 10.0  # seconds that a client may take to send one


class Language(t.Protocol):
    """How notifications are read, and what is answered."""

    def read(self, content: bytes) -> list[str]:
        """The kinds of the events in a notification, such as ``StatusEvent``.

        :raises ValueError: it is none.
        """

    def answer(self, *, go_on: bool) -> bytes:
        """The SOAP message that keeps the subscription, or ends it."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that says nothing keeps no run waiting

    def __init__(self, address: str, port: int, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)


class Receiver:
    """Answers at one path, and notes what it was told.

    :param path: begins with ``/``; nobody who does not know it is answered.
    :param last: the kind of event with which the subscription has done its work.
    :param tls: files of certificate and key; ``None`` for HTTP.
    :raises InvalidInput: the certificate cannot be used.
    :raises Refused: it cannot listen there.
    """

    def __init__(
        self, address: str, port: int, path: str, last: str, language: Language, tls: tuple[str, str] | None = None
    ) -> None:
        self._path, self._last, self._language = path, last, language
        self._news = threading.Condition()
        self._heard: set[str] = set()
        self._ends = self._ended = False
        context = _context(tls)
        try:
            self._server = _Server(address, port, self._handler())
        except OSError as problem:
            raise Refused(
                f"Nothing can listen on {address} port {port}: {problem.strerror}",
                "Name an address of this host, and a port that is free",
            ) from None
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def ended(self) -> bool:
        """Whether the subscription was ended by an answer."""
        return self._ended

    @property
    def heard(self) -> frozenset[str]:
        """The kinds of events that came."""
        return frozenset(self._heard)

    def end(self) -> None:
        """End the subscription at whatever comes next."""
        self._ends = True

    def wait(self, condition: t.Callable[[], bool], seconds: float) -> bool:
        """Whether something is so within some seconds."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._news.wait(left)
        return True

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, content: bytes) -> tuple[bytes, bool]:
        """The answer, and whether it ends the subscription."""
        kinds = self._language.read(content)
        with self._news:
            self._heard |= set(kinds)
            ends = self._ends or self._last in kinds
            self._news.notify_all()
        return self._language.answer(go_on=not ends), ends

    def _answered(self, ends: bool) -> None:
        with self._news:
            self._ended = self._ended or ends
            self._news.notify_all()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = _PATIENCE

            def do_POST(self) -> None:
                size = self.headers.get("Content-Length", "")
                if self.path != receiver._path or not size.isdecimal() or int(size) > _LARGEST:
                    self._send(404, b"")
                    return
                try:
                    answer, ends = receiver._take(self.rfile.read(int(size)))
                except ValueError:
                    self._send(400, b"")
                    return
                self._send(200, answer)
                receiver._answered(ends)

            def _send(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *_words: t.Any) -> None:
                """A module's standard error is no log."""

        return Handler


def _context(tls: tuple[str, str] | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(*tls)
    except OSError as problem:  # ssl.SSLError is one
        raise InvalidInput(
            "receiver.certificate_path", tls[0], "a PEM certificate with its key", f"Correct it: {problem}"
        ) from None
    return context
