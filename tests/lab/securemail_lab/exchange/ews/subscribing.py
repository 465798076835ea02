# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Subscribe`` and ``Unsubscribe``, as MS-OXWSNTIF and the EWS reference describe them."""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as ET

from ..mailbox import Mailboxes
from .folders import resolve
from .notifier import Notifier
from .soap import MESSAGES, TYPES, EwsError, SoapFault, local_name, messages, response, success
from .subscriptions import EVENT_TYPES, Subscription, new_id, position_of, watermark

_DEFAULT_MINUTES = 30
_MOST_MINUTES = 1440


def subscribe(request: ET.Element, user: str, server: str, mailboxes: Mailboxes, notifier: Notifier) -> ET.Element:
    """Answer ``Subscribe`` with a ``PushSubscriptionRequest``.

    :raises SoapFault: another kind of subscription, or a value that the schema does not allow.
    :raises EwsError: the subscription is refused.
    """
    wanted = request.find(f"{{{MESSAGES}}}PushSubscriptionRequest")
    if wanted is None:
        raise SoapFault("ErrorInvalidOperation", "This server takes push subscriptions only.")
    everything = wanted.get("SubscribeToAllFolders", "false").lower() in ("true", "1")
    subscription = Subscription(
        id=new_id(server),
        mailbox=user,
        url=_url(wanted),
        event_types=_event_types(wanted),
        folders=None if everything else _folders(wanted, user),
        status_frequency=_status_frequency(wanted),
        position=_position(wanted, mailboxes.sequence(user)),
    )
    if everything and wanted.find(f"{{{TYPES}}}FolderIds") is not None:
        raise EwsError("ErrorInvalidSubscriptionRequest", "A subscription to all folders cannot name folders.")
    notifier.add(subscription)
    mark = messages("Watermark", watermark(subscription.position))
    return response("Subscribe", success("Subscribe", messages("SubscriptionId", subscription.id), mark))


def unsubscribe(request: ET.Element, user: str, notifier: Notifier) -> ET.Element:
    """Answer ``Unsubscribe``, which ends no push subscription: the listener's ``SubscriptionStatus`` does.

    :raises EwsError: always; ErrorInvalidSubscription for a push subscription (MS-OXWSNTIF 3.1.4.4).
    """
    subscription = notifier.find(request.findtext(f"{{{MESSAGES}}}SubscriptionId") or "")
    if subscription is None:
        raise EwsError("ErrorSubscriptionNotFound", "The specified subscription was not found.")
    if subscription.mailbox != user:
        raise EwsError("ErrorSubscriptionAccessDenied", "Access is denied. The subscription belongs to another user.")
    raise EwsError(
        "ErrorInvalidSubscription", "The subscription is invalid: Unsubscribe is not for push subscriptions."
    )


def _url(wanted: ET.Element) -> str:
    text = wanted.findtext(f"{{{TYPES}}}URL")
    if text is None:
        raise _schema_violation("element 'URL' is missing")
    try:
        parts = urllib.parse.urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise EwsError("ErrorInvalidPushSubscriptionUrl", "The push subscription URL is invalid.")
    return text


def _event_types(wanted: ET.Element) -> list[str]:
    names = [element.text or "" for element in wanted.findall(f"{{{TYPES}}}EventTypes/{{{TYPES}}}EventType")]
    if not names:
        raise _schema_violation("element 'EventTypes' is missing or empty")
    for name in names:
        if name not in EVENT_TYPES:
            raise _schema_violation(f"'EventType' has the invalid value '{name}'")
    return names


def _folders(wanted: ET.Element, user: str) -> list[str]:
    references = wanted.findall(f"{{{TYPES}}}FolderIds/*")
    if not references:
        raise _schema_violation("element 'FolderIds' is missing or empty")
    try:
        return [resolve(reference, user).name for reference in references]
    except EwsError as error:
        if error.code != "ErrorAccessDenied":
            raise
        raise EwsError(
            "ErrorSubscriptionDelegateAccessNotSupported",
            "Subscriptions are not supported for delegate user access.",
        ) from None


def _status_frequency(wanted: ET.Element) -> int:
    text = wanted.findtext(f"{{{TYPES}}}StatusFrequency", str(_DEFAULT_MINUTES)).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_MINUTES):
        raise _schema_violation(f"'StatusFrequency' has the invalid value '{text}', 1 to {_MOST_MINUTES} is allowed")
    return int(text)


def _position(wanted: ET.Element, newest: int) -> int:
    # exchangelib writes the watermark in the other namespace.
    text = next((child.text or "" for child in wanted if local_name(child) == "Watermark"), None)
    if text is None:
        return newest
    try:
        position = position_of(text)
    except ValueError:
        position = newest + 1
    if position > newest:
        raise EwsError("ErrorInvalidWatermark", "The watermark used for creating this subscription was not found.")
    return position


def _schema_violation(what: str) -> SoapFault:
    return SoapFault("ErrorSchemaValidation", f"The request failed schema validation: {what}.")
