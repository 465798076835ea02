# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where a certificate of the store meets APNs: one HTTP/2 request, to a device that does not exist.

Source: Apple, "Establishing a certificate-based connection to APNs" and "Sending notification requests to APNs".
"""

from __future__ import annotations

import json
import secrets
import ssl
import traceback
import typing as t

from ..core.errors import InvalidInput, UnexpectedState
from ..core.redact import redact
from .endpoint import Endpoint
from .keys import Identity
from .proof import Proof, not_reachable, read_alert, read_answer

try:
    import httpx

    HTTPX_IMPORT_ERROR = ""
except ImportError:
    HTTPX_IMPORT_ERROR = traceback.format_exc()

_TOKEN_BYTES = 32
_LONGEST_ANSWER = 4096
# Should the token be a device's after all, it wakes no screen and is dropped if the device is away.
_QUIET = {"apns-push-type": "background", "apns-priority": "5", "apns-expiration": "0"}
_PAYLOAD = json.dumps({"aps": {}}).encode()


class Apns:
    """Asks APNs about certificates.

    :raises InvalidInput: ``ca_path`` holds no certificate.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._trust()

    def prove(self, identity: Identity, topic: str) -> Proof:
        """Sign in with a certificate and name the topic.

        :raises UnexpectedState: the certificate and the key do not belong together.
        """
        endpoint = self._endpoint
        context = self._trust()
        # Later versions end the handshake before the server has looked at the client's certificate, so that its alert
        # may be lost. APNs takes 1.2 and later.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(identity.certificate, identity.key, identity.passphrase.encode())
        except (OSError, ValueError):
            raise UnexpectedState(
                f"{identity.certificate} and {identity.key} cannot be used together",
                "Restore the two that belong together from a backup",
            ) from None
        url = httpx.URL(scheme="https", host=endpoint.host, port=endpoint.port, path=f"/3/device/{_fake_token()}")
        try:
            with (
                httpx.Client(
                    http1=False,
                    http2=True,
                    verify=context,
                    proxy=self._proxy(),
                    timeout=endpoint.timeout,
                    trust_env=False,
                ) as client,
                client.stream("POST", url, headers={"apns-topic": topic, **_QUIET}, content=_PAYLOAD) as answer,
            ):
                return read_answer(answer.status_code, _reason(answer), endpoint.host, topic)
        except (httpx.HTTPError, OSError) as problem:
            return self._read_problem(problem)

    def _trust(self) -> ssl.SSLContext:
        path = self._endpoint.ca_path
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as problem:
            raise InvalidInput(
                "proof.ca_path",
                path,
                f"a readable PEM file with certificates ({problem.strerror or problem})",
                "Name the certificate of the authority that signed the server's, or leave it out for the system's own",
            ) from None

    def _proxy(self) -> httpx.Proxy | None:
        endpoint = self._endpoint
        if endpoint.proxy is None:
            return None
        if endpoint.proxy_username is None:
            return httpx.Proxy(endpoint.proxy)
        return httpx.Proxy(endpoint.proxy, auth=(endpoint.proxy_username, endpoint.proxy_password or ""))

    def _read_problem(self, problem: BaseException) -> Proof:
        """httpx hides what TLS said behind words of its own, so the causes are walked."""
        endpoint, root = self._endpoint, problem
        for cause in _causes(problem):
            root = cause
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = f"the certificate that came from there is not trusted ({cause.verify_message})"
                return not_reachable(endpoint.host, endpoint.port, why)
            if isinstance(cause, ssl.SSLError) and (read := read_alert(cause.reason or "")):
                return read
        why = redact(str(root) or type(root).__name__, (endpoint.proxy_password,))
        return not_reachable(endpoint.host, endpoint.port, why)


def _causes(problem: BaseException) -> t.Iterator[BaseException]:
    """An error, then what caused it, down to the first."""
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _fake_token() -> str:
    """Well formed, and no device's: drawn from 2^256."""
    return secrets.token_hex(_TOKEN_BYTES)


def _reason(answer: httpx.Response) -> str:
    """``reason`` of an answer's JSON, whatever else may come from there."""
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > _LONGEST_ANSWER:
            return ""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    reason = document.get("reason") if isinstance(document, dict) else None
    return reason if isinstance(reason, str) and reason.isalnum() and len(reason) <= 64 else ""
