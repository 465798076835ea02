# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The App Store Connect API and the Enterprise Program API: one form of request, two servers, two audiences.

Source: Apple, "App Store Connect API" and "Enterprise Program API" on developer.apple.com; JSON:API 1.0.
"""

from __future__ import annotations

import datetime
import json
import time
import typing as t
import urllib.parse
from dataclasses import dataclass

from ..core.errors import Refused, UnexpectedState, Unreachable
from ..core.https import Answer, Json, Transport, base_url, json_object
from ..core.redact import redact
from ..core.retries import patiently
from .tokens import LIFETIME, ApiKey, sign


@dataclass(frozen=True)
class Program:
    """One of Apple's two programs, as its API sees it."""

    url: str
    audience: str


PROGRAMS = {
    "app_store_connect": Program("https://api.appstoreconnect.apple.com", "appstoreconnect-v1"),
    "enterprise": Program("https://api.enterprise.developer.apple.com", "apple-developer-enterprise-v1"),
}

_PAGE = 200
_MOST_PAGES = 500
_RENEW = 60  # seconds before a token ends in which it is not used any more
_SHOWN_CHARACTERS = 300
_REMEDIES = {
    401: "Check key_id, issuer_id and private_key, that the key belongs to this program and is not revoked, and the "
    "clock of this machine",
    403: "Give the key the role Admin or App Manager with access to certificates, identifiers and profiles; accept a "
    "license agreement that waits for the account holder",
    409: "Correct the value that Apple names, or look at it in the developer portal",
    429: "Run again later: Apple counts the requests of a key over the last hour",
}


class DeveloperClient:
    """Signs in with a token of its own making, and makes the next one before it ends.

    :param url: the server, where it is not Apple's own.
    :param on_secret: called with every token, so that a caller can keep it out of its output.
    :raises InvalidInput: a URL or key of another form.
    """

    def __init__(
        self,
        program: Program,
        api_key: ApiKey,
        transport: Transport,
        url: str | None = None,
        on_secret: t.Callable[[str], None] = lambda secret: None,
        clock: t.Callable[[], float] = time.time,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base_url(url or program.url, "Leave url out, or name the server alone")
        self._program, self._api_key, self._transport = program, api_key, transport
        self._key = api_key.load()
        self._on_secret, self._clock, self._sleep = on_secret, clock, sleep
        self._token, self._token_ends = "", 0.0

    def list(self, path: str, **query: str) -> list[Json]:
        """All resources of a collection, page after page.

        :param query: filters; ``_`` in front of a name makes a ``filter[name]`` of it.
        """
        words = {f"filter[{name[1:]}]" if name.startswith("_") else name: value for name, value in query.items()}
        url = f"{self._base}/v1/{path}?{urllib.parse.urlencode({**words, 'limit': _PAGE})}"
        found: dict[str, Json] = {}  # by id, because a list that changes between two pages can show one twice
        for _page in range(_MOST_PAGES):
            answer = self._request("GET", url, None)
            data = answer.get("data")
            if not isinstance(data, list):
                raise self._foreign("GET", url, "no list under data")
            found.update({str(one["id"]): one for one in data})
            url = (answer.get("links") or {}).get("next") or ""
            if not url:
                return list(found.values())
            if not url.startswith(f"{self._base}/v1/"):
                raise self._foreign("GET", url, "a next page on another server, where the token does not go")
        raise self._foreign("GET", url, f"more than {_MOST_PAGES} pages")

    def create(self, kind: str, attributes: Json, **relationships: t.Any) -> Json:
        """Make one resource.

        :param relationships: name -> (type, id), or a list of them.
        """
        data: Json = {"type": kind, "attributes": attributes}
        if relationships:
            data["relationships"] = {name: {"data": _linked(value)} for name, value in relationships.items()}
        answer = self._request("POST", f"{self._base}/v1/{kind}", {"data": data})
        made = answer.get("data")
        if not isinstance(made, dict) or "id" not in made:
            raise self._foreign("POST", f"{self._base}/v1/{kind}", "no id under data")
        return made

    def delete(self, kind: str, identifier: str) -> None:
        self._request("DELETE", f"{self._base}/v1/{kind}/{identifier}", None)

    def _request(self, method: str, url: str, body: Json | None) -> Json:
        """
        :raises Unreachable: no answer, or one that is not the API's. What was to be made may have been made.
        :raises Refused: the server said no.
        """
        sent = None if body is None else json.dumps(body)

        def send() -> Answer:
            headers = {"Authorization": f"Bearer {self._current_token()}", "Accept": "application/json"}
            if sent is not None:
                headers["Content-Type"] = "application/json"
            return self._transport.send(method, url, headers, sent)

        return self._judged(patiently(send, self._sleep, repeatable=method == "GET"), method, url)

    def _judged(self, answer: Answer, method: str, url: str) -> Json:
        document = json_object(answer.text)
        if answer.code in (200, 201) and document is not None:
            return document
        if answer.code == 204:
            return {}
        errors = (document or {}).get("errors")
        if answer.code >= 400 and isinstance(errors, list) and errors:
            said = "; ".join(_explained(error) for error in errors if isinstance(error, dict))
            if answer.code == 404 and method == "DELETE":
                return {}
            raise Refused(
                f"Expected {method} {url} to succeed, but got HTTP {answer.code}: {self._shown(said)}"
                + (f" (to be asked again in {answer.retry_after[:40]!r})" if answer.retry_after else ""),
                _REMEDIES.get(answer.code, "Look at what Apple names, and run again"),
            )
        raise self._foreign(method, url, f"HTTP {answer.code} with {self._shown(answer.text)!r}")

    def _foreign(self, method: str, url: str, what: str) -> Unreachable:
        return Unreachable(
            f"Expected an answer of Apple's developer API to {method} {url}, but got {what}",
            "Check the proxy in between and the state of Apple's services, then run again",
        )

    def _shown(self, text: str) -> str:
        return redact(text, {self._token, self._api_key.private_key})[:_SHOWN_CHARACTERS]

    def _current_token(self) -> str:
        now = self._clock()
        if now > self._token_ends - _RENEW:
            self._token = sign(self._key, self._api_key, self._program.audience, int(now))
            self._token_ends = int(now) + LIFETIME
            self._on_secret(self._token)
        return self._token


def time_of(resource: Json, attribute: str) -> datetime.datetime:
    """A time among a resource's attributes, in UTC.

    :raises UnexpectedState: it has none.
    """
    value: t.Any = (resource.get("attributes") or {}).get(attribute)
    try:
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)
    except (TypeError, ValueError):
        raise UnexpectedState(
            f"Expected a time as {attribute} of {resource.get('type')} {resource.get('id')}, but it is {value!r}",
            "Report it: Apple's answers have changed",
        ) from None


def _linked(value: t.Any) -> t.Any:
    if isinstance(value, list):
        return [_linked(one) for one in value]
    kind, identifier = value
    return {"type": kind, "id": identifier}


def _explained(error: Json) -> str:
    code, title, detail = (str(error.get(name) or "") for name in ("code", "title", "detail"))
    return f"{code}: {detail or title}".strip(": ")
