# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``SendNotification`` of Exchange says, and how a listener answers it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_NEWS = ("NewMailEvent", "CreatedEvent")
_ANSWER = (
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Body>'
    f'<SendNotificationResult xmlns="{_MESSAGES}"><SubscriptionStatus>{{}}</SubscriptionStatus>'
    "</SendNotificationResult></s:Body></s:Envelope>"
)
OK, UNSUBSCRIBE = (_ANSWER.format(status).encode() for status in ("OK", "Unsubscribe"))


def new_items(body: bytes) -> list[str]:
    """The ids of the items that are new, in order; none for a status event.

    :raises ValueError: no SendNotification.
    """
    try:
        envelope: ET.Element = fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, LookupError):  # the last: an encoding that nobody knows
        raise ValueError("not XML") from None
    notification = envelope.find(f"{{{_SOAP}}}Body/{{{_MESSAGES}}}SendNotification")
    if notification is None:
        raise ValueError("no SendNotification")
    found = [
        identifier.get("Id", "")
        for event in notification.iter()
        if event.tag in {f"{{{_TYPES}}}{name}" for name in _NEWS}
        for identifier in event.findall(f"{{{_TYPES}}}ItemId")
    ]
    return list(dict.fromkeys(found))
