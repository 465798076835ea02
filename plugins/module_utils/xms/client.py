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

from ..core.errors import Refused, Unreachable
from ..core.https import Json, Transport, base_url, json_object
from ..core.redact import redact

BASE_PATH = "/xenmobile/api/v1"
LOGIN = "/authentication/login"
LOGOUT = "/authentication/logout"
_SHOWN_CHARACTERS = 200


class SessionEnded(Refused):
    """The server does not take the session's token, or the user may not do this: the API does not tell them apart."""


class XmsClient:
    """Logs in on first use, out when closed, and in again once if the session ends in between.

    :param url: ``https://<server>[:<port>]``.
    :param on_secret: called with every token that the server hands out, so that a caller can keep it out of its output.
    :raises InvalidInput: a URL of another form.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        transport: Transport,
        on_secret: t.Callable[[str], None] = lambda secret: None,
    ) -> None:
        self._base = base_url(url, "Write the server's name and REST port alone, 4443 as a rule") + BASE_PATH
        self._username = username
        self._password = password
        self._transport = transport
        self._on_secret = on_secret
        self._token = ""
        self._secrets = {password, json.dumps(password)[1:-1]}

    def close(self) -> None:
        """Log out. A logout that fails is passed over: the session ends by itself."""
        if self._token:
            with contextlib.suppress(Refused, Unreachable):
                self._send("POST", LOGOUT, {"login": self._username})
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
        except SessionEnded:
            self._log_in()
            return self._send(method, path, body)

    def _log_in(self) -> None:
        self._token = ""
        try:
            answer = self._send("POST", LOGIN, {"login": self._username, "password": self._password})
        except SessionEnded as problem:
            raise Refused(
                f"The login as {self._username} was refused: {problem.what}",
                "Check user and password: a local user whose role has the permission 'Public API access'",
            ) from None
        token = answer.get("auth_token")
        if not isinstance(token, str) or not token:
            raise Unreachable(
                f"The login at {self._base} was accepted but brought no auth_token",
                "Check that the URL is the server's own and not that of a portal in front of it",
            )
        self._on_secret(token)
        self._secrets.add(token)
        self._token = token

    def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Auth_token"] = self._token
        sent = None if body is None else json.dumps(body)
        code, text = self._transport.send(method, self._base + path, headers, sent)
        answer = json_object(text)
        message = redact(text if answer is None else str(answer.get("message")), self._secrets)[:_SHOWN_CHARACTERS]
        asked = f"{method} {self._base}{path}"
        if code in (401, 403) or (code == 400 and path == LOGIN):
            raise SessionEnded(
                f"Expected HTTP 200 for {asked}, but got {code} (message {message!r})",
                f"Give the role of {self._username} the permission 'Public API access' and access to the apps",
            )
        if answer is None:
            raise Unreachable(
                f"Expected JSON from {asked}, but got HTTP {code} with {message!r}",
                "Check that URL and port are the server's REST API and not a portal or proxy in front of it",
            )
        status = answer.get("status", 0)
        if code != 200 or status != 0:
            raise Refused(
                f"Expected HTTP 200 and status 0 for {asked}, but got {code} (status {status!r}, message {message!r})",
                "Look for the message in the server's log",
            )
        return answer
