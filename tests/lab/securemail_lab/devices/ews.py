# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure Mail's side of EWS: ``Subscribe`` with a client certificate."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import aiohttp
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
#: Minutes between two status events, and so the field time after which a silent listener is noticed.
STATUS_FREQUENCY = 2
_SUBSCRIBE = """\
<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header>
<s:Body><m:Subscribe><m:PushSubscriptionRequest>
<t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>
<t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes>{watermark}
<t:StatusFrequency>{frequency}</t:StatusFrequency><t:URL>{url}</t:URL>
</m:PushSubscriptionRequest></m:Subscribe></s:Body></s:Envelope>"""


class SubscribeFailed(Exception):
    """Exchange answered, and the answer is not a subscription."""


@dataclasses.dataclass(frozen=True)
class Subscribed:
    """A subscription, and the point in the mailbox's history from which a later one goes on."""

    id: str
    watermark: str


async def subscribe(session: aiohttp.ClientSession, url: str, listener_url: str, watermark: str | None) -> Subscribed:
    """Subscribe to new mail in the inbox, from a watermark where there is one.

    :raises SubscribeFailed: the status, or the response code, says no.
    :raises aiohttp.ClientError: there was no answer.
    """
    since = f"<t:Watermark>{escape(watermark)}</t:Watermark>" if watermark else ""
    body = _SUBSCRIBE.format(url=escape(listener_url), frequency=STATUS_FREQUENCY, watermark=since)
    async with session.post(url, data=body.encode(), headers={"Content-Type": "text/xml; charset=utf-8"}) as answer:
        if answer.status != 200:
            raise SubscribeFailed(f"HTTP {answer.status} {answer.reason}")
        content = await answer.read()
    try:
        document: ET.Element = fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException):
        raise SubscribeFailed("the answer is no XML") from None
    identifier = document.findtext(f".//{{{_MESSAGES}}}SubscriptionId")
    if identifier is None:
        raise SubscribeFailed(document.findtext(f".//{{{_MESSAGES}}}ResponseCode") or "no subscription in the answer")
    return Subscribed(identifier, document.findtext(f".//{{{_MESSAGES}}}Watermark") or "")
