# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the back end's worker process reaches the internet: defaultProxy, the system's proxy, the host's firewall."""

from __future__ import annotations

import errno
import http
import re
import socket
import urllib.parse

import aiohttp

from ...lab import Lab
from ..firewall import outbound_allowed
from ..iis.dotnet import ConfigurationErrors, dotnet_default_proxy
from ..machine import Machine
from ..registry import Registry
from .soap import CONTENT_TYPE

BACK_END = "Exchange Back End/EWS"
#: The settings of LocalSystem, as which MSExchangeServicesAppPool runs.
SYSTEM_PROXY = r"HKEY_USERS\S-1-5-18\Software\Microsoft\Windows\CurrentVersion\Internet Settings"
_LARGEST_ANSWER = 64 * 1024
#: The second address of a name is tried while the first one is still silent.
_NEXT_ADDRESS_SECONDS = 0.25


class SendFailed(Exception):
    """A notification did not reach its listener; the text is that of .NET's exception."""


class Outbound:
    """Sends from one host. Every setting is read for every send; every send is a connection of its own."""

    def __init__(self, lab: Lab, machine: Machine) -> None:
        self._lab = lab
        self._machine = machine

    async def post(self, url: str, content: bytes, soap_action: str) -> bytes:
        """Post a SOAP message; the body of the answer, which was HTTP 200.

        :raises SendFailed: anything else happened.
        """
        try:
            proxy = self._proxy_for(url)
        except ConfigurationErrors as error:
            raise SendFailed(f"ConfigurationErrorsException: {error}") from None
        headers = {"Content-Type": CONTENT_TYPE, "SOAPAction": f'"{soap_action}"'}
        try:
            return await self._exchange(url, proxy, content, headers)
        except (aiohttp.ClientError, TimeoutError) as error:
            text, status = _as_dotnet(error, url, proxy)
            raise SendFailed(f"WebException: {text} Status: {status}") from None

    async def _exchange(self, url: str, proxy: str | None, content: bytes, headers: dict[str, str]) -> bytes:
        patience = self._lab.seconds(240)
        connector = aiohttp.TCPConnector(
            resolver=self._lab.resolver(),
            socket_factory=self._socket,
            happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
            ssl=self._lab.client_tls(),
        )
        # Both addresses of a listener may be silent: aiohttp waits this long for each round of them.
        timeout = aiohttp.ClientTimeout(total=patience, sock_connect=patience / 3)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post(
                url, data=content, headers=headers, proxy=proxy, allow_redirects=False, raise_for_status=True
            ) as answer,
        ):
            if answer.status != http.HTTPStatus.OK:
                raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status)
            return await answer.content.read(_LARGEST_ANSWER)

    def _proxy_for(self, url: str) -> str | None:
        domain = self._lab.name(self._machine.name).partition(".")[2]
        proxy = dotnet_default_proxy(self._machine, BACK_END, domain)
        return proxy.proxy_for(url, self._system_proxy(urllib.parse.urlsplit(url).scheme))

    def _system_proxy(self, scheme: str) -> str | None:
        """``ProxyServer`` is ``name:port`` for everything, or ``http=name:port;https=name:port``."""
        registry = Registry(self._machine)
        enabled, server = (registry.get(SYSTEM_PROXY, name) for name in ("ProxyEnable", "ProxyServer"))
        if enabled is None or enabled[1] != 1 or server is None:
            return None
        for entry in re.split(r"[;\s]+", str(server[1])):
            kind, equals, address = entry.rpartition("=")
            if address and (not equals or kind.lower() == scheme):
                return address if "://" in address else f"http://{address}"
        return None

    def _socket(self, candidate: aiohttp.AddrInfoType) -> socket.socket:
        """The firewall decides on each address that is about to be tried."""
        family, kind, protocol, _rest, address = candidate
        if not outbound_allowed(self._machine, str(address[0]), int(address[1])):
            raise PermissionError(
                errno.EACCES, "An attempt was made to access a socket in a way forbidden by its access permissions"
            )
        return socket.socket(family, kind, protocol)


def _as_dotnet(error: Exception, url: str, proxy: str | None) -> tuple[str, str]:
    """Message and ``WebExceptionStatus`` of the WebException that HttpWebRequest throws for this."""
    closed = "The underlying connection was closed:"
    match error:
        case aiohttp.ClientResponseError():  # the listener's answer, or the proxy's to CONNECT
            return f"The remote server returned an error: ({error.status}) {_reason(error.status)}.", "ProtocolError"
        case aiohttp.ClientConnectorCertificateError():
            text = f"{closed} Could not establish trust relationship for the SSL/TLS secure channel."
            return text, "TrustFailure"
        case aiohttp.ClientConnectorSSLError():
            return "The request was aborted: Could not create SSL/TLS secure channel.", "SecureChannelFailure"
        case aiohttp.ClientConnectorDNSError() if proxy:  # the proxy is asked to resolve the listener's name
            name = urllib.parse.urlsplit(proxy).hostname
            return f"The proxy name could not be resolved: '{name}'", "ProxyNameResolutionFailure"
        case aiohttp.ClientConnectorDNSError():
            name = urllib.parse.urlsplit(url).hostname
            return f"The remote name could not be resolved: '{name}'", "NameResolutionFailure"
        case aiohttp.ClientConnectorError():
            return f"Unable to connect to the remote server ({error.os_error.strerror})", "ConnectFailure"
        case aiohttp.ConnectionTimeoutError():
            return "Unable to connect to the remote server", "ConnectFailure"
        case TimeoutError():
            return "The operation has timed out", "Timeout"
        case _:
            return f"{closed} The connection was closed unexpectedly.", "ConnectionClosed"


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
