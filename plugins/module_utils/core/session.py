# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a REST API: opened on first use, once more if it ends in between, and closed in every case."""

from __future__ import annotations

import contextlib
import json
import typing as t
from abc import ABC, abstractmethod

from .errors import Refused, Unreachable

AnswerT = t.TypeVar("AnswerT")


class SessionEnded(Refused):
    """The system no longer takes the session's token, or did not open one. Nothing was carried out."""


class Session(ABC):
    """Keeps the token of one session, and everything that must not be shown.

    The token lives in this process alone: on disk, for the next task, it would be a password at rest.

    :param secrets: what the login sends.
    :param on_secret: called with every token, so that a caller can keep it out of its output.
    """

    def __init__(self, secrets: t.Iterable[str], on_secret: t.Callable[[str], None]) -> None:
        # As they stand in a header, and in a JSON body.
        self._secrets = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])}
        self._on_secret = on_secret
        self._token = ""

    def close(self) -> None:
        """Log out. A logout that fails is passed over: the session ends by itself."""
        if self._token:
            with contextlib.suppress(Refused, Unreachable):
                self._log_out()
            self._token = ""

    @abstractmethod
    def _log_in(self) -> str:
        """Open a session; returns its token. ``_token`` is empty meanwhile."""

    @abstractmethod
    def _log_out(self) -> None:
        """Close the session of ``_token``."""

    def _keep_secret(self, secret: str) -> None:
        self._on_secret(secret)
        self._secrets.add(secret)

    def _inside(self, send: t.Callable[[], AnswerT]) -> AnswerT:
        """Send within a session, and once more within a new one if the first has ended."""
        if not self._token:
            self._open()
        try:
            return send()
        except SessionEnded:  # nothing was carried out, so even a write may be sent again
            self.close()  # a refusal is not always an end
            self._open()
            return send()

    def _open(self) -> None:
        self._token = ""
        token = self._log_in()
        self._keep_secret(token)
        self._token = token
