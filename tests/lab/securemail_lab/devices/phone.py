# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One iPhone: follows its policies, registers, subscribes, and shows the badge that arrives.

What it knows stands in ``state/devices/<device>.json``: ``{token, badge, registration, subscription, last_error,
notifications, relaunch}``. Raise ``relaunch`` by one, and the user has closed the app and opened it again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import typing as t

import aiohttp

from ..lab import BUNDLE_ID, DEVICES, USER, Lab
from ..state import JsonFile
from . import ews
from .settings import NotManaged, Settings
from .tunnel import leg
from .tunnel import session as open_session

POLL_SECONDS = 0.3
RETRY_SECONDS = 0.5
#: Field seconds after which the app subscribes anew: two status events, had the subscription been lost.
RENEW_SECONDS = 2 * 60 * ews.STATUS_FREQUENCY
NOTIFICATIONS_KEPT = 20


class Failed(Exception):
    """A step towards push that failed: ``policy``, ``register``, ``subscribe`` or ``courier``."""

    def __init__(self, step: str, detail: str) -> None:
        super().__init__(detail)
        self.step = step


@dataclasses.dataclass(frozen=True)
class _Arrangement:
    """For which settings, and in which life of the app, push was last arranged."""

    settings: Settings
    relaunch: int


class Phone:
    """A device of ``USER`` whose mail server is one of the Exchange hosts."""

    def __init__(self, lab: Lab, name: str, mail_server: str) -> None:
        self._lab = lab
        self._name = name
        self._mail_server = mail_server
        self._state = JsonFile(lab.state("devices") / f"{name}.json")
        self._token = str(self._state.read()["token"])
        self._tls = lab.client_tls()
        self._with_certificate = lab.client_tls()
        certificates = lab.state("devices") / "pki"
        self._with_certificate.load_cert_chain(certificates / "client.pem", certificates / "client.key")

    async def run(self) -> None:
        """Live until cancelled."""
        async with asyncio.TaskGroup() as life:
            life.create_task(self._follow_settings())
            life.create_task(self._stay_connected())

    async def _follow_settings(self) -> None:
        loop = asyncio.get_running_loop()
        arranged: _Arrangement | None = None
        renew_at = 0.0
        while True:
            pause = POLL_SECONDS
            try:
                settings = await self._settings()
                wanted = _Arrangement(settings, int(self._state.read()["relaunch"]))
                if not settings.push:
                    await self._end_push()
                    arranged = None
                elif wanted != arranged or loop.time() >= renew_at:
                    await self._arrange_push(settings)
                    arranged, renew_at = wanted, loop.time() + self._lab.seconds(RENEW_SECONDS)
                self._remember(last_error=None)
            except Failed as failure:
                arranged, pause = None, RETRY_SECONDS
                self._remember(last_error={"step": failure.step, "detail": str(failure)})
            await asyncio.sleep(pause)

    async def _settings(self) -> Settings:
        url = self._lab.url("xms", "xms-device", "/device/apps")
        try:
            asked = {"user": USER, "device": self._name}
            async with open_session(self._lab, self._tls) as session, session.get(url, params=asked) as answer:
                answer.raise_for_status()
                return Settings.of(await answer.json())
        except (aiohttp.ClientError, TimeoutError, ValueError, NotManaged) as error:
            raise Failed("policy", _words(error)) from None

    async def _arrange_push(self, settings: Settings) -> None:
        if not settings.tunneled:
            name = self._lab.name(self._mail_server)
            raise Failed("subscribe", f"{name} cannot be reached from outside: Network access is not tunneled")
        before = self._state.read()
        account = {"region": settings.region, "customer_id": settings.customer_id}
        if before["registration"] and not account.items() <= before["registration"].items():
            await self._end_push()
            before = self._state.read()
        listener_url = await self._register(settings)
        goes_on = before["registration"] and before["registration"]["listener_url"] == listener_url
        self._remember(registration={**account, "listener_url": listener_url})
        watermark = before["subscription"]["watermark"] if goes_on and before["subscription"] else None
        subscribed = await self._subscribe(listener_url, watermark)
        self._remember(subscription={**dataclasses.asdict(subscribed), "server": self._mail_server})

    async def _register(self, settings: Settings) -> str:
        url = self._lab.url(f"registration-{settings.region}", path="/v1/devices")
        document = {
            "customer_id": settings.customer_id,
            "bundle_id": BUNDLE_ID,
            "user": USER,
            "device": self._name,
            "token": self._token,
        }
        try:
            async with leg(self._lab, self._tls) as way, way.request("POST", url, json=document) as answer:
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Failed("register", _words(error)) from None
        if answer.status != 201:
            raise Failed("register", f"HTTP {answer.status}: {content.get('error', answer.reason)}")
        return str(content["listener_url"])

    async def _subscribe(self, listener_url: str, watermark: str | None) -> ews.Subscribed:
        url = self._lab.url(self._mail_server, path="/EWS/Exchange.asmx")
        try:
            async with open_session(self._lab, self._with_certificate) as session:
                return await ews.subscribe(session, url, listener_url, watermark)
        except (aiohttp.ClientError, TimeoutError, ews.SubscribeFailed) as error:
            raise Failed("subscribe", _words(error)) from None

    async def _end_push(self) -> None:
        """Deregister; the listener then answers Unsubscribe, and that ends the subscription at Exchange."""
        registration = self._state.read()["registration"]
        if registration is None:
            return
        service = f"registration-{registration['region']}"
        url = self._lab.url(service, path=f"/v1/devices/{self._token}")
        try:
            async with leg(self._lab, self._tls) as way, way.request("DELETE", url) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Failed("register", _words(error)) from None
        self._remember(registration=None, subscription=None)

    async def _stay_connected(self) -> None:
        """Hold the connection to Apple's courier over the mobile network, and show what it brings."""
        while True:
            try:
                reader, writer = await asyncio.open_connection(
                    self._lab.address("apns"),
                    self._lab.port("courier"),
                    ssl=self._tls,
                    server_hostname=self._lab.name("apns"),
                )
            except OSError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                writer.write(json.dumps({"token": self._token, "bundle_id": BUNDLE_ID}).encode() + b"\n")
                while line := await reader.readline():
                    self._show(json.loads(line))
            except (OSError, ValueError):
                pass  # it hung up, maybe in the middle of a line
            finally:
                writer.close()
            await asyncio.sleep(RETRY_SECONDS)

    def _show(self, push: dict[str, t.Any]) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        with self._state.edit() as state:
            state["notifications"] = [*state["notifications"], {"at": now, **push}][-NOTIFICATIONS_KEPT:]
            match push["payload"]:
                case {"aps": {"badge": int(badge)}}:
                    state["badge"] = badge

    def _remember(self, **what: t.Any) -> None:
        if any(self._state.read()[name] != value for name, value in what.items()):
            with self._state.edit() as state:
                state.update(what)


def all_subscribed(lab: Lab) -> bool:
    """Whether every phone has subscribed, and nothing that it tried since has failed."""
    states = [JsonFile(lab.state("devices") / f"{device}.json").read() for device in DEVICES]
    return all(state["subscription"] and state["last_error"] is None for state in states)


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the Gateway says {error.status} {error.message}"
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
