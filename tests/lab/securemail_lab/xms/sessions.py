# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the REST API: a token of two halves, and the two documented kinds of timeout."""

from __future__ import annotations

import dataclasses
import secrets
import time
import typing as t

from .store import Store


@dataclasses.dataclass
class _Session:
    login: str
    started: float
    used: float


class Sessions:
    """Open sessions; like the real server's, they do not outlive its process.

    :param clock: seconds that only grow.
    """

    def __init__(self, store: Store, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._open: dict[str, _Session] = {}

    def open(self, login: str) -> str:
        """Start a session; returns its ``auth_token``."""
        token = f"q{secrets.token_hex(16)}:q{secrets.token_hex(16)}"
        now = self._clock()
        self._open = {known: session for known, session in self._open.items() if self._is_alive(session)}
        self._open[token] = _Session(login, now, now)
        return token

    def use(self, token: str) -> str | None:
        """The user of a session, which counts as activity; ``None`` where it is unknown or over."""
        session = self._open.get(token)
        if session is None or not self._is_alive(session):
            self._open.pop(token, None)
            return None
        session.used = self._clock()
        return session.login

    def close(self, token: str) -> None:
        self._open.pop(token, None)

    def close_all(self) -> None:
        self._open.clear()

    def _is_alive(self, session: _Session) -> bool:
        kind, seconds = self._store.session_timeout()
        since = session.used if kind == "INACTIVITY_TIMEOUT" else session.started
        return self._clock() - since < seconds
