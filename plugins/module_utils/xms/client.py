# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with a XenMobile Server's public REST API.

Source: Citrix, "Public API for REST Services" (October 2016 and April 2021). The API documents no error table, so the
HTTP code *and* the ``status`` of the body are judged.
"""

from __future__ import annotations

import json
import time
import typing as t

from ..core.errors import Refused, Unreachable
from ..core.https import Answer, Json, Transport, base_url, json_object
from ..core.multipart import Multipart
from ..core.redact import redact
from ..core.retries import BUSY, patiently
from ..core.session import Session, SessionEnded
from .logins import Login

BASE_PATH = "/xenmobile/api/v1"
LOGOUT = "/authentication/logout"
_SHOWN_CHARACTERS = 200


class XmsClient(Session):
    """One session with one server.

    :param url: ``https://<server>[:<port>]``.
    :param on_secret: called with every token that the server hands out, so that a caller can keep it out of its output.
    :param pause: waits for so many seconds before a request is sent again.
    :raises InvalidInput: a URL of another form.
    """

    def __init__(
        self,
        url: str,
        login: Login,
        transport: Transport,
        on_secret: t.Callable[[str], None] = lambda secret: None,
        pause: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base_url(url, "Write the server's name and REST port alone, 4443 as a rule") + BASE_PATH
        super().__init__(login.secrets, on_secret)
        self._login = login
        self._transport = transport
        self.pause = pause

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request inside the session; returns the whole answer, whose ``status`` is 0.

        What may be sent twice is, if the server is busy or the answer is lost: reads, and the PUT, which says all that
        it sets.

        :raises Unreachable: no answer, no valid TLS, or an answer that is not the API's.
        :raises Refused: the server said no, by HTTP code or by ``status``.
        """
        return self._inside(lambda: self._send(method, path, body))

    def upload(self, path: str, content: Multipart) -> Json:
        """Send a file inside the session, without a second try.

        :raises AnswerLost: whether the server took it is not known.
        """
        return self._inside(lambda: self._send("POST", path, content))

    def _log_in(self) -> str:
        try:
            answer = self._send("POST", self._login.path, self._login.body)
        except SessionEnded as problem:
            raise Refused(f"The login as {self._login.who} was refused: {problem.what}", self._login.remedy) from None
        token = answer.get("auth_token")
        if not isinstance(token, str) or not token:
            raise Unreachable(
                f"The login at {self._base} was accepted but brought no auth_token",
                "Check that the URL is the server's own and not that of a portal in front of it",
            )
        return token

    def _log_out(self) -> None:
        # A login of Citrix Cloud has no user's name that could be repeated.
        self._send("POST", LOGOUT, {name: value for name, value in self._login.body.items() if name == "login"})

    def _send(self, method: str, path: str, body: Json | Multipart | None = None) -> Json:
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Auth_token"] = self._token
        elif path == self._login.path:
            headers.update(self._login.headers)
        if not isinstance(body, Multipart):
            headers["Content-Type"] = "application/json"
        sent = json.dumps(body) if isinstance(body, dict) else body

        def exchange() -> Answer:
            return self._transport.send(method, self._base + path, headers, sent)

        may_repeat = method in ("GET", "PUT") or path.endswith("/filter") or path == self._login.path
        got = patiently(exchange, self.pause) if may_repeat else exchange()
        return self._judged(f"{method} {self._base}{path}", path, got)

    def _judged(self, asked: str, path: str, got: Answer) -> Json:
        code = got.code
        answer = json_object(got.text)
        message = redact(got.text if answer is None else str(answer.get("message")), self._secrets)[:_SHOWN_CHARACTERS]
        if code in (401, 403) or (code == 400 and path == self._login.path):
            raise SessionEnded(
                f"Expected HTTP 200 for {asked}, but got {code} (message {message!r})",
                f"Give the role of {self._login.who} the permission 'Public API access' and those of docs/xenmobile.md",
            )
        if code in BUSY:
            later = f", to be asked again in {got.retry_after[:40]!r}" if got.retry_after else ""
            raise Unreachable(
                f"Expected HTTP 200 for {asked}, but got HTTP {code} ({message!r}){later}",
                "The server is busy or restarting: run again later; if it stays so, look at what stands in front of it",
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
