# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both Exchange hosts as programs, for tests that ask their EWS; listener and web proxy are of the test."""

from __future__ import annotations

import asyncio
import contextlib
import email.message
import json
import pathlib
import secrets
import smtplib
import socket
import ssl
import threading
import time
import typing as t

import requests
from aiohttp import web
from exchangelib.services import SendNotification

from securemail_lab.exchange import host as exchange
from securemail_lab.exchange.events import Event, EventLog
from securemail_lab.exchange.ews.frontend import FRONT_END
from securemail_lab.exchange.iis import BASIC_AUTHENTICATION, Iis
from securemail_lab.exchange.iis.edits import SetAttribute
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.seed import seed
from securemail_lab.lab import EXCHANGE_HOSTS, USER, Lab, create
from securemail_lab.pki import Authority
from securemail_lab.serve import listen
from securemail_lab.state import JsonFile

LISTENER = "listener-americas"
INSTALLED = r"%ExchangeInstallPath%"
FRONT_FILE = rf"{INSTALLED}FrontEnd\HttpProxy\EWS\web.config"
BACK_FILE = rf"{INSTALLED}ClientAccess\exchweb\EWS\web.config"
BYPASS = """<system.net><defaultProxy><proxy usesystemdefault="true" bypassonlocal="true" />
<bypasslist><add address="%s" /></bypasslist></defaultProxy></system.net></configuration>"""
GOOD_EXPRESSION = r"^https://us-east-1\.mailboxlistener\.xm\.citrix\.com(:\d+)?$"
ENVELOPE = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>%s</s:Body></s:Envelope>"""
SUBSCRIBE = """<m:Subscribe><m:PushSubscriptionRequest>%s<t:EventTypes><t:EventType>%s</t:EventType></t:EventTypes>
<t:StatusFrequency>%s</t:StatusFrequency><t:URL>%s</t:URL></m:PushSubscriptionRequest></m:Subscribe>"""
INBOX = '<t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>'


def make_lab(folder: pathlib.Path) -> Lab:
    """A loopback lab on free ports, seeded as the supervisor does it."""
    lab = create(folder, "loopback")
    plan = json.loads((folder / "lab.json").read_bytes())
    with contextlib.ExitStack() as taken:
        for service in plan["ports"]:
            probe = taken.enter_context(socket.socket())
            probe.bind((lab.address("exch01"), 0))
            plan["ports"][service] = probe.getsockname()[1]
    (folder / "lab.json").write_text(json.dumps(plan))
    names = ("winrm", "mailbox", "machine")
    (folder / "secrets.json").write_text(json.dumps({name: secrets.token_urlsafe(12) for name in names}))
    lab = Lab(folder)
    for host in (*EXCHANGE_HOSTS, LISTENER):
        Authority(lab).issue_server(host)
    for host in EXCHANGE_HOSTS:
        seed(lab, host)
    return lab


class Estate:
    """The hosts, a listener and a web proxy, in an event loop of another thread."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.notifications: list[bytes] = []
        self.answer = SendNotification(protocol=None).ok_payload()
        self.connects: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stops: dict[str, t.Callable[[], t.Awaitable[None]]] = {}

    def __enter__(self) -> Estate:
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        for host in list(self._stops):
            self.stop(host)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def stop(self, host: str) -> None:
        self.run(t.cast("t.Coroutine[t.Any, t.Any, None]", self._stops.pop(host)()))

    async def _start(self) -> None:
        for host in EXCHANGE_HOSTS:
            self._stops[host] = await exchange.serve(self.lab, host)
        await self._listen(LISTENER, "https", self.lab.server_tls(LISTENER))
        proxy = await asyncio.start_server(self._proxied, self.lab.address("proxy"), self.lab.port("proxy"))

        async def stop_proxy() -> None:
            proxy.close()

        self._stops["proxy"] = stop_proxy

    async def _listen(self, host: str, service: str, tls: ssl.SSLContext) -> None:
        app = web.Application()
        app.router.add_post("/v1/notify/{opaque}", self._notified)
        runner = await listen(app, self.lab.addresses(host), self.lab.port(service), tls)
        self._stops[f"{host} {service}"] = runner.cleanup

    def listen(self, host: str, service: str, tls: ssl.SSLContext) -> None:
        self.run(self._listen(host, service, tls))

    async def _notified(self, request: web.Request) -> web.Response:
        self.notifications.append(await request.read())
        return web.Response(body=self.answer, content_type="text/xml")

    async def _proxied(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.connects.append(head.split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    def machine(self, host: str) -> Machine:
        return Machine(host, self.lab.state(host))

    def edit(self, host: str, windows_path: str, old: str, new: str) -> None:
        """As somebody with an editor on the host."""
        path = self.machine(host).path(windows_path)
        text = path.read_bytes().decode()
        assert old in text
        path.write_bytes(text.replace(old, new).encode())

    def switch(self, host: str, section: str, on: bool) -> None:
        """A way to sign in to the front end, as ``appcmd set config ... /enabled:true /commit:apphost`` does it."""
        edits = [SetAttribute("enabled", str(on).lower())]
        Iis(self.machine(host)).commit(FRONT_END, section, edits, "apphost")

    def raise_read_ahead(self, host: str, size: int = 49152) -> None:
        self.edit(host, FRONT_FILE, 'uploadReadAheadSize="0"', f'uploadReadAheadSize="{size}"')

    def bypass(self, expression: str = GOOD_EXPRESSION) -> None:
        self.edit("exch01", BACK_FILE, "</configuration>", BYPASS % expression)

    def url(self, host: str, path: str = "/EWS/Exchange.asmx") -> str:
        return f"https://{self.lab.address(host)}:{self.lab.port('https')}{path}"

    def callback(self) -> str:
        return self.lab.url(LISTENER, path="/v1/notify/4f2c")

    def post(self, body: str, host: str = "exch01", **options: t.Any) -> requests.Response:
        options.setdefault("auth", (USER, self.lab.secret("mailbox")))
        content = (ENVELOPE % body).encode()
        return requests.post(self.url(host), data=content, verify=str(self.lab.ca_path), timeout=10, **options)

    def subscribe(self, minutes: str = "1", url: str = "", **options: t.Any) -> requests.Response:
        return self.post(SUBSCRIBE % (INBOX, "NewMailEvent", minutes, url or self.callback()), **options)

    def send_mail(self, host: str = "exch01") -> dict[str, str]:
        words = {"From": "sender-5c1@example.com", "Subject": "subject-8ae", "body": "body-77d"}
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = words["From"], USER, words["Subject"]
        message.set_content(words["body"])
        with smtplib.SMTP(self.lab.address(host), self.lab.port("smtp"), timeout=5) as connection:
            connection.send_message(message)
        return words

    def subscriptions(self) -> list[dict[str, t.Any]]:
        found: list[dict[str, t.Any]] = JsonFile(self.lab.state("exch01") / "subscriptions.json").read()
        return found

    def events(self, event_id: int) -> list[Event]:
        return [event for event in EventLog(self.machine("exch01")).read() if event.event_id == event_id]

    def mails(self) -> list[bytes]:
        """Notifications that are not status events."""
        return [content for content in self.notifications if b"NewMailEvent" in content]


@contextlib.contextmanager
def running(folder: pathlib.Path) -> t.Iterator[Estate]:
    """A loopback estate whose hosts take Basic, too; Exchange's setup turns it off."""
    with Estate(make_lab(folder)) as estate:
        for host in EXCHANGE_HOSTS:
            estate.switch(host, BASIC_AUTHENTICATION, True)
        yield estate


def wait(condition: t.Callable[[], object], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
