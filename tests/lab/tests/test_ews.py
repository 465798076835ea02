# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both Exchange hosts as programs, asked by exchangelib, requests and smtplib; listener and proxy are of the test."""

from __future__ import annotations

import asyncio
import base64
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

import exchangelib
import pytest
import requests
from aiohttp import web
from exchangelib.protocol import BaseProtocol
from exchangelib.services import SendNotification
from exchangelib.version import EXCHANGE_2019, Version
from requests.adapters import HTTPAdapter
from requests_ntlm import HttpNtlmAuth

from securemail_lab.exchange import host as exchange
from securemail_lab.exchange.events import Event, EventLog
from securemail_lab.exchange.ews.frontend import FRONT_END
from securemail_lab.exchange.ews.outbound import SYSTEM_PROXY
from securemail_lab.exchange.ews.subscriptions import watermark
from securemail_lab.exchange.firewall import LOCAL_POLICY, RULES
from securemail_lab.exchange.iis import BASIC_AUTHENTICATION, WINDOWS_AUTHENTICATION, Iis
from securemail_lab.exchange.iis.edits import SetAttribute
from securemail_lab.exchange.machine import Machine
from securemail_lab.exchange.mailbox import Mailboxes
from securemail_lab.exchange.pools import EWS_POOL, STOPPED, change_state, restart
from securemail_lab.exchange.registry import Registry
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

    def offer_basic(self, host: str) -> None:
        """As ``appcmd set config ... /commit:apphost``: Exchange's setup turns it off."""
        switch = [SetAttribute("enabled", "true")]
        Iis(self.machine(host)).commit(FRONT_END, BASIC_AUTHENTICATION, switch, "apphost")

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


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> t.Iterator[Estate]:
    with Estate(make_lab(tmp_path)) as running:
        for host in EXCHANGE_HOSTS:
            running.offer_basic(host)
        yield running


def wait(condition: t.Callable[[], object], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def account(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[exchangelib.Account]:
    class TrustsLab(HTTPAdapter):
        def cert_verify(self, conn: t.Any, url: t.Any, verify: t.Any, cert: t.Any) -> None:
            super().cert_verify(conn=conn, url=url, verify=str(estate.lab.ca_path), cert=cert)

    monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", TrustsLab)
    configuration = exchangelib.Configuration(
        service_endpoint=estate.url("exch01"),
        credentials=exchangelib.Credentials(USER, estate.lab.secret("mailbox")),
        auth_type=exchangelib.BASIC,
        version=Version(build=EXCHANGE_2019),
    )
    account = exchangelib.Account(USER, config=configuration, autodiscover=False, access_type=exchangelib.DELEGATE)
    yield account
    account.protocol.close()


def offered(answer: requests.Response) -> list[str]:
    """What WWW-Authenticate says, header by header."""
    headers: list[str] = answer.raw.headers.getlist("WWW-Authenticate")
    return headers


def events_of(content: bytes) -> list[t.Any]:
    notifications = list(SendNotification(protocol=None).parse(content))
    return [event for notification in notifications for event in notification.events]


# --- the whole way, with an EWS client that knows nothing of this lab


def test_exchangelib_subscribes_and_parses_the_notification(estate: Estate, account: exchangelib.Account) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    identifier, mark = account.inbox.subscribe_to_push(estate.callback(), event_types=["NewMailEvent"])
    wait(lambda: estate.notifications)
    assert type(events_of(estate.notifications[0])[0]).__name__ == "StatusEvent"
    words = estate.send_mail()
    wait(estate.mails)
    (notification,) = SendNotification(protocol=None).parse(estate.mails()[0])
    (event,) = notification.events
    item = Mailboxes(estate.lab).items(USER)[0]
    assert (notification.subscription_id, notification.previous_watermark) == (identifier, mark)
    assert type(event).__name__ == "NewMailEvent"
    assert (event.item_id.id, event.item_id.changekey) == (item.id, item.change_key)
    assert event.parent_folder_id.id == account.inbox.id
    for word in words.values():
        assert word.encode() not in estate.mails()[0]
    assert estate.connects == [] and estate.events(6) == []
    estate.send_mail()
    wait(lambda: len(estate.mails()) > 1)
    (next_notification,) = SendNotification(protocol=None).parse(estate.mails()[1])
    assert next_notification.previous_watermark == event.watermark
    assert next_notification.events[0].item_id.id != item.id


def test_exchangelib_sends_a_message(estate: Estate, account: exchangelib.Account) -> None:
    estate.raise_read_ahead("exch01")
    exchangelib.Message(
        account=account, folder=account.sent, subject="hello", body="there", to_recipients=[USER]
    ).send_and_save()
    folders = {item.folder: item for item in Mailboxes(estate.lab).items(USER)}
    assert set(folders) == {"inbox", "sentitems"}
    assert folders["inbox"].subject == "hello"
    assert b"there" in base64.b64decode(folders["inbox"].mime)


def test_exchangelib_deletes_a_draft_for_good_or_into_the_deleted_items(
    estate: Estate, account: exchangelib.Account
) -> None:
    estate.raise_read_ahead("exch01")
    kept, gone = (exchangelib.Message(account=account, folder=account.drafts, subject=name).save() for name in "ab")
    twin = exchangelib.Message(account=account, folder=account.drafts, id=gone.id, changekey=gone.changekey)
    gone.delete()
    kept.move_to_trash()
    assert [(item.folder, item.subject) for item in Mailboxes(estate.lab).items(USER)] == [("deleteditems", "a")]
    with pytest.raises(exchangelib.errors.ErrorItemNotFound):
        twin.delete()


def test_unsubscribe_answer_ends_the_subscription(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.answer = SendNotification(protocol=None).unsubscribe_payload()
    assert estate.subscribe().status_code == 200
    wait(lambda: estate.notifications)
    wait(lambda: estate.subscriptions() == [])
    estate.send_mail()
    time.sleep(0.3)
    assert len(estate.notifications) == 1 and estate.events(6) == []


def test_a_device_with_a_certificate_subscribes_through_the_other_host(estate: Estate) -> None:
    estate.raise_read_ahead("exch02")
    estate.bypass()
    folder = estate.lab.state("devices") / "pki"
    certificate = (str(folder / "client.pem"), str(folder / "client.key"))
    answer = estate.subscribe(host="exch02", auth=None, cert=certificate)
    assert answer.status_code == 200 and "NoError" in answer.text
    assert (answer.headers["X-FEServer"], answer.headers["X-BEServer"]) == ("EXCH02", "EXCH01")
    assert 'MajorBuildNumber="986"' in answer.text
    estate.send_mail("exch02")
    wait(estate.mails)
    assert len(estate.subscriptions()) == 1


# --- the front end's rules


def test_413_obeys_the_effective_read_ahead_size(estate: Estate) -> None:
    refused = estate.subscribe()
    assert refused.status_code == 413 and refused.headers["Connection"] == "close"
    assert estate.subscriptions() == []
    estate.raise_read_ahead("exch01", 100)
    assert estate.subscribe().status_code == 413
    estate.edit("exch01", FRONT_FILE, 'uploadReadAheadSize="100"', 'uploadReadAheadSize="49152"')
    assert estate.subscribe().status_code == 200
    assert estate.subscribe(host="exch02").status_code == 413


def test_413_spares_a_client_that_waits_and_one_without_a_body(estate: Estate) -> None:
    assert estate.subscribe(headers={"Expect": "100-continue"}).status_code == 200
    assert requests.get(estate.url("exch01"), verify=str(estate.lab.ca_path), timeout=5).status_code == 401
    chunks = requests.post(estate.url("exch01"), data=iter([b"x"]), verify=str(estate.lab.ca_path), timeout=5)
    assert chunks.status_code == 413


def test_413_needs_client_certificates(estate: Estate) -> None:
    apphost = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
    estate.edit("exch01", apphost, "Ssl, SslNegotiateCert, Ssl128", "Ssl, Ssl128")
    assert estate.subscribe().status_code == 200
    folder = estate.lab.state("devices") / "pki"
    ignored = estate.subscribe(auth=None, cert=(str(folder / "client.pem"), str(folder / "client.key")))
    assert ignored.status_code == 401
    assert offered(ignored) == ["Negotiate", "NTLM", 'Basic realm="exch01.corp.contoso.com"']


def test_required_certificate(estate: Estate) -> None:
    apphost = r"C:\Windows\System32\inetsrv\config\applicationHost.config"
    estate.edit("exch01", apphost, "Ssl, SslNegotiateCert, Ssl128", "Ssl, SslNegotiateCert, SslRequireCert, Ssl128")
    assert estate.subscribe().status_code == 413
    estate.raise_read_ahead("exch01")
    refused = estate.subscribe()
    assert refused.status_code == 403 and "403.7" in refused.text


@pytest.mark.parametrize("login", [USER, "CONTOSO\\alex"])
def test_basic_authentication(estate: Estate, login: str) -> None:
    estate.raise_read_ahead("exch01")
    assert estate.subscribe(auth=(login, estate.lab.secret("mailbox"))).status_code == 200
    assert estate.subscribe(auth=(login, "wrong")).status_code == 401
    assert estate.subscribe(auth=("bob@contoso.com", estate.lab.secret("mailbox"))).status_code == 401


def test_basic_authentication_is_off_unless_iis_says_so(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    switch = [SetAttribute("enabled", "false")]
    Iis(estate.machine("exch01")).commit(FRONT_END, BASIC_AUTHENTICATION, switch, "apphost")
    refused = estate.subscribe()
    assert (refused.status_code, offered(refused)) == (401, ["Negotiate", "NTLM"])


@pytest.mark.parametrize("login", [USER, "CONTOSO\\alex", "contoso\\ALEX"])
def test_ntlm_signs_a_connection_in(estate: Estate, login: str) -> None:
    estate.raise_read_ahead("exch01")
    with requests.Session() as session:

        def ask() -> requests.Response:
            content = (ENVELOPE % SUBSCRIBE % (INBOX, "NewMailEvent", 1, estate.callback())).encode()
            return session.post(estate.url("exch01"), data=content, verify=str(estate.lab.ca_path), timeout=5)

        assert ask().status_code == 401
        session.auth = HttpNtlmAuth(login, estate.lab.secret("mailbox"))
        answer = ask()
        assert answer.status_code == 200 and "NoError" in answer.text
        session.auth = None
        assert ask().status_code == 200, "the connection stays signed in"
        switch = [SetAttribute("enabled", "false")]
        Iis(estate.machine("exch01")).commit(FRONT_END, WINDOWS_AUTHENTICATION, switch, "apphost")
        refused = ask()
        assert (refused.status_code, offered(refused)) == (401, ['Basic realm="exch01.corp.contoso.com"'])


@pytest.mark.parametrize(("login", "password"), [(USER, "wrong"), ("CONTOSO\\bob", ""), ("FABRIKAM\\alex", "")])
def test_ntlm_refuses_others(estate: Estate, login: str, password: str) -> None:
    estate.raise_read_ahead("exch01")
    auth = HttpNtlmAuth(login, password or estate.lab.secret("mailbox"))
    assert estate.subscribe(auth=auth).status_code == 401
    garbled = estate.subscribe(auth=None, headers={"Authorization": "NTLM %%%"})
    assert garbled.status_code == 401 and offered(garbled)[:2] == ["Negotiate", "NTLM"]


def test_health_check_and_malformed_web_config(estate: Estate) -> None:
    def ask() -> requests.Response:
        url = estate.url("exch01", "/ews/HealthCheck.htm")
        return requests.get(url, verify=str(estate.lab.ca_path), timeout=5)

    assert (ask().status_code, ask().text) == (200, "200 OK<br/>exch01.corp.contoso.com")
    estate.edit("exch01", FRONT_FILE, "<serverRuntime", "<serverRuntime <")
    assert ask().status_code == 500 and "500.19" in ask().text
    assert estate.subscribe().status_code == 500


def test_back_end_serves_front_ends_only(estate: Estate) -> None:
    url = f"https://{estate.lab.address('exch01')}:{estate.lab.port('exchange-backend')}/EWS/Exchange.asmx"
    user = (USER, estate.lab.secret("mailbox"))
    answer = requests.post(url, data=b"", auth=user, verify=str(estate.lab.ca_path), timeout=5)
    assert answer.status_code == 401


def test_503_without_a_back_end(estate: Estate) -> None:
    estate.raise_read_ahead("exch02")
    estate.stop("exch01")
    assert estate.subscribe(host="exch02").status_code == 503


# --- operations and their refusals


@pytest.mark.parametrize(
    ("minutes", "url", "code"),
    [
        ("0", "", "ErrorSchemaValidation"),
        ("1441", "", "ErrorSchemaValidation"),
        ("x", "", "ErrorSchemaValidation"),
        ("1", "ftp://example.com/", "ErrorInvalidPushSubscriptionUrl"),
        ("1", "/v1/notify/1", "ErrorInvalidPushSubscriptionUrl"),
        ("1", "https://example.com:99999/", "ErrorInvalidPushSubscriptionUrl"),
        ("1440", "", "NoError"),
    ],
)
def test_subscribe_checks_its_values(estate: Estate, minutes: str, url: str, code: str) -> None:
    estate.raise_read_ahead("exch01")
    answer = estate.subscribe(minutes, url)
    assert f">{code}</" in answer.text
    assert answer.status_code == (500 if code == "ErrorSchemaValidation" else 200)
    assert len(estate.subscriptions()) == (code == "NoError")


def test_other_requests_are_refused_by_name(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    identifier = estate.subscribe().text.partition("SubscriptionId>")[2].partition("<")[0]
    others = INBOX.replace('Id="inbox"/>', 'Id="inbox"><t:Mailbox><t:EmailAddress>bob@contoso.com</t:EmailAddress>')
    others = others.replace("</t:FolderIds>", "</t:Mailbox></t:DistinguishedFolderId></t:FolderIds>")
    for body, code in {
        "<m:FindPeople/>": "ErrorInvalidOperation",
        "<Subscribe/>": "ErrorInvalidOperation",
        "<m:Subscribe><m:PullSubscriptionRequest/></m:Subscribe>": "ErrorInvalidOperation",
        SUBSCRIBE % ("", "NewMailEvent", 1, "https://example.com/"): "ErrorSchemaValidation",
        SUBSCRIBE % (INBOX, "NoEvent", 1, "https://example.com/"): "ErrorSchemaValidation",
        SUBSCRIBE % (others, "NewMailEvent", 1, "https://example.com/"): "ErrorSubscriptionDelegateAccessNotSupported",
        "<m:Unsubscribe><m:SubscriptionId>AA==</m:SubscriptionId></m:Unsubscribe>": "ErrorSubscriptionNotFound",
        f"<m:Unsubscribe><m:SubscriptionId>{identifier}</m:SubscriptionId></m:Unsubscribe>": "ErrorInvalidSubscription",
        '<m:GetFolder><m:FolderIds><t:FolderId Id="x"/></m:FolderIds></m:GetFolder>': "ErrorFolderNotFound",
        "<m:CreateItem/>": "ErrorInvalidRequest",
    }.items():
        assert f">{code}</" in estate.post(body).text, body
    get_folder = '<m:GetFolder><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>'
    assert "NoError" in estate.post(get_folder).text
    bomb = ('<!DOCTYPE a [<!ENTITY b "c">]>' + ENVELOPE % get_folder).encode()
    answer = requests.post(
        estate.url("exch01"),
        data=bomb,
        auth=(USER, estate.lab.secret("mailbox")),
        verify=str(estate.lab.ca_path),
        timeout=5,
    )
    assert answer.status_code == 500 and "ErrorSchemaValidation" in answer.text


def test_create_item_refuses_unknown_recipients(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    mail = (
        '<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>s</t:Subject><t:ToRecipients>'
        "<t:Mailbox><t:EmailAddress>%s</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>"
    )
    assert "ErrorInvalidRecipients" in estate.post(mail % "nobody@contoso.com").text
    assert "NoError" in estate.post(mail % USER).text
    assert [item.folder for item in Mailboxes(estate.lab).items(USER)] == ["inbox"]


# --- the back end's way out


def test_notifications_go_to_the_web_proxy_until_they_are_bypassed(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.subscribe("5")
    wait(lambda: estate.events(6))
    assert estate.connects[0].startswith(f"CONNECT us-east-1.mailboxlistener.xm.citrix.com:{estate.lab.port('https')} ")
    event = estate.events(6)[0]
    assert event.provider == "MSExchange Web Services" and event.level == 3
    assert "(Send attempts: 1) Details: WebException: The remote server returned an error: (403)" in event.message
    estate.bypass()
    wait(lambda: estate.subscriptions() == [])  # the application domain is a new one
    failed = len(estate.events(6))
    estate.connects.clear()
    estate.subscribe("5")
    estate.send_mail()
    wait(estate.mails)
    assert estate.connects == [] and len(estate.events(6)) == failed


def test_a_bypass_without_proxy_element_sends_everything_directly(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    section = "<system.net><defaultProxy><bypasslist><add address='x'/></bypasslist></defaultProxy></system.net>"
    estate.edit("exch01", BACK_FILE, "</configuration>", f"{section}</configuration>")
    estate.subscribe()
    wait(lambda: estate.notifications)
    assert estate.connects == []


def test_one_bad_expression_stops_every_send(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass("*.citrix.com")
    estate.subscribe()
    wait(lambda: estate.events(6))
    assert "ConfigurationErrorsException: parsing '*.citrix.com'" in estate.events(6)[0].message
    assert estate.connects == [] and estate.notifications == []


def test_the_hosts_firewall_decides_on_each_address(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    first, second = estate.lab.addresses(LISTENER)
    registry = Registry(estate.machine("exch01"))
    registry.set(rf"{LOCAL_POLICY}\{RULES}", "a", f"v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|RA4={first}|")
    estate.subscribe("1")
    wait(lambda: estate.notifications)
    assert estate.events(6) == []
    registry.set(rf"{LOCAL_POLICY}\{RULES}", "b", f"v2.30|Action=Block|Active=TRUE|Dir=Out|Protocol=6|RA4={second}|")
    wait(lambda: estate.events(6))
    assert "Unable to connect to the remote server" in estate.events(6)[0].message
    assert "forbidden by its access permissions" in estate.events(6)[0].message


def test_giving_up_is_an_error_event(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.subscribe("1")
    wait(lambda: estate.events(7))
    assert len(estate.events(6)) == 3  # at once, after 30 and after 60 seconds
    (event,) = estate.events(7)
    assert event.level == 2 and event.message.startswith("After 3 unsuccessful attempt")
    wait(lambda: estate.subscriptions() == [])


def test_unreadable_answers_are_failures(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.answer = b"<html>Welcome</html>"
    estate.subscribe("1")
    wait(lambda: estate.events(7))
    assert len(estate.notifications) == len(estate.events(6)) == 3


def test_what_event_6_says_of_names_certificates_and_protocols(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    Registry(estate.machine("exch01")).set(SYSTEM_PROXY, "ProxyEnable", 0, "REG_DWORD")
    other = Lab(estate.lab.directory / "other")
    other.directory.mkdir()
    (other.directory / "lab.json").write_bytes((estate.lab.directory / "lab.json").read_bytes())
    Authority(other).issue_server(LISTENER)
    estate.listen(LISTENER, "xms", other.server_tls(LISTENER))
    for url in (
        estate.callback().replace("us-east-1", "nowhere"),
        estate.lab.url(LISTENER, "xms", "/v1/notify/1"),
        estate.lab.url("exch02", "winrm"),
        estate.lab.url("exch02", "https", "/elsewhere"),
    ):
        assert "NoError" in estate.subscribe("1", url).text
    wait(lambda: len(estate.subscriptions()) == 0)
    messages = " ".join(event.message for event in estate.events(6))
    assert estate.notifications == []
    for status in ("NameResolutionFailure", "TrustFailure", "SecureChannelFailure", "ProtocolError"):
        assert f"Status: {status}" in messages


def test_a_newer_subscription_of_the_same_listener_takes_over(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    for _turn in range(2):
        seen = len(estate.notifications)
        estate.subscribe("5")
        wait(lambda seen=seen: len(estate.notifications) > seen)  # type: ignore[misc]
    estate.subscribe("5", estate.callback() + "-other")
    assert len(estate.subscriptions()) == 2
    estate.send_mail()
    wait(lambda: len(estate.mails()) == 2)


def test_a_watermark_brings_back_what_was_missed(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    mark = estate.subscribe().text.partition("Watermark>")[2].partition("<")[0]
    estate.edit("exch01", BACK_FILE, "</configuration>", "</configuration> ")
    wait(lambda: estate.subscriptions() == [])
    estate.send_mail()
    again = SUBSCRIBE.replace("<t:StatusFrequency>", f"<t:Watermark>{mark}</t:Watermark><t:StatusFrequency>")
    assert "NoError" in estate.post(again % (INBOX, "NewMailEvent", 5, estate.callback())).text
    wait(estate.mails)
    late = again.replace(mark, watermark(99))
    assert "ErrorInvalidWatermark" in estate.post(late % (INBOX, "NewMailEvent", 5, estate.callback())).text


def test_a_switch_over_forgets_subscriptions_and_moves_the_back_end(estate: Estate) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.subscribe("5")
    wait(lambda: estate.notifications)
    JsonFile(estate.lab.state("exchange") / "dag.json").write({"active": "exch02"})
    wait(lambda: estate.subscriptions() == [])
    assert estate.subscribe("5").headers["X-BEServer"] == "EXCH02"
    assert estate.subscriptions() == []


@pytest.mark.parametrize("stops", [False, True], ids=["recycled", "stopped"])
def test_a_pool_without_its_process_forgets_subscriptions(estate: Estate, stops: bool) -> None:
    estate.raise_read_ahead("exch01")
    estate.bypass()
    estate.subscribe("5")
    wait(lambda: estate.notifications)
    if stops:
        change_state(estate.machine("exch01"), EWS_POOL, STOPPED)
    else:
        restart(estate.machine("exch01"), [EWS_POOL])
    wait(lambda: estate.subscriptions() == [])
    estate.send_mail()
    time.sleep(0.3)
    assert estate.mails() == []
