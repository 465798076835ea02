# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the app reaches the internet: through the Gateway, or past it, as the Gateway itself says."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
import typing as t

import aiohttp

from ..lab import USER, Lab

_GATEWAY = "vpn"


@dataclasses.dataclass(frozen=True)
class Leg:
    """An HTTP session, and what each of its requests to the internet needs besides."""

    session: aiohttp.ClientSession
    way: dict[str, t.Any]

    def request(self, method: str, url: str, **more: t.Any) -> t.AsyncContextManager[aiohttp.ClientResponse]:
        return self.session.request(method, url, **more, **self.way)


@contextlib.asynccontextmanager
async def leg(lab: Lab, tls: ssl.SSLContext) -> t.AsyncIterator[Leg]:
    """The app's way to the internet, as the Gateway says at this moment."""
    credentials = aiohttp.encode_basic_auth(USER, lab.secret("mailbox"))
    way = {"proxy": lab.url(_GATEWAY), "proxy_headers": {"Proxy-Authorization": credentials}}
    async with session(lab, tls) as inside:
        if await _is_tunneled(lab, inside, credentials):
            yield Leg(inside, way)
            return
    async with session(lab, tls, (lab.address("devices-mobile"), 0)) as outside:
        yield Leg(outside, {})


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
