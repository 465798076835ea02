# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS requests without credentials, for their status code and the server's clock alone. Runs on the controller only.

urllib3 is what pywinrm's own client, requests, stands on. No proxy of the controller's environment is used, and no
redirect is followed: an Exchange host is asked itself.
"""

from __future__ import annotations

import email.utils
import ssl
import time
import urllib.parse

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import InvalidInput
from ansible_collections.pushops.securemail.plugins.module_utils.windows.health import (
    Answer,
    HealthGate,
    HealthSettings,
)

try:
    import urllib3
    import urllib3.exceptions
except ImportError:  # only where this file is imported outside a controller; without pywinrm nothing gets this far
    pass


def health_gate(settings: HealthSettings | None) -> HealthGate | None:
    """The gate that asks over HTTPS; ``None`` where nobody is to be asked."""
    return HealthGate(settings, HttpsAsker(settings)) if settings else None


class HttpsAsker:
    """Asks the two ends of EWS.

    :raises InvalidInput: from the constructor, where a file of authorities cannot be read.
    """

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._front_end = _context(settings.ca_path, settings.validate_certs, "ca_path")
        self._back_end = _context(settings.back_end_ca_path, settings.validate_certs, "back_end_ca_path")

    def ask(self, url: str, body: bytes | None, *, back_end: bool) -> Answer:
        """GET, or POST a SOAP message; a new connection each time, because a restarted service drops old ones."""
        parts = urllib.parse.urlsplit(url)
        name = "" if back_end else self._settings.server_name
        headers = {"User-Agent": "pushops.securemail", **({"Host": name} if name else {})}
        if body is not None:
            headers["Content-Type"] = "text/xml; charset=utf-8"
        try:
            with urllib3.HTTPSConnectionPool(
                parts.hostname or "",
                parts.port or 443,
                timeout=urllib3.Timeout(total=self._settings.timeout),
                ssl_context=self._back_end if back_end else self._front_end,
                server_hostname=name or None,
                assert_hostname=None if self._settings.validate_certs else False,
            ) as pool:
                response = pool.request(
                    "GET" if body is None else "POST",
                    parts.path,
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                answer = Answer(response.status, clock_ahead=_ahead(response.headers.get("Date")))
                response.close()
                return answer
        except urllib3.exceptions.SSLError as problem:
            return Answer(None, f"its certificate or TLS is refused: {_sentence(problem)}")
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            return Answer(None, _sentence(problem))


def _ahead(date: str | None) -> float | None:
    """Seconds by which the server's clock is ahead of ours; ``None`` where it says nothing that can be read."""
    try:
        return email.utils.parsedate_to_datetime(date or "").timestamp() - time.time()
    except ValueError:
        return None


def _context(ca_path: str, validate: bool, option: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_path or None)
    except OSError as problem:  # ssl.SSLError is one
        raise InvalidInput(f"health.{option}", ca_path, "a PEM file of authorities", f"Correct it: {problem}") from None
    if not validate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _sentence(problem: Exception) -> str:
    """The innermost reason; urllib3 wraps it in the objects that it came through."""
    reason = getattr(problem, "reason", None) or problem
    if isinstance(reason, Exception) and reason is not problem:
        return _sentence(reason)
    text = " ".join(str(problem).split())
    return text.rpartition("object at ")[2].partition(">: ")[2] or text
