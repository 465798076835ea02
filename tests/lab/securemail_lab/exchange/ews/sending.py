# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``CreateItem`` for messages: send them, save them, or both."""

from __future__ import annotations

import base64
import binascii
import email
import email.message
import email.policy
import email.utils
import xml.etree.ElementTree as ET

from ..mailbox import DRAFTS, SENT_ITEMS, Mailboxes
from .soap import MESSAGES, TYPES, EwsError, SoapFault, failure, messages, response, success, types

_RECIPIENTS = {"ToRecipients": "To", "CcRecipients": "Cc", "BccRecipients": "Bcc"}


def create_item(request: ET.Element, user: str, mailboxes: Mailboxes) -> ET.Element:
    """One response message for each ``t:Message``; a saved draft comes back with its identifier.

    :raises SoapFault: no ``MessageDisposition``, or no messages.
    """
    disposition = request.get("MessageDisposition", "")
    drafts = request.findall(f"{{{MESSAGES}}}Items/{{{TYPES}}}Message")
    if disposition not in ("SaveOnly", "SendOnly", "SendAndSaveCopy") or not drafts:
        raise SoapFault("ErrorInvalidRequest", "CreateItem takes messages, with a MessageDisposition.")
    results = []
    for draft in drafts:
        try:
            saved = _create(draft, disposition, user, mailboxes)
        except EwsError as error:
            results.append(failure("CreateItem", error))
        else:
            results.append(success("CreateItem", messages("Items", saved)))
    return response("CreateItem", *results)


def _create(draft: ET.Element, disposition: str, user: str, mailboxes: Mailboxes) -> ET.Element | None:
    message = _message(draft, user)
    if disposition == "SaveOnly":
        item = mailboxes.store(user, DRAFTS, message.as_bytes())
        return types("Message", types("ItemId", Id=item.id, ChangeKey=item.change_key))
    headers = [str(value) for name in _RECIPIENTS.values() for value in message.get_all(name, [])]
    recipients = sorted({address.lower() for _rest, address in email.utils.getaddresses(headers)})
    if not recipients or not all(mailboxes.exists(address) for address in recipients):
        raise EwsError("ErrorInvalidRecipients", "At least one recipient isn't valid.")
    if disposition == "SendAndSaveCopy":
        mailboxes.store(user, SENT_ITEMS, message.as_bytes())
    del message["Bcc"]
    for address in recipients:
        mailboxes.deliver(address, message.as_bytes())
    return None


def _message(draft: ET.Element, user: str) -> email.message.EmailMessage:
    mime = draft.findtext(f"{{{TYPES}}}MimeContent")
    if mime is not None:
        try:
            content = base64.b64decode(mime, validate=True)
        except binascii.Error:
            raise EwsError("ErrorMimeContentInvalidBase64String", "The MIME content is not base64.") from None
        message = email.message_from_bytes(content, policy=email.policy.SMTP)
        assert isinstance(message, email.message.EmailMessage)  # that is what this policy makes
        return message
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = user
    message["Subject"] = " ".join((draft.findtext(f"{{{TYPES}}}Subject") or "").split())
    for element, header in _RECIPIENTS.items():
        found = draft.findall(f"{{{TYPES}}}{element}/{{{TYPES}}}Mailbox/{{{TYPES}}}EmailAddress")
        addresses = [" ".join((each.text or "").split()) for each in found]
        if addresses:
            message[header] = ", ".join(addresses)
    body = draft.find(f"{{{TYPES}}}Body")
    if body is not None:
        html = body.get("BodyType") == "HTML"
        message.set_content(body.text or "", subtype="html" if html else "plain")
    return message
