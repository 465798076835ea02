# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EWS asked by exchangelib, and request by request: the whole way of a mail, operations, and what they refuse."""

from __future__ import annotations

import base64
import pathlib
import time
import typing as t

import exchangelib
import pytest
import requests
from exchangelib.protocol import BaseProtocol
from exchangelib.services import SendNotification
from exchangelib.version import EXCHANGE_2019, Version
from requests.adapters import HTTPAdapter

from ansible_collections.pushops.securemail.tests.lab.tests.ews_estate import (
    ENVELOPE,
    INBOX,
    SUBSCRIBE,
    Estate,
    running,
    wait,
)
from securemail_lab.exchange.mailbox import Mailboxes
from securemail_lab.lab import USER


@pytest.fixture
def estate(tmp_path: pathlib.Path) -> t.Iterator[Estate]:
    with running(tmp_path) as started:
        yield started


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
