# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with a XenMobile Server's public REST API.

Source: Citrix, "Public API for REST Services" (October 2016 and April 2021). The API documents no error table, so the
HTTP code *and* the ``status`` of the body are judged.
"""

from __future__ import annotations

import contextlib
import json
import typing as t
import urllib.error

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
from ansible.module_utils.urls import SSLValidationError, open_url

from ..core.errors import InvalidInput, Refused, Unreachable
from ..core.redact import redact

BASE_PATH = "/xenmobile/api/v1"
_SHOWN_BODY = 200

Json = dict[str, t.Any]


class SessionExpired(Refused):
    """The server does not take the session's token any more."""


class XmsClient:
    """Logs in on first use, out when closed, and in again once if the session ends in between.

    :param on_secret: called with every token that the server hands out, so that a caller can keep it out of its output.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        ca_path: str | None = None,
        validate_certs: bool = True,
        timeout: int = 30,
        on_secret: t.Callable[[str], None] = lambda secret: None,
    ) -> None:
        if not url.startswith("https://") or len(url) <= len("https://"):
            raise InvalidInput("url", url, "https://<server>:<port>", "The API speaks HTTPS only")
        self._base = url.rstrip("/") + BASE_PATH
        self._username = username
        self._password = password
        self._open = {"ca_path": ca_path, "validate_certs": validate_certs, "timeout": timeout}
        self._on_secret = on_secret
        self._token = ""

    def close(self) -> None:
        """Log out. A logout that fails is passed over: the session ends by itself."""
        if self._token:
            with contextlib.suppress(Refused, Unreachable):
                self._send("POST", "/authentication/logout", {"login": self._username})
            self._token = ""

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request inside the session; returns the whole answer, whose ``status`` is 0.

        :raises Unreachable: no answer, no valid TLS, or an answer that is not the API's.
        :raises Refused: the server said no, by HTTP code or by ``status``.
        """
        if not self._token:
            self._log_in()
        try:
            return self._send(method, path, body)
        except SessionExpired:
            self._log_in()
            return self._send(method, path, body)

    def _log_in(self) -> None:
        self._token = ""
        answer = self._send(
            "POST", "/authentication/login", {"login": self._username, "password": self._password}, logging_in=True
        )
        token = answer.get("auth_token")
        if not isinstance(token, str) or not token:
            raise Unreachable(
                f"The login at {self._base} was accepted but brought no auth_token",
                "Check that the URL is the server's own and not a portal in front of it",
            )
        self._on_secret(token)
        self._token = token

    def _send(self, method: str, path: str, body: Json | None = None, logging_in: bool = False) -> Json:
        url = self._base + path
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Auth_token"] = self._token
        data = None if body is None else json.dumps(body)
        try:
            with open_url(url, method=method, data=data, headers=headers, use_proxy=True, **self._open) as answer:
                code, text = answer.getcode(), to_text(answer.read())
        except urllib.error.HTTPError as problem:
            code, text = problem.code, to_text(problem.read())
        except SSLValidationError as problem:
            raise Unreachable(
                f"The certificate of {self._base} was not accepted: {self._clean(str(problem))}",
                "Name the authority that signed it in ca_path",
            ) from None
        except (UrlsConnectionError, urllib.error.URLError, OSError, ValueError) as problem:
            reason = getattr(problem, "reason", problem)
            raise Unreachable(
                f"{method} {url} brought no answer: {self._clean(str(reason))}",
                "Check the address, the port (4443 is the usual one), the firewall in between and the certificate",
            ) from None
        return self._judge(f"{method} {url}", code, text, logging_in)

    def _judge(self, request: str, code: int, text: str, logging_in: bool) -> Json:
        if code in (400, 401) and logging_in:
            raise Refused(
                f"Expected a login at {self._base} as {self._username}, but got HTTP {code}",
                "Check user and password: a local user whose role has the permission 'Public API access'",
            )
        if code == 401:
            raise SessionExpired(f"{request} got HTTP 401: the session is not valid any more", "Run again")
        if code == 403:
            raise Refused(
                f"{request} got HTTP 403: {self._username} may not do this",
                "Give the user's role the permission 'Public API access' and access to the apps",
            )
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(
                f"Expected JSON from {request}, but got HTTP {code} with {self._clean(text)[:_SHOWN_BODY]!r}",
                "Check that the URL and port are the server's REST API and not a portal or proxy in front of it",
            )
        status = answer.get("status", 0)
        if code != 200 or status != 0:
            message = self._clean(str(answer.get("message", "no message")))
            raise Refused(
                f"Expected HTTP 200 and status 0 for {request}, but got {code} (status {status}, message {message})",
                "Look for the message in the server's log; nothing more was sent",
            )
        return answer

    def _clean(self, text: str) -> str:
        return redact(text, [self._token, self._password])
