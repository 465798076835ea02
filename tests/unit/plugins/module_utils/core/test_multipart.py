# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A body that is read while it is sent: well formed, begun anew at will, and never in memory as a whole."""

from __future__ import annotations

import contextlib
import email
import pathlib
import socket
import threading
import tracemalloc
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import AnswerLost, HttpsTransport
from ansible_collections.pushops.securemail.plugins.module_utils.core.multipart import CHUNK, Multipart

LARGE = 500 << 20


def _body(path: pathlib.Path, **fields: str) -> Multipart:
    return Multipart(fields, ("uploadFile", str(path)), patience=30)


def _parts(body: Multipart) -> dict[t.Any, t.Any]:
    content = f"Content-Type: {body.content_type}\r\n\r\n".encode() + b"".join(body)
    return {
        part.get_param("name", header="content-disposition"): part
        for part in email.message_from_bytes(content).get_payload()
    }


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n--pushops-", bytes(range(256)) * 5000], ids=len)
def test_another_reader_finds_what_was_put_in(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / 'Se"cure\nMail.mdx'
    path.write_bytes(content)
    body = _body(path, appInfo='{"name": "Secure M\u00e4il"}')
    for _twice in range(2):
        parts = _parts(body)
        assert set(parts) == {"appInfo", "uploadFile"} and body.complete
        assert parts["appInfo"].get_payload(decode=True).decode() == '{"name": "Secure M\u00e4il"}'
        assert parts["uploadFile"].get_payload(decode=True) == content
        assert parts["uploadFile"].get_filename() == "Se_cure_Mail.mdx"
        assert parts["uploadFile"].get_content_type() == "application/octet-stream"
    assert len(b"".join(body)) == len(body)


def test_a_body_that_was_not_read_to_its_end_is_not_complete(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(b"x" * 10)
    body = _body(path)
    list(body)
    next(iter(body))
    assert not body.complete


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(b"x" * 10)
    body = _body(path)
    path.write_bytes(b"x")
    with pytest.raises(InvalidInput, match="stays as it is"):
        list(body)
    assert not body.complete


def test_a_file_that_grows_meanwhile_is_sent_as_it_was(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "app.mdx"
    path.write_bytes(b"x" * 10)
    body = _body(path)
    path.write_bytes(b"y" * 20)
    assert len(b"".join(body)) == len(body)


# --- over the wire


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


class Receiver:
    """A plain-text server on loopback that takes one request, and counts it without keeping it."""

    def __init__(self, hangs_up_after: int | None = None) -> None:
        self.head, self.received = b"", 0
        self._most = hangs_up_after

    def take(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += stream.readline()
        length = int(self.head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        space = memoryview(bytearray(1 << 16))
        while self.received < length:
            if self._most is not None and self.received >= self._most:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            self.received += stream.readinto(space[: length - self.received]) or 0
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"status": 0}')

    @contextlib.contextmanager
    def listening(self) -> t.Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(20)

            def serve() -> None:
                with contextlib.suppress(OSError), listener.accept()[0] as connection:
                    connection.settimeout(20)
                    self.take(connection)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/upload"
            finally:
                thread.join(20)


def _large(path: pathlib.Path) -> pathlib.Path:
    """A file of 500 MB that takes no room on disk."""
    with open(path, "wb") as stream:
        stream.truncate(LARGE)
    return path


def test_a_large_file_goes_out_without_being_in_memory(tmp_path: pathlib.Path) -> None:
    receiver, body = Receiver(), _body(_large(tmp_path / "large.mdx"), appInfo="{}")
    tracemalloc.start()
    try:
        with receiver.listening() as url:
            answer = HttpsTransport(None, True, 20).send("POST", url, {"Auth_token": "x"}, body)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.code == 200 and body.complete
    assert receiver.received == len(body) > LARGE
    assert b"Content-Type: multipart/form-data; boundary=" in receiver.head
    assert b"transfer-encoding" not in receiver.head.lower()
    assert peak < 8 * CHUNK, "the file was in memory"


def test_a_connection_that_ends_in_the_middle_loses_the_answer(tmp_path: pathlib.Path) -> None:
    receiver, body = Receiver(hangs_up_after=3 * CHUNK), _body(_large(tmp_path / "large.mdx"))
    with receiver.listening() as url, pytest.raises(AnswerLost, match="brought no answer"):
        HttpsTransport(None, True, 20).send("POST", url, {}, body)
    assert not body.complete
