# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``SendNotification``: what the server posts to a listener, and what it makes of the answer."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ..mailbox import Item
from .folders import Folder
from .soap import MESSAGES, ServerVersion, SoapFault, envelope, messages, parse, success, types
from .subscriptions import Subscription, watermark

SOAP_ACTION = "http://schemas.microsoft.com/exchange/services/2006/messages/SendNotification"


def build(subscription: Subscription, items: list[Item], version: ServerVersion) -> bytes:
    """The events of these items, or a status event where there are none. Identifiers only, nothing of a mail."""
    events = [_event(name, subscription.mailbox, item) for item in items for name in subscription.events(item)]
    if not events:
        events = [types("StatusEvent", types("Watermark", watermark(subscription.position)))]
    notification = messages(
        "Notification",
        types("SubscriptionId", subscription.id),
        types("PreviousWatermark", watermark(subscription.position)),
        types("MoreEvents", "false"),
        *events,
    )
    body = messages("SendNotification", messages("ResponseMessages", success("SendNotification", notification)))
    return envelope(body, types("RequestServerVersion", Version=version.schema))


def _event(name: str, mailbox: str, item: Item) -> ET.Element:
    folder = Folder(mailbox, item.folder)
    return types(
        name,
        types("Watermark", watermark(item.sequence)),
        types("TimeStamp", item.received.replace("+00:00", "Z")),
        types("ItemId", Id=item.id, ChangeKey=item.change_key),
        types("ParentFolderId", Id=folder.id, ChangeKey=folder.change_key),
    )


def wants_more(answer: bytes) -> bool:
    """Whether the listener's ``SendNotificationResult`` says OK; false where it says Unsubscribe.

    :raises ValueError: it says neither.
    """
    try:
        result = parse(answer)
    except SoapFault as error:
        raise ValueError(error.text) from None
    status = result.findtext(f"{{{MESSAGES}}}SubscriptionStatus") or ""
    if result.tag != f"{{{MESSAGES}}}SendNotificationResult" or status not in ("OK", "Unsubscribe"):
        raise ValueError("There is no SubscriptionStatus in the response.")
    return status == "OK"
