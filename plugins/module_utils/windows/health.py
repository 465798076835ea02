# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether EWS of one host lives, judged by HTTP status codes that the controller gets. No I/O of its own.

The front end is asked for ``/EWS/healthcheck.htm`` (Microsoft, "Load balancing in Exchange Server": 200 says that the
protocol is up), and both ends for an EWS request without a user, which a living EWS answers with 401. The back end is
asked by itself, because a web.config that is broken there shows at the front end only to clients that sign in.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from .ssl_flags import asks_for_certificate, requires_certificate

#: What is posted. Its size counts: IIS refuses it with 413 where it asks for a certificate and reads less ahead.
EWS_REQUEST = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<m:GetServerTimeZones xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    b' ReturnFullTimeZoneData="false"/></s:Body></s:Envelope>\n'
)
#: An application that is about to restart may answer once more as it did before, so it has to be sound twice running.
SOUND_ROUNDS = 2
SECONDS_BETWEEN_ROUNDS = 2.0
#: A network's single hiccup is no reason to refuse a change.
ROUNDS_BEFORE = 3


@dataclass(frozen=True)
class HealthSettings:
    """Where EWS is asked, and for how long.

    :param url: the front end, ``https://HOST[:PORT]``.
    :param back_end_url: the same for the back end; empty: not asked.
    :param server_name: the name on the front end's certificate, where it is not the host of ``url``.
    :param ca_path: PEM file of the authority; empty: the system's store.
    :param back_end_ca_path: the same for the back end, whose certificate is self-signed by default.
    :param timeout: seconds that one request may take.
    :param warm_up: seconds after a change, or a recycling, within which EWS has to live again.
    """

    url: str
    back_end_url: str = ""
    server_name: str = ""
    ca_path: str = ""
    back_end_ca_path: str = ""
    validate_certs: bool = True
    timeout: int = 10
    warm_up: int = 90


@dataclass(frozen=True)
class Answer:
    """What came back.

    :param status: HTTP status code; ``None``: no answer, for the reason in ``problem``.
    :param clock_ahead: seconds by which the host's clock, which its ``Date`` names (RFC 9110 section 6.6.1), is ahead
        of the controller's; ``None``: it names none.
    """

    status: int | None
    problem: str = ""
    clock_ahead: float | None = None

    def __str__(self) -> str:
        return f"no answer ({self.problem})" if self.status is None else f"HTTP {self.status}"


class Asker(t.Protocol):
    """The one seam to EWS: a request without credentials to one address."""

    def ask(self, url: str, body: bytes | None, *, back_end: bool) -> Answer:
        """GET, or POST where there is a body. Never raises for what the network or the host does."""


@dataclass(frozen=True)
class Expected:
    """What IIS's settings make of a request without a user, besides its answer.

    :param certificate_required: requests without a client certificate are refused with 403.
    :param read_ahead: bytes of a pending body that the front end takes; ``None``: it asks for no certificate, and
        takes any.
    """

    certificate_required: bool = False
    read_ahead: int | None = None

    @classmethod
    def of(cls, ssl_flags: str, read_ahead: int) -> Expected:
        """From the front end's effective ``sslFlags`` and ``uploadReadAheadSize``."""
        return cls(requires_certificate(ssl_flags), read_ahead if asks_for_certificate(ssl_flags) else None)

    @property
    def forbidden(self) -> frozenset[int]:
        return frozenset({403} if self.certificate_required else ())

    @property
    def too_large(self) -> frozenset[int]:
        refused = self.read_ahead is not None and self.read_ahead < len(EWS_REQUEST)
        return frozenset({413} if refused else ())


class HealthGate:
    """The questions to one host. ``clock_ahead`` is what its last answer said, in seconds, or ``None``.

    :param clock: seconds, monotonic.
    :param wait: called with the seconds between two rounds.
    """

    def __init__(
        self,
        settings: HealthSettings,
        asker: Asker,
        clock: t.Callable[[], float] = time.monotonic,
        wait: t.Callable[[float], object] = time.sleep,
    ) -> None:
        self.settings = settings
        self.warnings: list[str] = []
        self.clock_ahead: float | None = None
        self._asker = asker
        self._clock = clock
        self._wait = wait
        self._back_end = bool(settings.back_end_url)

    def before(self, expected: Expected) -> str:
        """What is wrong before a change; empty where EWS lives. Finds out whether the back end can be asked at all."""
        if self._back_end:
            answer = self._ask_back_end()
            if answer.status is None:
                self._back_end = False
                self.warnings.append(
                    f"The back end at {self.settings.back_end_url} is not asked whether EWS lives: {answer}."
                    " Let the controller reach it, name its certificate in health.back_end_ca_path,"
                    " or leave health.back_end_url empty."
                )
        for number in range(ROUNDS_BEFORE):
            if number:
                self._wait(SECONDS_BETWEEN_ROUNDS)
            wrong = self._round(expected)
            if not wrong:
                break
        return wrong

    def after(self, expected: Expected) -> str:
        """Ask until EWS lives, or the warm-up period is over; what is wrong then, or empty."""
        deadline = self._clock() + self.settings.warm_up
        sound, wrong = 0, ""
        while True:
            wrong = self._round(expected)
            sound = 0 if wrong else sound + 1
            if sound == SOUND_ROUNDS or (wrong and self._clock() >= deadline):
                return wrong
            self._wait(SECONDS_BETWEEN_ROUNDS)

    def _round(self, expected: Expected) -> str:
        """One question each; the first that is not answered as EWS does."""
        page = f"{self.settings.url}/EWS/healthcheck.htm"
        answer = self._asker.ask(page, None, back_end=False)
        self.clock_ahead = answer.clock_ahead
        if answer.status not in {200} | expected.forbidden:
            return f"GET {page}: {answer}, expected HTTP 200"
        service = f"{self.settings.url}/EWS/Exchange.asmx"
        answer = self._asker.ask(service, EWS_REQUEST, back_end=False)
        if answer.status not in {200, 401} | expected.forbidden | expected.too_large:
            return f"POST {service}: {answer}, expected HTTP 401"
        if self._back_end:
            answer = self._ask_back_end()
            if answer.status not in {200, 401}:
                return f"POST {self.settings.back_end_url}/EWS/Exchange.asmx: {answer}, expected HTTP 401"
        return ""

    def _ask_back_end(self) -> Answer:
        return self._asker.ask(f"{self.settings.back_end_url}/EWS/Exchange.asmx", EWS_REQUEST, back_end=True)
