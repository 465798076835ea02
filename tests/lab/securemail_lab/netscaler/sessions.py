# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NITRO sessions: a session id for a cookie, which ends after a time without use."""

from __future__ import annotations

import dataclasses
import hmac
import secrets
import time
import typing as t

from .envelope import Refusal
from .store import Store


@dataclasses.dataclass
class _Session:
    login: str
    used: float


def new_id() -> str:
    """A session id that nobody guesses; it begins with two number signs, as real ones do."""
    return "##" + secrets.token_hex(40).upper()


class Sessions:
    """Open sessions; they do not outlive the process.

    :param clock: seconds that only grow.
    """

    def __init__(self, store: Store, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._open: dict[str, _Session] = {}

    def check(self, login: t.Any, password: t.Any) -> str:
        """The user of these credentials.

        :raises Refusal: 354, whichever of the two is wrong.
        """
        expected = self._store.password(login) if isinstance(login, str) else None
        given = password if isinstance(password, str) else ""
        if expected is None or not hmac.compare_digest(expected.encode(), given.encode()):
            raise Refusal(354, "Invalid username or password", 401)
        return str(login)

    def open(self, login: str) -> str:
        """Start a session; returns its id."""
        token = new_id()
        self._open = {known: session for known, session in self._open.items() if self._is_alive(session)}
        self._open[token] = _Session(login, self._clock())
        return token

    def use(self, token: str) -> str:
        """The user of a session, which counts as use.

        :raises Refusal: 352 without a session, 444 for one that is over or was never there.
        """
        if not token:
            raise Refusal(352, "Login is required", 401)
        session = self._open.get(token)
        if session is None or not self._is_alive(session):
            self._open.pop(token, None)
            raise Refusal(444, "Session expired or killed. Please login again", 401)
        session.used = self._clock()
        return session.login

    def close(self, token: str) -> None:
        self._open.pop(token, None)

    def close_all(self) -> None:
        self._open.clear()

    @property
    def count(self) -> int:
        return len(self._open)

    def _is_alive(self, session: _Session) -> bool:
        return self._clock() - session.used < self._store.session_seconds()
