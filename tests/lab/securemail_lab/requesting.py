# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's site commands ask its services: one JSON request over HTTPS, the lab's names, the lab's authority."""

from __future__ import annotations

import sys
import typing as t

import httpx

from .lab import Lab

_TIMEOUT = 10.0


class RequestFailed(Exception):
    """No answer, or an answer that refuses; the text says which and repeats nothing of the request."""


def site_command(usage: str, arguments: list[str], act: t.Callable[..., None]) -> int:
    """Call ``act`` with the words of a site command; returns its exit status: 0, 1 with the reason on standard error,
    or 2 where the words are not as many as in ``usage``, which begins with the command's module.
    """
    if len(arguments) != len(usage.split()) - 1:
        print(f"usage: python -m {usage}", file=sys.stderr)
        return 2
    try:
        act(*arguments)
    except (RequestFailed, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def target(lab: Lab, host: str, path: str) -> tuple[str, dict[str, str], dict[str, t.Any]]:
    """URL by address, headers and httpx extensions that reach a host under its name, where no resolver knows it."""
    name, port = lab.name(host), lab.port("https")
    authority = name if port == 443 else f"{name}:{port}"
    return f"https://{lab.address(host)}:{port}{path}", {"Host": authority}, {"sni_hostname": name}


def post(lab: Lab, host: str, path: str, document: dict[str, t.Any], token: str) -> dict[str, t.Any]:
    """Post a JSON document with a bearer token and return the answer's.

    :raises RequestFailed: with the service's own words where it gave some.
    """
    url, headers, extensions = target(lab, host, path)
    headers["Authorization"] = f"Bearer {token}"
    try:
        with httpx.Client(verify=lab.client_tls(), timeout=_TIMEOUT, trust_env=False) as client:
            answer = client.post(url, json=document, headers=headers, extensions=extensions)
    except httpx.TransportError as error:
        raise RequestFailed(f"{lab.name(host)} does not answer ({error})") from None
    body: dict[str, t.Any] = (
        answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else {}
    )
    if answer.is_error:
        raise RequestFailed(f"HTTP {answer.status_code}: {body.get('error', answer.reason_phrase)}")
    return body
