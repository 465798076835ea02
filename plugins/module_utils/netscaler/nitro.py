# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session with a NetScaler's NITRO API.

Source: Citrix, "NITRO API reference", and its own netscaler.adc collection: a JSON envelope of ``errorcode``,
``message`` and ``severity``; HTTP codes say the same more coarsely. A list of nothing has no key of its resource.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ..core.errors import Refused, Unreachable
from ..core.https import Json, Transport, base_url, json_object
from ..core.redact import redact
from ..core.session import Session, SessionEnded

BASE_PATH = "/nitro/v1/config/"
NO_SUCH_RESOURCE, ALREADY_EXISTS, NOT_AUTHORIZED = 258, 273, 2138
_SHOWN_CHARACTERS = 200


class NoSuchResource(Refused):
    """What was asked for, or was to be removed, is not there."""


class AlreadyExists(Refused):
    """What was to be added is there: somebody was quicker, or an answer was lost."""


class NitroClient(Session):
    """One session with one NetScaler.

    :param url: ``https://<management address>[:<port>]``.
    :param on_secret: called with every session token, so that a caller can keep it out of its output.
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
        self._base = base_url(url, "Write the management address alone (NSIP, or a SNIP with management access)")
        super().__init__([password], on_secret)
        self._username = username
        self._password = password
        self._transport = transport

    def get(self, resource: str, name: str = "") -> list[Json]:
        """All objects of a resource, or those under one name; none where there is none.

        :raises NoSuchResource: the name is unknown.
        """
        found = self._request("GET", _path(resource, name)).get(resource, [])
        return found if isinstance(found, list) else [found]

    def add(self, resource: str, **fields: t.Any) -> None:
        """:raises AlreadyExists: an object of that name is there, whatever it holds."""
        self._request("POST", resource, {resource: fields})

    def put(self, resource: str, **fields: t.Any) -> None:
        """Change an object, or make a binding."""
        self._request("PUT", resource, {resource: fields})

    def delete(self, resource: str, name: str, **arguments: t.Any) -> None:
        """Remove an object, or the binding under ``name`` that ``arguments`` select.

        :raises NoSuchResource: it is gone already.
        """
        self._request("DELETE", _path(resource, name, arguments))

    def act(self, resource: str, action: str) -> None:
        """Carry out an action that takes no arguments, ``nsconfig`` ``save`` for example."""
        self._request("POST", f"{resource}?action={action}", {resource: {}})

    def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request inside the session; returns the whole answer, whose ``errorcode`` is 0.

        :raises Unreachable: no answer, no valid TLS, or an answer that is not NITRO's.
        :raises Refused: the NetScaler said no, by HTTP code or by ``errorcode``.
        """
        return self._inside(lambda: self._send(method, path, body))

    def _log_in(self) -> str:
        credentials = {"username": self._username, "password": self._password}
        try:
            answer = self._send("POST", "login", {"login": credentials})
        except SessionEnded as problem:
            raise Refused(
                f"The login as {self._username} was refused: {problem.what}",
                "Check user and password, and that the user may use the API interface",
            ) from None
        token = answer.get("sessionid")
        if not isinstance(token, str) or not token:
            raise Unreachable(
                f"The login at {self._base} was accepted but brought no sessionid",
                "Check that the URL is the management address and not that of a virtual server",
            )
        self._keep_secret(urllib.parse.quote(token, safe=""))  # as it stands in a cookie
        return token

    def _log_out(self) -> None:
        self._send("POST", "logout", {"logout": {}})

    def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Cookie"] = f"NITRO_AUTH_TOKEN={self._token}"
        url = f"{self._base}{BASE_PATH}{path}"
        sent = None if body is None else json.dumps(body)
        code, text, _retry_after = self._transport.send(method, url, headers, sent)
        answer = json_object(text)
        if answer is None and not text.strip() and 200 <= code < 300 and method != "GET":
            return {}  # a write that succeeded may say nothing more than its code
        shown = text if answer is None else str(answer.get("message"))
        message = redact(shown, self._secrets)[:_SHOWN_CHARACTERS]
        asked = f"{method} {url}"
        error = answer.get("errorcode", 0) if answer else 0
        said = f"Expected success for {asked}, but got HTTP {code} (errorcode {error}, message {message!r})"
        if code == 403 or error == NOT_AUTHORIZED:
            raise Refused(said, f"Give {self._username} a command policy that allows it; docs/netscaler.md lists them")
        if code == 401:
            raise SessionEnded(said, "Log in again")
        if answer is None:
            raise Unreachable(
                f"Expected JSON from {asked}, but got HTTP {code} with {message!r}",
                "Check that URL and port are the management address and not a virtual server or a proxy in front of it",
            )
        if error == NO_SUCH_RESOURCE:
            raise NoSuchResource(said, "Check the name")
        if error == ALREADY_EXISTS or code == 409:
            raise AlreadyExists(said, "Run again: what is there is compared first")
        if not 200 <= code < 300 or error != 0:
            raise Refused(said, "Look for the message in the NetScaler's ns.log, then run again: what is left is done")
        return answer


def _path(resource: str, name: str, arguments: t.Mapping[str, t.Any] | None = None) -> str:
    """``resource/name?args=key:value,...``; a name is encoded twice, because the NetScaler decodes it twice."""
    path = f"{resource}/{_encoded(_encoded(name))}" if name else resource
    if arguments:
        path += "?args=" + ",".join(f"{key}:{_encoded(str(value))}" for key, value in arguments.items())
    return path


def _encoded(text: str) -> str:
    return urllib.parse.quote(text, safe="")
