# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network side of the client: what is raised where no proper answer comes, with no server but a socket."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
import typing as t

import pytest

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput, Unreachable
from ansible_collections.pushops.securemail.plugins.module_utils.core.https import HttpsTransport

BODY = b'{"a": 1}'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached directly, whatever the machine's own settings are."""
    monkeypatch.setenv("no_proxy", "*")


def _whole_request(connection: socket.socket) -> bytes:
    """Up to the body's end, or to the end of what a TLS client says first."""
    got = b""
    while not got.endswith(BODY) and not got.startswith(b"\x16"):
        part = connection.recv(65536)
        if not part:
            break
        got += part
    return got


@contextlib.contextmanager
def _answering(raw: bytes) -> t.Iterator[tuple[str, list[bytes]]]:
    """A plain-text server on loopback that gives one connection these bytes; yields its address and what it got."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(10)
                got.append(_whole_request(connection))
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", got
        finally:
            thread.join(10)


def _send(url: str) -> tuple[int, str]:
    code, text, _retry_after = HttpsTransport(None, True, 5).send("POST", url, {"Auth_token": "canary"}, BODY.decode())
    return code, text


@pytest.mark.parametrize("code", [200, 401, 500])
def test_every_code_is_an_answer(code: int) -> None:
    body = "caf\u00e9 \udcff".encode("utf-8", "surrogateescape")
    raw = f"HTTP/1.1 {code} Whatever\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with _answering(raw) as (address, got):
        assert _send(f"http://{address}/x") == (code, "caf\u00e9 \ufffd")
    assert got[0].startswith(b"POST /x HTTP/1.1\r\n") and got[0].endswith(b"\r\n\r\n" + BODY)


def test_a_redirect_is_not_followed() -> None:
    with _answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (
        address,
        _got,
    ):
        assert _send(f"http://{address}/x") == (302, "")


def test_no_credentials_come_from_a_netrc_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login canary password canary\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with _answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as (address, got):
        _send(f"http://{address}/x")
    assert b"Authorization" not in got[0]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="closed"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="broken-off"),
    ],
)
def test_what_is_no_whole_answer_is_unreachable(raw: bytes) -> None:
    with _answering(raw) as (address, _got), pytest.raises(Unreachable) as caught:
        _send(f"http://{address}/x")
    assert address in caught.value.what and "canary" not in str(caught.value)


def test_an_error_that_breaks_off_keeps_its_code() -> None:
    with _answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{") as (address, _got):
        assert _send(f"http://{address}/x")[0] == 500


def test_a_server_without_tls_is_unreachable() -> None:
    with _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (address, _got), pytest.raises(Unreachable) as caught:
        _send(f"https://{address}/x")
    assert "brought no answer" in caught.value.what


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="refused"):
        _send(f"https://127.0.0.1:{port}/x")


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_authority_that_cannot_be_loaded_is_named_first(tmp_path: pathlib.Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="ascii")
    with pytest.raises(InvalidInput, match="ca_path") as caught:
        HttpsTransport(str(path), True, 5)
    assert str(path) in caught.value.what
