# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS with JSON: the one place where requests to a system's REST API meet the network."""

from __future__ import annotations

import http.client
import json
import ssl
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from .errors import InvalidInput, Unreachable
from .multipart import Multipart

Json = dict[str, t.Any]
Body: t.TypeAlias = "str | Multipart | None"


class AnswerLost(Unreachable):
    """The request was on its way, or there, and no whole answer came: whether it was carried out is not known."""


class Answer(t.NamedTuple):
    """An HTTP answer.

    :param code: the HTTP code, whatever it is.
    :param retry_after: the header of that name; empty where there is none.
    """

    code: int
    text: str
    retry_after: str = ""


class Transport(t.Protocol):
    """Sends one request.

    :raises Unreachable: no answer.
    :raises AnswerLost: no answer, but the request may have been carried out.
    """

    def send(self, method: str, url: str, headers: dict[str, str], body: Body) -> Answer: ...


class HttpsTransport:
    """HTTPS that follows no redirect and adds no credentials of its own: neither token nor password goes elsewhere.

    :param ca_path: PEM file of the only authorities to trust; ``None`` for the system's own.
    :param timeout: seconds without a byte.
    :param use_proxy: whether the proxies of the environment are used.
    :raises InvalidInput: ``ca_path`` holds no certificate.
    """

    def __init__(self, ca_path: str | None, validate_certs: bool, timeout: int, use_proxy: bool = True) -> None:
        if ca_path is not None:
            try:
                ssl.create_default_context(cafile=ca_path)
            except OSError as problem:
                raise InvalidInput(
                    "ca_path",
                    ca_path,
                    f"a readable PEM file with certificates ({problem.strerror or problem})",
                    "Name the certificate of the authority that signed the server's",
                ) from None
        self._options: dict[str, t.Any] = {
            "ca_path": ca_path,
            "validate_certs": validate_certs,
            "timeout": timeout,
            "follow_redirects": "none",
            "use_netrc": False,
            "use_proxy": use_proxy,
        }

    def send(self, method: str, url: str, headers: dict[str, str], body: Body) -> Answer:
        options = dict(self._options)
        if isinstance(body, Multipart):
            headers = {**headers, "Content-Type": body.content_type, "Content-Length": str(len(body))}
            options["timeout"] = max(options["timeout"], body.patience)
        try:
            with open_url(url, method=method, data=body, headers=headers, **options) as answer:
                return Answer(answer.getcode(), _text(answer.read()), answer.headers.get("Retry-After", ""))
        except urllib.error.HTTPError as problem:
            return Answer(problem.code, _error_text(problem), problem.headers.get("Retry-After", ""))
        except (OSError, http.client.HTTPException) as problem:
            begun = isinstance(body, Multipart) and body.begun
            raise _no_answer(f"{method} {url}", problem, begun) from None


#: What ends a connection that stood, in the middle of a request.
_CUT_OFF = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)


def _no_answer(asked: str, problem: Exception, begun: bool) -> Unreachable:
    reason = getattr(problem, "reason", problem)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{asked} was not sent, because the server's certificate is not trusted: {reason.verify_message}",
            "Name the authority that signed it in ca_path, and the server as the certificate names it in url",
        )
    # urllib wraps what happens until the request is out; what happens after that comes as it is.
    lost = begun or not isinstance(problem, urllib.error.URLError) or isinstance(reason, _CUT_OFF)
    return (AnswerLost if lost else Unreachable)(
        f"{asked} brought no answer: {reason or type(reason).__name__}",
        "Check the address, the port and the firewall in between",
    )


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _error_text(problem: urllib.error.HTTPError) -> str:
    """The body of an answer whose code already says that it failed; empty where it breaks off."""
    try:
        return _text(problem.read())
    except (OSError, http.client.HTTPException):
        return ""


def json_object(text: str) -> Json | None:
    """The JSON object in an answer, or ``None`` where it is anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def base_url(url: str, remedy: str) -> str:
    """The URL of a server without a path.

    :raises InvalidInput: a URL of another form; credentials in it are not repeated.
    """
    expected = "https://<server>[:<port>]"
    try:
        parts = urllib.parse.urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise InvalidInput("url", url, expected, remedy) from None
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("url", "(with credentials)", expected, "Move the credentials to username and password")
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme != "https" or not parts.hostname or not port_is_valid or extra:
        raise InvalidInput("url", url, expected, remedy)
    return f"https://{parts.netloc}"
