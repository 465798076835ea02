# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the app reaches the internet: through the Gateway, or past it, as the Gateway itself says."""

from __future__ import annotations

import contextlib
import ssl
import typing as t

import aiohttp

from ..lab import USER, Lab

_GATEWAY = "vpn"


@contextlib.asynccontextmanager
async def leg(lab: Lab, tls: ssl.SSLContext) -> t.AsyncIterator[tuple[aiohttp.ClientSession, dict[str, t.Any]]]:
    """An HTTP session, and what each of its requests to the internet needs besides."""
    credentials = aiohttp.encode_basic_auth(USER, lab.secret("mailbox"))
    way = {"proxy": lab.url(_GATEWAY), "proxy_headers": {"Proxy-Authorization": credentials}}
    async with session(lab, tls) as inside:
        if await _is_tunneled(lab, inside, credentials):
            yield inside, way
            return
    async with session(lab, tls, (lab.address("devices-mobile"), 0)) as outside:
        yield outside, {}


async def _is_tunneled(lab: Lab, inside: aiohttp.ClientSession, credentials: str) -> bool:
    url, headers = lab.url(_GATEWAY, path="/vpn/settings"), {"Authorization": credentials}
    async with inside.get(url, headers=headers) as answer:
        answer.raise_for_status()
        return bool((await answer.json())["tunneled"])


def session(lab: Lab, tls: ssl.SSLContext, source: tuple[str, int] | None = None) -> aiohttp.ClientSession:
    """A session that knows the lab's names only, from an address of the device where one is named."""
    connector = aiohttp.TCPConnector(resolver=lab.resolver(), ssl=tls, force_close=True, local_addr=source)
    timeout = aiohttp.ClientTimeout(total=lab.seconds(240), sock_connect=lab.seconds(60))
    return aiohttp.ClientSession(connector=connector, timeout=timeout)
